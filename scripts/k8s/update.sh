#!/bin/sh
# update.sh [DIR] - prints the manifests of tasks/*.yml into DIR (default: manifests/ beside this file).
set -eu
cd "$(dirname "$0")"
skalds=${SKALDS:-../../build/skalds}
dir=${1:-manifests}

for pair in camera:deployment import:job version:cronjob; do
	"$skalds" run-one -f "tasks/${pair%:*}.yml" --print-manifest "${pair#*:}" >"$dir/${pair#*:}.yml"
done
