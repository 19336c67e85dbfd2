#!/usr/bin/env bash
# The dashboard with 100,000 tasks is as quick as with ten.
. "$(dirname "$0")/web_lib.sh"
drive crowd.py
