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
	python3 -m venv "$1/venv"
	cp "$HERE/pyskalds.txt" "$1/requirements.txt"
	# Other Pythons and machines have other wheels of the same versions.
	[ "$(uname -m) $(python3 -c 'import sys; print(*sys.version_info[:2])')" = "x86_64 3 11" ] ||
		sed -i 's/ --hash=.*//' "$1/requirements.txt"
	"$1/venv/bin/python" -m pip install -q --no-deps --disable-pip-version-check -r "$1/requirements.txt"
	"$1/venv/bin/python" -m pip check
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
