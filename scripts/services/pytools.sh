# pytools.sh - what looks at the API from outside, from PyPI, in a virtual environment: schemathesis,
# the OpenAPI validator, the Prometheus client. `up` puts its Python into the env file, `down` takes it
# out.
# shellcheck shell=bash

pytools_key()
{
	key "$(cat "$HERE/pytools.txt")" "$(python3 -c 'import sys; print(sys.version, sys.base_prefix)')"
}

pytools_needs()
{
	need python3=python3
}

pytools_build_needs()
{
	python3 -c 'import ensurepip' 2>/dev/null || need ensurepip=python3-venv
}

pytools_build()
{
	pip_install "$1" pytools.txt
	"$1/venv/bin/python" -c 'import schemathesis, openapi_spec_validator, prometheus_client'
}

pytools_version()
{
	sed -n 's/^schemathesis==\([^ ]*\).*/\1/p' "$HERE/pytools.txt"
}

pytools_address()
{
	echo "$BUILT/venv/bin/python"
}

pytools_env()
{
	echo "export PYTOOLS=$BUILT/venv/bin/python"
}
