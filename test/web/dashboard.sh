#!/usr/bin/env bash
# What every page of the dashboard has in common: looks, languages, keyboard, tokens, a server that goes away.
. "$(dirname "$0")/web_lib.sh"
drive dashboard.py
