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

# What only a running skalds knows: a hub that tells about two tasks and a skald.
helper fakehub >/dev/null
export SKALDS_DATA=$T/data
tasks='{"items":[{"id":"01aa-first"},{"id":"01ab-second"},{"id":"other"}],"next":null}'

# hub ANSWER: the answer to everything
hub()
{
	[ -z "${HUB:-}" ] || { kill "$HUB"; wait "$HUB" 2>/dev/null; }
	start hub fakehub "$SKALDS_DATA" "200:$1"
	HUB=$PID
	until_true 5 test -S "$SKALDS_DATA/skalds.sock"
}

hub "$tasks"
is "bash: ids" "$(in_bash skalds task get '')" "01aa-first 01ab-second other"
is "bash: ids that begin so" "$(in_bash skalds task get 01a)" "01aa-first 01ab-second"
is "bash: what was typed is asked for" "$(tail -n 1 "$T/hub.out")" "GET /v1/tasks?limit=100&id=01a "
is "bash: a second id" "$(in_bash skalds task wait other 01ab)" "01ab-second"
in_bash skalds task cancel '' >/dev/null
is "bash: cancel is offered what has not ended" "$(tail -n 1 "$T/hub.out")" \
	"GET /v1/tasks?limit=100&state=Created,Assigning,Running,Paused "
is "bash: ids of a flag" "$(in_bash skalds task add --after o)" "other"
is "bash: logs takes one id only" "$(in_bash skalds task logs other '')" ""
is "bash: another directory on the line" "$(in_bash skalds --data "$T/none" task get '')" ""
check "bash: where nothing is made" test ! -e "$T/none"
is "bash: classes to add" "$(in_bash skalds task add My)" "MyWorker"
is "bash: attachments of the class" "$(in_bash skalds task add MyWorker '')" "rtspUrl= fixFrame= steps= intervalSeconds="
is "bash: those that are not there yet" "$(in_bash skalds task add MyWorker fixFrame=3 --label a=b '')" \
	"rtspUrl= steps= intervalSeconds="
is "bash: nothing behind the --" "$(in_bash skalds task add -- m)" ""
is "bash: states" "$(in_bash skalds task list --state F)" "Finished Failed"
hub '{"className":"Sleep","id":"x"}'
is "bash: attachments of the task to update" "$(in_bash skalds task update x '')" "seconds="
hub '{"items":[{"id":"local"},{"id":"edge-7"}],"next":null}'
is "bash: skalds" "$(in_bash skalds skald drain '')" "local edge-7"
is "bash: skalds of a filter" "$(in_bash skalds task list --skald e)" "edge-7"
is "bash: the hidden command is offered nowhere" "$(in_bash skalds __)" ""
unlike "the help does not speak of it" "$(skalds help; skalds help --json; skalds __compl 2>&1)" '__complete'
out=$(skalds __complete -- task get x 2>&1; skalds __complete -- 2>&1; skalds __complete 2>&1; skalds __complete -- nonsense '' 2>&1
	skalds __complete -- task nonsense x '' 2>&1; skalds __complete -- --log-level nonsense task get '' 2>&1; skalds __complete -- task get --data 2>&1)
is "it is silent about what makes no sense" "$out" "local
edge-7"
hub '<html>'
is "and about an answer that makes none" "$(in_bash skalds task get '' 2>&1)" ""

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
	hub "$tasks"
	like "zsh: ids" "$(in_zsh 'skalds task get ' 'second')" '01aa-first +01ab-second'
	is "zsh: flags in front of the command count" \
		"$(in_zsh "skalds --data $T/none task get 01ab" '-second' | grep -c -- '-second')" 0
	like "zsh: one id" "$(in_zsh "skalds task get 01ab" '-second')" '01ab-second'
	like "zsh: classes to add" "$(in_zsh 'skalds task add ' 'MyWorker')" 'MyWorker'
	like "zsh: attachments" "$(in_zsh 'skalds task add MyWorker s' 'steps')" 'steps='
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
	hub "$tasks"
	is "fish: ids" "$(in_fish 'skalds task get 01')" "01aa-first 01ab-second "
	is "fish: attachments" "$(in_fish 'skalds task add MyWorker s')" "steps= "
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
