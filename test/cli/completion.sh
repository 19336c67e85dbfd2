#!/bin/bash
# Completion, in the real shells.
. "$(dirname "$0")/lib.sh"

# The other shells come from the distribution, where that is possible.
if [ "$(id -u)" = 0 ] && ! { command -v zsh && command -v fish; } >/dev/null; then
	apt-get install -y -qq --no-install-recommends zsh fish >/dev/null 2>&1
fi

mkdir -p "$T/bin" "$T/files/sub" && ln -s "$SKALDS" "$T/bin/skalds"
PATH=$T/bin:$PATH
touch "$T/files/all.yml"
cd "$T/files" || exit 1

# ---- bash: the function is called as readline does ----

cat >"$T/complete.bash" <<'X'
source <(skalds completion bash)
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; }	# readline's, not there without a line to edit
$(complete -p skalds | sed 's/.*-F \([^ ]*\).*/\1/')
echo "${COMPREPLY[*]}"
X

in_bash()
{
	bash "$T/complete.bash" "$@"
}

check "bash sources it without a word" bash -euc 'source <(skalds completion bash)'
names=$(sk help --json; grep -o '"name":"[^"]*"' <<<"$out" | cut -d'"' -f4 | tr '\n' ' ')
is "bash: all commands" "$(in_bash skalds '')" "${names% }"
is "bash: a command begun" "$(in_bash skalds wor)" worker
is "bash: verbs" "$(in_bash skalds worker '')" "list describe"
is "bash: classes" "$(in_bash skalds worker describe My)" MyWorker
is "bash: choices of a flag" "$(in_bash skalds --color '')" "auto always never"
is "bash: choices of a setting's flag" "$(in_bash skalds config --log-level W)" WARNING
is "bash: own and global flags" "$(in_bash skalds probe live --t)" "--token-file --timeout"
is "bash: settings" "$(in_bash skalds config REDIS_P)" "REDIS_PORT REDIS_PASSWORD"
is "bash: a flag's value in front is stepped over" "$(in_bash skalds --data x wor)" worker
is "bash: directories" "$(in_bash skalds --data '')" sub
is "bash: files" "$(in_bash skalds check -f a)" all.yml
is "bash: shells" "$(in_bash skalds completion '')" "bash zsh fish"
is "bash: nothing for a free value" "$(in_bash skalds probe live --timeout '')" ""
is "bash: nothing behind --" "$(in_bash skalds config -- '')" ""

# ---- zsh: a real line editor on a pseudo terminal ----

if command -v zsh >/dev/null; then
	mkdir "$T/zsh"
	skalds completion zsh >"$T/zsh/_skalds"
	check "zsh: it is right" zsh -n "$T/zsh/_skalds"
	cat >"$T/complete.zsh" <<'X'
zmodload zsh/zpty
zpty z zsh -f -i
line() { zpty -w z "$1" }
line "PS1= PROMPT= RPS1=; unsetopt prompt_cr prompt_sp; stty columns 200 rows 50"
line "fpath=($Z \$fpath); autoload -U compinit; compinit -u -D; bindkey '^I' complete-word"
line "zstyle ':completion:*' list-prompt ''; zstyle ':completion:*' menu no; setopt no_beep no_list_beep"
line "zstyle ':completion:*' list-max 500; LISTMAX=0; print READY-\$((1+1))"
zpty -r z out '*READY-2*'
zpty -w -n z "$1"$'\t'
all=
for i in {1..30}; do
	sleep 0.1
	while zpty -r -t z out; do all+=$out; done
	[[ -n $2 && $all == *$2* ]] && break
done
print -r -- "$all"
zpty -d z
X
	in_zsh()
	{
		Z=$T/zsh HOME=$T TERM=dumb timeout 20 zsh "$T/complete.zsh" "$@" 2>&1
	}
	like "zsh: commands with their summaries" "$(in_zsh 'skalds ' 'worker')" 'worker +-- Show the worker classes'
	like "zsh: a command begun" "$(in_zsh 'skalds wor' 'worker')" 'worker'
	like "zsh: verbs" "$(in_zsh 'skalds worker ' 'list')" 'describe +-- Show the attachments'
	like "zsh: classes" "$(in_zsh 'skalds worker describe ' 'MyWorker')" 'MyWorker'
	like "zsh: choices of a flag" "$(in_zsh 'skalds --color ' 'never')" 'always +auto +never'
	like "zsh: flags" "$(in_zsh 'skalds probe live --t' 'timeout')" '--timeout'
else
	skip "zsh" "not installed"
fi

# ---- fish ----

if command -v fish >/dev/null; then
	skalds completion fish >"$T/skalds.fish"
	check "fish: it is right" fish -n "$T/skalds.fish"
	in_fish()
	{
		HOME=$T XDG_CONFIG_HOME=$T XDG_DATA_HOME=$T fish --no-config -c "source $T/skalds.fish; complete -C '$1'" 2>&1 | cut -f1 | sort | tr '\n' ' '
	}
	is "fish: all commands" "$(in_fish 'skalds ')" "$(tr ' ' '\n' <<<"$names" | grep . | sort | tr '\n' ' ')"
	is "fish: verbs" "$(in_fish 'skalds worker ')" "describe list "
	like "fish: classes" "$(in_fish 'skalds worker describe ')" '.*MyWorker.*'
	is "fish: choices of a flag" "$(in_fish 'skalds --color ')" "always auto never "
	is "fish: flags" "$(in_fish 'skalds probe live --t')" "--timeout --token-file "
	is "fish: verbs are not offered twice" "$(in_fish 'skalds worker list de')" ""
else
	skip "fish" "not installed"
fi

cd "$T" || exit 1
sk completion tcsh
like "another shell is refused with the ones there are" "$code:$err" '^2:.*there are bash, zsh and fish'
finish
