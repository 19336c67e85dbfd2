#!/usr/bin/env bash
# The pages of tasks in a browser: list, detail, new task, every action, each change within a second.
. "$(dirname "$0")/web_lib.sh"
drive tasks.py
