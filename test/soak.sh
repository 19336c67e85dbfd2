#!/usr/bin/env bash
# soak.sh - hours of work under one supervisor: no leak, no lost task, no zombie.
#
# SOAK_SECONDS (3600): how long. Eight restarting tasks of every kind, reloads every 20 s, the link killed
# every minute; memory, files and processes of skalds are looked at all the while. Prints TAP.
. "$(dirname "$0")/lib.sh"

seconds=${SOAK_SECONDS:-3600}

write_tasks() # NUMBER: changes with each reload
{
	cat >"$T/new.yml" <<-END
		TaskWorkers:
		  camera:
		    className: MyWorker
		    attachments: {rtspUrl: "rtsp://127.0.0.1/$1", fixFrame: $1, intervalSeconds: 0.5}
		  program:
		    className: Exec
		    restart: always
		    attachments: {script: "echo out; echo err >&2; exit $(($1 % 3))"}
		  crash:
		    className: Exec
		    restart: always
		    attachments: {script: "kill -SEGV \$\$"}
		  orphans:
		    className: Exec
		    restart: always
		    attachments: {script: "for i in 1 2 3 4 5; do (sleep 0.2 &); done; sleep 0.5"}
		  fail:
		    className: Fail
		    restart: on-failure
		    attachments: {}
		  nap:
		    className: Sleep
		    restart: always
		    attachments: {seconds: 0.3}
		  timeout:
		    className: Sleep
		    restart: always
		    timeoutSeconds: 1
		    attachments: {seconds: 60}
		  talk:
		    className: Exec
		    restart: always
		    attachments: {script: "head -c 100000 /dev/zero | tr '\\\\0' x | fold -w 99"}
	END
	mv "$T/new.yml" "$T/tasks.yml"
}

write_tasks 1
start edge sh -c 'exec "$0" edge --plain --watch --json -f "$1" >/dev/null' \
	"$SKALDS" "$T/tasks.yml"
edge=$PID

rss() { awk '/^VmRSS/ { print $2 }' "/proc/$1/status" 2>/dev/null; }
files() { ls "/proc/$1/fd" 2>/dev/null | wc -l; }
zombies() { cat /proc/[0-9]*/stat 2>/dev/null | sed 's/.*) //' | awk -v p="$edge" '$1 == "Z" && $2 == p' | wc -l; }

until_true 10 link_of "$edge"
sleep 20
rss_before=$(rss "$edge")
files_before=$(files "$edge")
end=$(($(date +%s) + seconds))
round=1
most_zombies=0
lost=0
while [ "$(date +%s)" -lt "$end" ] && kill -0 "$edge" 2>/dev/null; do
	round=$((round + 1))
	write_tasks "$round"
	sleep 20
	z=$(zombies)
	[ "$z" -le "$most_zombies" ] || most_zombies=$z
	if [ $((round % 3)) = 0 ]; then
		link=$(link_of "$edge")
		[ -z "$link" ] || kill -KILL "$link"
		until_true 10 link_of "$edge" || lost=$((lost + 1))
	fi
done

check "the supervisor lives after $seconds s and $round reloads" kill -0 "$edge"
is "the link came back each time" "$lost" 0
at_most "memory of the supervisor has not grown, in kB" "$(rss "$edge")" $((rss_before + 2048))
at_most "nor its open files" "$(files "$edge")" $((files_before + 8))
at_most "zombies seen at once" "$most_zombies" 10
kill -TERM "$edge"
ended "$edge" 30
is "SIGTERM ends it with 0" "$CODE" 0
is "nothing is left" "$(task_processes | wc -l)" 0
finish
