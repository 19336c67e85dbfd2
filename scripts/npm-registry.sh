#!/bin/sh
# npm-registry.sh - prints where packages of npm come from: the registry of the environment, of npm's
# configuration, or the public one. Neither node nor npm is needed.
set -eu

configured()
{
	for file in "${NPM_CONFIG_USERCONFIG:-$HOME/.npmrc}" /etc/npmrc; do
		[ ! -r "$file" ] || sed -n 's/^registry *= *//p' "$file"
	done | head -n 1
}

for url in "${npm_config_registry:-}" "${NPM_CONFIG_REGISTRY:-}" \
	"$(npm config get registry 2>/dev/null || true)" "$(configured)" https://registry.npmjs.org; do
	if [ -n "$url" ]; then
		echo "${url%/}"
		exit
	fi
done
