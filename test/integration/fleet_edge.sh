#!/usr/bin/env bash
# An edge and a run-one with real Kafka, Redis and MongoDB: documents and keys as the original's programs
# write and read them, whose attachments count, and services that are away, die and come back.
. "$(dirname "$0")/../interop/lib.sh"
SK=edge-$RANDOM

key() # KEY MEMBER
{
	peer key "$1" | "$PYSKALDS" -c 'import json, sys; v = json.load(sys.stdin)
for part in sys.argv[1].split("/"): v = v.get(part) if isinstance(v, dict) else None
print(v)' "$2"
}
says() # FILE TEXT: in the log
{
	until_true 10 has "$1" "$2"
}
edge() # NAME FILE [FLAGS…]
{
	local name=$1 file=$2
	shift 2
	SKALD_ID=$SK start "$name" "$SKALDS" edge -f "$file" --json "$@"
	EDGE=$PID
}
running() # NAME ID
{
	until_true 10 eval '[ "$(n_events '"$1"'.out event=started taskId='"$2"')" -gt 0 ]'
}
stop_edge()
{
	kill -TERM "$EDGE"
	ended "$EDGE" 10
}
att() # URL
{
	echo "{rtspUrl: \"rtsp://$1\", fixFrame: 1, steps: 3000, intervalSeconds: 0.2}"
}
file() # URL
{
	new_file "$T/f.yml"
	task "$T/f.yml" ft-my MyWorker "$(att "$1")"
	task "$T/f.yml" ft-ends Exec '{command: [/bin/true]}'
	task "$T/f.yml" ft-fails Exec '{command: [/bin/sh, -c, "exit 5"]}'
}

# ---- 5.3: inserted as the original does ----

file one
cp f.yml f.kept
edge e1 f.yml
check "an edge with services starts its tasks" running e1 ft-my
check "its document is Running" becomes ft-my Running 10
is "made as the original makes it" \
	"$(doc ft-my name)|$(doc ft-my description)|$(doc ft-my source)|$(doc ft-my mode)|$(doc ft-my executor)" \
	"ft-my|Active TaskWorker from YAML. ClassName: MyWorker|YAML|Active|$SK"
is "with its numbers" "$(doc ft-my isPersistent) $(doc ft-my deadlineDateTime) $(doc ft-my priority)" "false 0 0"
is "and the file's attachments" "$(doc ft-my attachments.rtspUrl)" rtsp://one
like "and the hash of the file's entry" "$(doc ft-my yamlHash)" '^[0-9a-f]{16}$'
check "the original's model reads it" peer read ft-my
check "a task that ended well is Finished" becomes ft-ends Finished
check "one that did not is Failed" becomes ft-fails Failed

# ---- 1.2: keys ----

is "Redis knows its mode" "$(key skalds:mode:hash "value/$SK")" edge
like "its activity" "$(key skalds:hash "value/$SK")" '^1[0-9]{12}$'
like "its heartbeat, for 8 s" "$(key "skalds:$SK:heartbeat" value) $(key "skalds:$SK:heartbeat" ttl)" '^[0-9]+ [5-8]$'
like "its classes" "$(key "skalds:$SK:allow-task-class-name" value)" "'MyWorker'"
sleep 1.2
like "its tasks" "$(key "skalds:$SK:all-task" value)" '"id":"ft-my","class_name":"MyWorker"'
first=$(beat ft-my)
check "a task's heart beats" until_true 4 eval '[ "$(beat ft-my)" != "$first" ]'
is "a finished one has 200" "$(beat ft-ends)" 200
is "a failed one -1 and why" "$(beat ft-fails) $(key task:ft-fails:exception value)" "-1 exited with code 5"
like "a C controller's command sees the edge" "$("$SKALDS" skald list 2>&1)" "$SK +edge +online"

# ---- 6.5: updates ----

peer set ft-my 'attachments={"rtspUrl":"rtsp://two","fixFrame":2,"steps":3000,"intervalSeconds":0.2}'
peer update ft-my
check "the original's event reaches the update hook" says e1.out "rtsp://two"
peer set ft-my 'attachments={"rtspUrl":7}'
peer update ft-my --snake
check "attachments that the class does not take are refused" says e1.err "old ones stay in force: attachments.rtspUrl"
is "and the task runs on" "$(n_events e1.out event=started taskId=ft-my) $(n_events e1.out event=failed taskId=ft-my)" "1 0"
peer set ft-my 'attachments={"rtspUrl":"rtsp://three","fixFrame":2,"steps":3000,"intervalSeconds":0.2}'
check "without an event it is seen by looking" says e1.out "rtsp://three"
"$SKALDS" task update ft-my rtspUrl=rtsp://four >up.out 2>&1
is "our own command may change it" "$?" 0
check "and it arrives" says e1.out "rtsp://four"
"$SKALDS" task cancel --yes ft-my >cancel.out 2>&1
is "but not cancel it" "$?" 1

