#!/usr/bin/env bash
# Text of tasks is only ever text, on every page of the dashboard.
. "$(dirname "$0")/web_lib.sh"
drive hostile.py
