#!/usr/bin/env bash
# kill -9 of the link, of the supervisor and of both, at random moments.
#   link: it is restarted, tasks go on, no exit code is lost.
#   supervisor: no task process is left within 2 s.
#   both: the next start clears what is left.
. "$(dirname "$0")/../lib.sh"
helper tree >/dev/null
helper die >/dev/null
n=${ROUNDS:-$(rounds 50 500)}

random_ms()
{
	echo "0.$(printf '%03d' $((RANDOM % $1)))"
}

# Alternately with and without cgroups.
flags()
{
	[ $(($1 % 2)) = 0 ] || echo --no-cgroup
}

# ---- the link ----

# Eight tasks with different lives and different codes.
write_eight()
{
	local i
	new_file f.yml
	for i in 1 2 3 4 5 6; do
		program f.yml "t$i" "/bin/sh, -c, \"sleep 0.$((RANDOM % 9)); echo out-$i; exit $((10 + i))\""
	done
	task f.yml t7 Sleep '{seconds: 0.4}'
	task f.yml t8 Fail '{afterSeconds: 0.3, message: told so}'
}

want_ends="t1 exited 11
t2 exited 12
t3 exited 13
t4 exited 14
t5 exited 15
t6 exited 16
t7 exited 0
t8 exited 1"

ends_of()
{
	{
		events "$1" event=finished -- taskId exit.reason exit.code
		events "$1" event=failed -- taskId exit.reason exit.code
	} | sort | tr '\t' ' '
}

bad=0
killed=0
restarted=0
slow=0
for i in $(seq "$n"); do
	write_eight
	# shellcheck disable=SC2046
	start edge "$SKALDS" edge -f f.yml --once --json $(flags "$i")
	for again in 1 2; do
		sleep "$(random_ms 300)"
		link=$(link_of "$PID")
		[ -n "$link" ] || continue
		kill -KILL "$link" 2>/dev/null && killed=$((killed + 1))
		# back, or not needed any more
		until_true 2 eval '{ [ -n "$(link_of $PID)" ] && [ "$(link_of $PID)" != "$link" ]; } || ! kill -0 $PID 2>/dev/null' &&
			restarted=$((restarted + 1))
	done
	if ! ended "$PID" 10; then
		slow=$((slow + 1))
		note "round $i: still running after 10 s: $(tail -n 3 edge.err)"
		kill -KILL "$PID"
		wait "$PID" 2>/dev/null
		continue
	fi
	got=$(ends_of edge.out)
	starts=$(n_events edge.out event=started)
	if [ "$CODE" != 1 ] || [ "$got" != "$want_ends" ] || [ "$starts" != 8 ]; then
		bad=$((bad + 1))
		[ "$bad" -gt 3 ] || note "round $i: code $CODE, $starts started, ends:
$got"
	fi
done
at_least "the link was killed and was back within 2 s" "$restarted" $((killed * 9 / 10))
at_least "the link was there to be killed" "$killed" "$n"
is "$n rounds of kill -9 of the link: every edge ended by itself" "$slow" 0
is "$n rounds of kill -9 of the link: no exit code lost, none twice, nothing run twice" "$bad" 0

# The first task must not notice: its pid is the same, its output goes on.
new_file f.yml
program f.yml ticker '/bin/sh, -c, "i=0; while :; do i=$((i+1)); echo tick $i; sleep 0.1; done"'
ticks_seen()
{
	cat edge.out edge.err | grep -o 'tick [0-9][0-9]*' | sort -k2n
}
start edge "$SKALDS" edge -f f.yml
until_true 5 grep -q 'tick 3' edge.out edge.err
kill -KILL "$(link_of "$PID")"
last=$(cat edge.out edge.err | grep -o 'tick [0-9]*' | tail -n 1 | cut -d' ' -f2)
check "output goes on after the link was killed" until_true 5 \
	grep -Eq "tick $((last + 10))([^0-9]|\$)" edge.out edge.err