# ---- restarts ----

stop_edge
is "an edge that was told to stop ends well" "$CODE" 0
check "its task is Cancelled" becomes ft-my Cancelled 2
is "and has -2" "$(beat ft-my)" -2
is "its own keys are gone" "$(key skalds:mode:hash "value/$SK") $(key "skalds:$SK:all-task" value)" "None None"
unlike "and its row" "$("$SKALDS" skald list 2>&1)" "$SK"
edge e2 f.yml
check "started again" running e2 ft-my
check "an edit in the store survives" says e2.out "starting MyWorker with RTSP URL: rtsp://four"
is "the file's do not come first" "$(grep -c "RTSP URL: rtsp://one" e2.out)" 0
is "it is a new attempt" "$(doc ft-my attempt)" 2
check "the file was never written" cmp -s f.yml f.kept
file five
kill -HUP "$EDGE"
check "a file that was changed wins at SIGHUP" says e2.out "rtsp://five"
check "and is stored" until_true 8 eval '[ "$(doc ft-my attachments.rtspUrl)" = rtsp://five ]'
link=$(link_of "$EDGE")
kill -9 "$link"
sleep 3
is "a link that dies restarts nothing" "$(n_events e2.out event=started taskId=ft-my)" 1
check "and the task's heart beats on" eval '[ "$(key task:ft-my:heartbeat ttl)" -gt 4 ]'
stop_edge
file six
edge e3 f.yml
check "a file that was changed wins at a start" says e3.out "starting MyWorker with RTSP URL: rtsp://six"
check "and is stored, too" until_true 5 eval '[ "$(doc ft-my attachments.rtspUrl)" = rtsp://six ]'
stop_edge

# ---- documents of others (N10, and the original's rule) ----

peer create ft-py --mode Active --status Running --executor py-edge rtspUrl=rtsp://python fixFrame=3
peer create ft-class --class OnlyPython --mode Active --status Running rtspUrl=x
peer create ft-passive --status Created rtspUrl=x
new_file g.yml
for id in ft-py ft-class ft-passive; do
	task g.yml $id MyWorker "$(att "$id")"
done
edge e4 g.yml
for id in ft-py ft-class ft-passive; do
	check "$id runs" running e4 $id
done
check "of a document that the original made the stored attachments are used" \
	says e4.out "starting MyWorker with RTSP URL: rtsp://python"
check "it is ours now" until_true 5 eval '[ "$(doc ft-py executor)" = "'$SK'" ]'
is "and keeps its maker's members" "$(doc ft-py source) $(doc ft-py mode)" "interop Active"
is "another class is left alone" "$(doc ft-class executor) $(doc ft-class yamlHash)" "null null"
is "so is what is dispatched" "$(doc ft-passive executor) $(doc ft-passive lifecycleStatus)" "null Created"
is "the two run from the file" "$(grep -c 'RTSP URL: rtsp://ft-\(class\|passive\)' <(grep starting e4.out))" 2
is "and have no keys" "$(beat ft-class)$(beat ft-passive)" ""
stop_edge

# ---- beside an edge of the original ----

new_file p.yml
printf '  ft-peer:\n    className: MyWorker\n    attachments: {rtspUrl: "rtsp://p", fixFrame: 1, steps: 300}\n' >>p.yml
if py_node py-edge edge "$T/p.yml"; then
	edge e5 f.yml
	check "beside an edge of the original ours runs" running e5 ft-my
	check "its task is there" becomes ft-peer Running 15
	peer set ft-peer 'attachments={"rtspUrl":"rtsp://peer2","fixFrame":2}'
	# it hears nothing before it has joined its group (N2): said until it is heard
	check "an update for theirs arrives there" \
		until_true 40 eval 'peer update ft-peer; sleep 1; [ "$(observed ft-peer update)" -gt 0 ]'
	is "and disturbs neither" "$(doc ft-my executor) $(doc ft-peer executor)" "$SK py-edge"
	stop_edge
