# pyskalds.sh - the original Skalds 0.3.8 with its clients of Kafka, Redis and MongoDB, from PyPI, in a
# virtual environment: a library and a peer for tests, nothing that runs by itself. `up` puts its Python
# into the env file, `down` takes it out.
# shellcheck shell=bash

pyskalds_key()
{
	key "$(cat "$HERE/pyskalds.txt")" "$(python3 -c 'import sys; print(sys.version, sys.base_prefix)')"
}

pyskalds_needs()
{
	need python3=python3
}

pyskalds_build_needs()
{
	python3 -c 'import ensurepip' 2>/dev/null || need ensurepip=python3-venv
}

pyskalds_build()
{
	pip_install "$1" pyskalds.txt
	( cd "$1" && venv/bin/python -c 'import skalds.skald, skalds.system_controller.main' )
}

pyskalds_version()
{
	sed -n 's/^skalds==\([^ ]*\).*/\1/p' "$HERE/pyskalds.txt"
}

pyskalds_address()
{
	echo "$BUILT/venv/bin/python"
}

pyskalds_env()
{
	echo "export PYSKALDS=$BUILT/venv/bin/python"
}
