# web.sh - what drives the dashboard in tests: Debian's Chromium, Playwright from PyPI in a virtual environment, and
# axe-core from npm, which judges whether everybody can use a page. Nothing that runs by itself. `up` puts its
# Python into the env file, `down` takes it out.
# shellcheck shell=bash

AXE_VERSION=4.14.1
AXE_SHA512=FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==

web_key()
{
	key "$(cat "$HERE/web.txt")" "$AXE_VERSION $AXE_SHA512" \
		"$(python3 -c 'import sys; print(sys.version, sys.base_prefix)')"
}

# The second font has Chinese letters: without it screenshots show boxes.
web_needs()
{
	need python3=python3 chromium=chromium \
		/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf=fonts-droid-fallback
}

web_build_needs()
{
	need curl=curl openssl=openssl
	python3 -c 'import ensurepip' 2>/dev/null || need ensurepip=python3-venv
}

web_build()
{
	pip_install "$1" web.txt
	web_axe "$1"
}

# One file of a package of npm, from the registry that npm uses here, checked as npm checks it.
web_axe()
{
	local registry
	registry=$("$HERE/../npm-registry.sh")
	curl -fsSL --retry 3 -o "$1/axe.tgz" "$registry/axe-core/-/axe-core-$AXE_VERSION.tgz"
	[ "$(openssl dgst -sha512 -binary "$1/axe.tgz" | openssl base64 -A)" = "$AXE_SHA512" ] ||
		die "web: axe-core $AXE_VERSION is not the pinned one"
	tar -xzf "$1/axe.tgz" -C "$1" --strip-components=1 package/axe.min.js package/LICENSE
	rm "$1/axe.tgz"
}

web_version()
{
	sed -n 's/^playwright==\([^ ]*\).*/playwright \1/p' "$HERE/web.txt"
}

web_address()
{
	echo "$BUILT/venv/bin/python"
}

web_env()
{
	echo "export SKALDS_WEB_PYTHON=$BUILT/venv/bin/python"
	echo "export SKALDS_WEB_AXE=$BUILT/axe.min.js"
}
