#!/usr/bin/env bash
# The dashboard's files as a browser gets them, over TCP; and the rules of its sources that a machine can check.
. "$(dirname "$0")/../up_lib.sh"

printf 'ops admin sha256:%s\n' "$(printf secret-of-ops | sha256sum | cut -d ' ' -f 1)" >"$T/tokens"
chmod 600 "$T/tokens"
up --listen 127.0.0.1:0 --tokens "$T/tokens"
URL=$(events up.out event=ready -- url)

# ask PATH [CURL'S ARGUMENTS]: the status; head and body in $T/head, $T/body
ask()
{
	local path=$1
	shift
	curl -s --max-time 10 -D "$T/head" -o "$T/body" -w '%{http_code}' "$@" "$URL$path"
}

header()
{
	tr -d '\r' <"$T/head" | sed -n "s/^$1: //Ip"
}

# ---- what is served ----

D=$ROOT/adapters/http/dashboard

is "the page needs no token" "$(ask /dashboard/)" 200
is "it is a page" "$(header content-type)" 'text/html; charset=utf-8'
if grep -q '"code":"unavailable"' "$T/body"; then
	skip "the dashboard" "built with WEB=0"
	finish
fi
like "no script and no style runs that is not a file" "$(header content-security-policy)" \
	"^default-src 'none'; script-src 'self'; style-src 'self';"
unlike "nothing of it comes from elsewhere" "$(cat "$T/body")" 'https?://'
is "whatever is below is the page too" "$(ask /dashboard/tasks/a%2Fb?x=y)" 200
is "HEAD has no body" "$(curl -s --max-time 10 --head -o "$T/body" -w '%{http_code} %{size_download}' "$URL/dashboard/")" '200 0'
is "the root leads there" "$(ask / -H 'Authorization: Bearer secret-of-ops'; header location)" 302/dashboard
is "data needs the token" "$(ask /v1/status)" 401
is "which is enough" "$(ask /v1/status -H 'Authorization: Bearer secret-of-ops')" 200

ask /dashboard/ >"$T/.code"
# shellcheck disable=SC2207 # one a line, without blanks
files=($(grep -o '/dashboard/assets/[^"]*' "$T/body" | sort -u))
at_least "the page names its files" "${#files[@]}" 10
missing=
for f in "${files[@]}"; do
	[ "$(ask "$f")" = 200 ] || missing="$missing $f"
done
is "all of them are there" "$missing" ''
ask "${files[0]}" >"$T/.code"
is "and may be kept for ever: their names change with them" "$(header cache-control)" \
	'public, max-age=31536000, immutable'
cp "$T/body" "$T/plain"
is "compressed for those who take it" "$(ask "${files[0]}" -H 'Accept-Encoding: gzip'; header content-encoding)" 200gzip
check "to the same bytes" sh -c "gzip -dc '$T/body' | cmp - '$T/plain'"
tag=$(header etag)
is "what is known is not sent again" "$(ask "${files[0]}" -H 'Accept-Encoding: gzip' -H "If-None-Match: $tag")" 304
version=$(sed 's|.*/assets/\([^/]*\)/.*|\1|' <<<"${files[0]}")
lost=
# shellcheck disable=SC2044 # no blanks in their names
for f in $(cd "$D" && find . -name '*.js' -o -name '*.css'); do
	ask "/dashboard/assets/$version/${f#./}" >"$T/.code"
	[ "$(sed 's|^[[:space:]]*//.*||; s|\([;,{}]\) // .*|\1|' "$D/$f" | tr -cd '{' | wc -c)" -le "$(tr -cd '{' <"$T/body" | wc -c)" ] || lost="$lost $f"
done
is "of each file only comments are left out" "$lost" ''
is "a file of another version is not there" "$(ask /dashboard/assets/0123456789abcdef/app.js)" 404
is "the files can only be read" "$(ask /dashboard/ -X POST \
	-H 'Authorization: Bearer secret-of-ops'; header allow)" '405GET, HEAD'

# ---- the sources ----

unlike "no text becomes markup" "$(grep -rnE 'innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function' \
	"$D" --include='*.js')" .
unlike "no token in a URL" "$(grep -rnE '[?&](token|access_token)=' "$D" --include='*.js')" .
is "each text stands in both languages" "$(python3 - "$D/texts" <<'END'
import pathlib, re, sys

def names(file):
	text = file.read_text(encoding='utf-8')
	return set(re.findall(r"(?:^|[\s{,])(?:'([\w.-]+)'|(\w+)): (?=['`\[])", text, re.M))

here = pathlib.Path(sys.argv[1])
for part in ('', '-tasks'):
	en, zh = (names(here / f'{lang}{part}.js') for lang in ('en', 'zh-TW'))
	assert len(en) > 50, (part, len(en))
	for name in sorted(a or b for a, b in en ^ zh):
		print(part, name)
END
)" ''
is "each text that is asked for is there" "$(python3 - "$D" <<'END'
import pathlib, re, sys

here = pathlib.Path(sys.argv[1])
known = set()
for file in here.glob('texts/en*.js'):
	known |= set(a or b for a, b in re.findall(r"(?:^|[\s{,])(?:'([\w.-]+)'|(\w+)): (?=['`\[])",
		file.read_text(encoding='utf-8'), re.M))
asked = 0
for file in sorted(here.rglob('*.js')):
	for name in re.findall(r"\bt\('([^']+)'", file.read_text(encoding='utf-8')):
		asked += 1
		if name not in known and not any(k.startswith(name) for k in known if name.endswith('.')):
			print(file.name, name)
assert asked > 100, asked
END
)" ''
down
finish