at_least "lines of output were seen" "$(ticks_seen | wc -l)" 10
is "every line of output is there once" \
	"$(ticks_seen | uniq -c | awk '$1 != 1')$(ticks_seen | awk '$2 != NR')" ""
kill -TERM "$PID"
ended "$PID" 10
is "and edge drains with 0" "$CODE" 0

# ---- the supervisor ----

tree_kinds="stubborn family daemon fork50 stopped quiet"
write_trees()
{
	local k
	new_file f.yml
	for k in $tree_kinds; do
		program f.yml "$k" "$BIN/tree, $k, $mark"
	done
	program f.yml sleeper "/bin/sh, -c, \"sleep 1000; exit 0\", $mark"
	task f.yml worker Sleep '{seconds: 1000}'
}

# All of this start: 1 + 3 + 2 + 51 + 2 + 1 + 1 processes and the compiled-in worker.
all_up()
{
	[ "$(marked "$mark")" -ge 61 ] && seen edge.out event=started taskId=worker
}

left_over=0
worst=0
for i in $(seq "$n"); do
	mark=mark-super-$i-$$
	write_trees
	# shellcheck disable=SC2046
	start edge env -u T "$SKALDS" edge -f f.yml --json $(flags "$i")
	[ $((i % 5)) = 0 ] || until_true 10 all_up
	sleep "$(random_ms 200)"
	from=$(now_ms)
	kill -KILL "$PID"
	wait "$PID" 2>/dev/null
	if until_true 2 none_marked "$mark"; then
		took=$(($(now_ms) - from))
		[ "$took" -le "$worst" ] || worst=$took
	else
		left_over=$((left_over + 1))
		[ "$left_over" -gt 3 ] || note "round $i: $(marked "$mark") left: $(for p in $(procs arg "$mark" | head -n 3); do
			tr '\0' ' ' <"/proc/$p/cmdline"; echo; done)"
		for p in $(procs arg "$mark"); do kill -KILL "$p"; done
	fi
done
is "$n rounds of kill -9 of the supervisor: no task process is left within 2 s" "$left_over" 0
note "the slowest took $worst ms"
until_true 2 eval '[ -z "$(procs exe "$SKALDS" | while read -r p; do
	tr "\0" "\n" <"/proc/$p/environ" 2>/dev/null | grep -qx "SKALDS_RUN_DIR=$SKALDS_RUN_DIR" && echo "$p"; done)" ]'
is "no process of skalds itself is left either" "$(procs exe "$SKALDS" | while read -r p; do
	tr '\0' '\n' <"/proc/$p/environ" 2>/dev/null | grep -qx "SKALDS_RUN_DIR=$SKALDS_RUN_DIR" && echo "$p"; done)" ""

# ---- both ----

left_over=0
unclean=0
new_file empty.yml
program empty.yml t /bin/true
for i in $(seq "$n"); do
	mark=mark-both-$i-$$
	write_trees
	# shellcheck disable=SC2046
	start edge "$SKALDS" edge -f f.yml --json $(flags "$i")
	[ $((i % 5)) = 0 ] || until_true 10 all_up
	sleep "$(random_ms 200)"
	link=$(link_of "$PID")
	kill -STOP $link 2>/dev/null
	kill -KILL "$PID" $link
	wait "$PID" 2>/dev/null
	"$SKALDS" edge -f empty.yml --once >next.out 2>next.err </dev/null || unclean=$((unclean + 1))
	if ! until_true 2 none_marked "$mark"; then
		left_over=$((left_over + 1))
		[ "$left_over" -gt 3 ] || note "round $i: $(marked "$mark") left; next start said: $(head -c 300 next.err)"
		for p in $(procs arg "$mark"); do kill -KILL "$p"; done
	fi
done
is "$n rounds of kill -9 of both: the next start clears all that is left" "$left_over" 0
is "and does its own work" "$unclean" 0
is "no run file of a dead run is left" "$(find "$SKALDS_RUN_DIR" -name '*.run' | wc -l)" 0
finish
