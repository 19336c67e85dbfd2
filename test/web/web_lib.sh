# web_lib.sh - for tests of the dashboard: Chromium and what drives it (scripts/services.sh web).
#
#	. "$(dirname "$0")/web_lib.sh"
#	drive tasks.py [NAME…]	runs that program in its Python, with these of scripts/services.sh too; never returns
#
# Environment: SKALDS_WEB_SHOTS, where screenshots go (build/test-logs/web-shots).
# shellcheck shell=bash

declare -F finish >/dev/null || . "$(dirname "${BASH_SOURCE[0]}")/../lib.sh" # fleet_lib.sh has it already
export SKALDS_WEB_SHOTS=${SKALDS_WEB_SHOTS:-$ROOT/build/test-logs/web-shots}
SERVICES=${SKALDS_SERVICES:-$ROOT/build/services}

drive()
{
	local program=$1 code
	shift
	if ! SKALDS_SERVICES=$SERVICES "$ROOT/scripts/services.sh" up web "$@" >"$T/services.log" 2>&1; then
		fail "Chromium and Playwright are there" "$(tail -n 8 "$T/services.log")"
		finish
	fi
	# not the servers that stand there too: those make commands look for a fleet
	eval "$(grep -E '^export (SKALDS_WEB_[A-Z]*|PYSKALDS)=' "$SERVICES/env")"
	PYTHONDONTWRITEBYTECODE=1 "$SKALDS_WEB_PYTHON" "$ROOT/test/web/$program" </dev/null
	code=$?
	exit $code
}
