#!/usr/bin/env bash
# What a C node and one of the original say while they do the same work: each command to Redis, each record
# on Kafka, each member of a document. streams.expected lists every difference with its reason, and the same
# list stands in adapters/README.md; a difference that is not listed fails, and so does a listed one that is gone.
. "$(dirname "$0")/lib.sh"
EXPECTED=$PEERS/streams.expected

mkfifo c.until p.until
exec 5<>c.until 6<>p.until
"$PYSKALDS" "$PEERS/peer_stream.py" sc- c- "$T/c.ready" <c.until >c.stream 2>c.stream.err 5>&- 6>&- &
C_STREAM=$!
"$PYSKALDS" "$PEERS/peer_stream.py" sp- p- "$T/p.ready" python <p.until >p.stream 2>p.stream.err 5>&- 6>&- &
P_STREAM=$!
at_exit 'kill $C_STREAM $P_STREAM 2>/dev/null'
check "both streams are recorded" until_true 30 eval '[ -e c.ready ] && [ -e p.ready ]'
py_node_begin sp-
P=$PID
node sc- --slots 10
C=$PID
check "a node of the original is there" py_node_ready sp-

work() # PREFIX SKALD FAILING-CLASS
{
	local id p=$1 skald=$2
	for id in ok upd stop; do
		peer create "$p$id" --executor "$skald" --status Assigning rtspUrl=rtsp://a fixFrame=1 intervalSeconds=1 \
			"steps=$([ $id = ok ] && echo 4 || echo 600)"
	done
	peer create "${p}bad" --executor "$skald" --status Assigning --class "$3" rtspUrl=fail fixFrame=1 message=x
	for id in ok upd stop bad; do
		peer assign "$p$id"
	done
	check "$2: one ends well" until_true 30 beat_is "${p}ok" 200
	check "$2: one fails" until_true 30 beat_is "${p}bad" -1
	peer set "${p}upd" 'attachments={"rtspUrl":"rtsp://b","fixFrame":2,"steps":600,"intervalSeconds":1}'
	peer update "${p}upd"
	sleep 2
	for id in upd stop; do
		peer set "$p$id" lifecycleStatus=Cancelled
		peer cancel "$p$id"
		check "$2: $id is cancelled" until_true 20 beat_is "$p$id" -2
	done
	sleep 4 # idle
}
part work c- sc- Fail
part work p- sp- MyWorker
parts_end
check "the Python worker was updated" observed_is p-upd update 1
check "the C worker was updated" grep -rq 'rtsp://a -> rtsp://b' "$T/data-sc-/logs"
kill -TERM "$C" "$P"
ended "$C" 20
sleep 2
exec 5>&- 6>&-
wait "$C_STREAM" "$P_STREAM"
check "both have something to tell" eval '[ "$(wc -l <c.stream)" -gt 25 ] && [ "$(wc -l <p.stream)" -gt 25 ]'
is "a C node leaves nothing in Redis for ever (N9)" "$(grep -E '^redis (MULTI: )?SET' c.stream | grep -v ' EX ')" ''

{
	comm -23 c.stream p.stream | sed 's/^/C\t/'
	comm -13 c.stream p.stream | sed 's/^/Python\t/'
} | LC_ALL=C sort >found
grep -v '^#' "$EXPECTED" | cut -f 1-2 | LC_ALL=C sort >listed
is "every difference is listed" "$(comm -23 found listed)" ''
is "every listed one is there" "$(comm -13 found listed)" ''
is "each has its reason" "$(grep -v '^#' "$EXPECTED" | awk -F '\t' 'NF != 3 || $3 == ""')" ''
is "and stands in adapters/README.md" "$(grep -v '^#' "$EXPECTED" | while IFS=$'\t' read -r who what why; do
	grep -Fq "| $who | \`$what\` | $why |" "$ROOT/adapters/README.md" || echo "$what"
done)" ''
[ "${KEEP:-0}" != 1 ] || cp found c.stream p.stream "$T/../"
finish
