#!/usr/bin/env bash
# The dashboard of the original program, from its package, works with our API.
. "$(dirname "$0")/web_lib.sh"
drive original.py pyskalds