else
	skip "beside an edge of the original ours runs" "it does not start"
fi

# ---- services that die, and come back ----

edge e6 f.yml
running e6 ft-my
"$ROOT/scripts/services.sh" kill kafka redis "${SKALDS_TEST_STORE:-javamongo}" >services2.log 2>&1
sleep 4
is "services that die leave the task alone" "$(n_events e6.out event=started taskId=ft-my) $(n_events e6.out event=failed taskId=ft-my)" "1 0"
before=$(now_ms)
stop_edge
at_most "without them it ends within a second more" $(($(now_ms) - before)) 2500
is "and as it should" "$CODE" 0
before=$(now_ms)
edge e7 f.yml
check "an edge starts without them" running e7 ft-my
at_most "after 2 s" $(($(now_ms) - before)) 3500
for subset in KAFKA REDIS MONGO "KAFKA REDIS" "KAFKA REDIS MONGO"; do
	before=$(now_ms)
	(for v in KAFKA REDIS MONGO; do [[ " $subset " == *" $v "* ]] || export ${v}_HOST=; done
		"$SKALDS" run-one -- sh -c 'exit 6' >r.out 2>r.err)
	is "run-one with $subset away has the program's code" "$?" 6
	at_most "and is held up for a second at most" $(($(now_ms) - before)) 1800
done
"$ROOT/scripts/services.sh" up kafka redis "${SKALDS_TEST_STORE:-javamongo}" >>services2.log 2>&1
check "when they are there again it is told what runs" becomes ft-my Running 30
check "and Redis too" until_true 20 eval '[ -n "$(beat ft-my)" ]'
stop_edge
check "and that it ended" becomes ft-my Cancelled 3

# ---- run-one ----

peer create ft-one --mode Active --status Created rtspUrl=rtsp://stored fixFrame=9 steps=60 intervalSeconds=0.2
SKALD_ID=one start one "$SKALDS" run-one --class MyWorker --id ft-one --json \
	--attachments '{"rtspUrl": "rtsp://given", "fixFrame": 1, "steps": 60, "intervalSeconds": 0.2}'
ONE=$PID
check "a run-one's task has a heart" until_true 10 eval '[ -n "$(beat ft-one)" ]'
check "it runs as it was given" says one.out "starting MyWorker with RTSP URL: rtsp://given"
check "it stands in the list of [SP]one" until_true 5 eval '[[ $(key "skalds:[SP]one:all-task" value) == *ft-one* ]]'
is "it is no skald" "$(key skalds:hash 'value/[SP]one')" None
# It hears what is sent once it has found the end of the topic, and nothing tells when: said again.
hears()
{
	peer update ft-one
	sleep 0.2
	grep -q "rtsp://stored" "$T/one.out"
}
check "it hears of an update" until_true 8 hears
ended "$ONE" 30
is "it ends well" "$CODE" 0
is "with 200" "$(beat ft-one)" 200
is "its own keys are gone" "$(key 'skalds:[SP]one:all-task' value) $(key 'skalds:[SP]one:allow-task-class-name' value)" "None None"
is "the document is as it was" "$(doc ft-one lifecycleStatus) $(doc ft-one executor) $(doc ft-one yamlHash)" \
	"Created null null"
for subset in KAFKA REDIS MONGO "KAFKA REDIS" "KAFKA MONGO" "REDIS MONGO" "KAFKA REDIS MONGO"; do
	before=$(now_ms)
	(for v in KAFKA REDIS MONGO; do [[ " $subset " == *" $v "* ]] || export ${v}_HOST=; done
		"$SKALDS" run-one --id "ft-${subset// /-}" -- sh -c 'exit 7' >r.out 2>r.err)
	is "run-one with $subset has the program's code" "$?" 7
	at_most "soon" $(($(now_ms) - before)) 1500
	want=""
	[[ $subset == *REDIS* ]] && want=-1
	is "and its end is in Redis when that was named" "$(beat "ft-${subset// /-}")" "$want"
	is "and nowhere else" "$(doc "ft-${subset// /-}" id)" null
done
"$SKALDS" run-one --id ft-killed -- sh -c 'kill -9 $$' >r.out 2>r.err
like "a killed one tells why" "$(key task:ft-killed:exception value)" 'signal 9|SIGKILL|Killed'
unlike "no log has a secret in it" "$(cat ./*.err)" 'password'
finish
