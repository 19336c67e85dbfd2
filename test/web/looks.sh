#!/usr/bin/env bash
# Every page of the dashboard, full and phone width, light and dark: pictures, and what axe finds.
. "$(dirname "$0")/web_lib.sh"
drive looks.py
