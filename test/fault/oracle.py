#!/usr/bin/env python3
"""oracle.py - compares three histories of one run: what the client was told, what the store says, and
what really ran. The question is whether the three can be true at the same time (reliability, single execution).

    oracle.py check --client F --store F --truth F [--faults F] [--processes F] [...]
    oracle.py dump --skalds BINARY --data DIR >STORE
    oracle.py --self-test [--seed N]

The histories, one record a line:

client     JSON, by feed.c: {"op":"try","id",...} before it asks, with what the task shall do: "code",
           "good" (0 from this attempt on), "retries", "after"; then the answer,
           {"op":"add"|"cancel","id","status":exit code,"begin":ns,"end":ns}; first
           {"op":"clock","boot_ns","wall_ms"}. Status 0 = accepted. A status of --refused (2) promises
           that nothing was stored; any other, or no answer, leaves open whether it was.
store      JSON, by `dump`: a task as `task list --json` gives it, with its "attempts"
truth      by witness.c: ID ATTEMPT start|end|overlap BOOTTIME_NS PID NODE [CODE or HOLDER]
faults     JSON: {"wall_ms","what","id","attempt"}; what: see EXPLAINS. With them every lost, killed or
           interrupted attempt must have its cause
processes  what is left at the end: PID ID ATTEMPT

Prints one line of JSON: counts, the seed, and each violation with its rule (RULES) and id. Ends with 0
when there is none, 1 when there are some, 2 when it could not check.
"""
import argparse
import bisect
import json
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict

sys.dont_write_bytecode = True

FINAL = ("Finished", "Failed", "Cancelled")
WITNESS_BROKEN = 99
TERMINATED = 143
NEAR_MS = 20  # a fault is written down after it happened, but clocks are read in whole ms
LATE_MS = 1000  # and perhaps after its consequence was stored
STARTING_MS = 3000  # a start that was on its way when the cancel was accepted may be so late
CANCEL_MS = 5000  # so long an attempt may go on to end by itself after its cancel was accepted
CLOCKS_MS = 50  # wall clock against boot clock
SHOWN = 60  # violations that are printed; all are counted

RULES = {
    "blind": "nothing was accepted or nothing ran: there is nothing to be judged",
    "garbled": "a line of the truth is none",
    "witness": "a witness could not do its duty",
    "lost": "an accepted task is not in the store",
    "refused": "a task that was refused is in the store",
    "stranger": "the store has a task that nobody submitted",
    "ghost": "a task ran that nobody submitted",
    "twice": "the store has a task twice",
    "stuck": "a task is not final",
    "no-end": "Finished, but that attempt never ended",
    "bad-end": "Finished, but that attempt ended with another code than 0",
    "overlap": "two attempts of one task at once",
    "held": "a witness found another of its task alive",
    "reused": "one attempt was started twice",
    "backwards": "an attempt was started after a higher one",
    "ahead": "an attempt ran that the store does not know of",
    "loose-end": "an end without a start",
    "many": "more attempts than maxAttempts and interruptions allow",
    "failures": "failures are not what the attempts say",
    "listing": "the attempts in the store are not 1, 2, 3 ... with the last one at the end",
    "verdict": "the end that is stored of an attempt is not how it ended",
    "unexplained": "an attempt was lost, killed or interrupted and nothing caused it",
    "early-fail": "Failed with tries left and nothing that forbids another",
    "late": "an attempt was started after the task was final",
    "unwanted": "Cancelled, and nobody asked for it",
    "cancel": "an attempt was started after a cancel had been accepted",
    "uncancelled": "a cancel was accepted, and long after that it Finished or Failed",
    "order": "started before what it waits for had finished",
    "time": "ended before it started",
    "orphan": "a process of a task that is final is still there",
    "cancel-alive": "a process of a Cancelled task is still there",
}

# Which fault explains which ends: reason -> what of the faults. "worker" must name the attempt, the
# others must lie within its time; one of "stop-" lasts until the next "go", and what was given to who
# stood still is lost with it. Reasons that are not here are never explained by a fault.
EXPLAINS = {
    "lost": ("supervisor", "both", "power", "stop-supervisor", "stop-hub"),
    "interrupted": ("term", "supervisor", "both", "power", "stop-supervisor", "stop-hub"),
    "signaled": ("worker",),
}


class Unreadable(Exception):
    pass


def json_lines(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError as e:
                raise Unreadable(f"{path}:{number}: {e}") from e


class Truth:
    """What ran: per id the starts, ends (by attempt) and overlaps."""

    LINE = re.compile(r"(\S+) (\d+) (start|end|overlap) (\d+) (\d+) (\S+)(?: (\d+))?\n")

    def __init__(self, path):
        self.starts = defaultdict(list)  # id -> [(ns, attempt)] in the order of the file
        self.ends = defaultdict(dict)  # id -> attempt -> (ns, code)
        self.overlaps = []  # (id, attempt, holder)
        self.garbled = []
        self.n_starts = self.n_ends = 0
        with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as f:
            for line in f:
                self.take(line)

    def take(self, line):
        m = self.LINE.fullmatch(line)
        if not m or (m[3] == "start") == bool(m[7]):
            self.garbled.append(line)
            return
        task, attempt, what, ns = m[1], int(m[2]), m[3], int(m[4])
        if what == "start":
            self.n_starts += 1
            self.starts[task].append((ns, attempt))
        elif what == "end":
            self.n_ends += 1
            self.ends[task].setdefault(attempt, (ns, int(m[7])))
        else:
            self.overlaps.append((task, attempt, int(m[7])))

    def ids(self):
        return set(self.starts) | set(self.ends)


class Client:
    """What was asked for, and what was answered."""

    def __init__(self, path, refused, before_ns):
        self.adds = {}  # id -> its last try
        self.accepted = {}  # id -> its first add with status 0
        self.cancels = defaultdict(list)
        self.offset_ms = 0  # wall = boot + offset
        statuses = defaultdict(set)
        for r in json_lines(path):
            if r["op"] == "clock":
                self.offset_ms = r["wall_ms"] - r["boot_ns"] / 1e6
            elif r["op"] == "cancel":
                if before_ns and r["end"] >= before_ns:
                    r["status"] = None
                self.cancels[r["id"]].append(r)
            elif r["op"] == "try":
                self.adds[r["id"]] = r
            else:
                statuses[r["id"]].add(r["status"])
                if r["status"] == 0 and (not before_ns or r["end"] < before_ns):
                    self.accepted.setdefault(r["id"], r)
        self.refused = {task for task, seen in statuses.items() if seen <= refused}

    def wall_ms(self, ns):
        return ns / 1e6 + self.offset_ms


class Faults:
    def __init__(self, path):
        self.given = bool(path)
        self.times = defaultdict(list)  # what -> sorted [from, until] in wall ms
        self.workers = set()
        stopped = None
        for r in json_lines(path) if path else ():
            what, at = r["what"], r["wall_ms"]
            if what == "go":
                if stopped:
                    stopped[1] = at
                continue
            if what == "worker":
                self.workers.add((r["id"], r["attempt"]))
            self.times[what].append([at, at])
            if what.startswith("stop-"):
                stopped = self.times[what][-1]
        for t in self.times.values():
            t.sort()

    def explain(self, task, a, since):
        """Is there a cause for the end of attempt a? since: it cannot have begun before."""
        for what in EXPLAINS.get(reason_of(a), ()):
            if what == "worker":
                if (task, a["attempt"]) in self.workers:
                    return True
            elif self.within(what, a.get("startDateTime") or since, a.get("finishDateTime")):
                return True
        return False

    def within(self, what, start, end):
        times = self.times[what]
        i = bisect.bisect_left(times, start - NEAR_MS, key=lambda t: t[1])
        return i < len(times) and (end is None or times[i][0] <= end + LATE_MS)


def reason_of(attempt):
    return (attempt.get("exit") or {}).get("reason")


def ended_well(attempt):
    e = attempt.get("exit") or {}
    return e.get("reason") == "exited" and e.get("code") == 0


class Checker:
    def __init__(self, client, store, truth, faults, processes, window_ms, clock_jumps=False):
        self.client, self.truth, self.faults = client, truth, faults
        self.rows = {}
        self.store = store
        self.processes = processes
        self.window_ms = window_ms
        self.clock_jumps = clock_jumps
        self.violations = []

    def bad(self, rule, task, detail=""):
        assert rule in RULES
        self.violations.append({"rule": rule, "id": task, "detail": detail})

    def check(self):
        self.check_sets()
        for line in self.truth.garbled:
            self.bad("garbled", "", repr(line[:200]))
        for task, attempt, holder in self.truth.overlaps:
            self.bad("held", task, f"attempt {attempt} found process {holder}")
        for task in sorted(self.truth.ids()):
            self.check_run(task)
        for task, row in self.rows.items():
            self.check_row(task, row)
        for pid, task, attempt in self.processes:
            row = self.rows.get(task)
            cancelled = row is not None and row["phase"] == "Cancelled"
            self.bad("cancel-alive" if cancelled else "orphan", task,
                     f"process {pid}, attempt {attempt}")
        return self.violations

    # (a), (e): the same ids everywhere
    def check_sets(self):
        for row in self.store:
            if row["id"] in self.rows:
                self.bad("twice", row["id"])
            self.rows[row["id"]] = row
        if not self.client.accepted or not self.truth.n_starts:
            self.bad("blind", "", f"{len(self.client.accepted)} accepted, {self.truth.n_starts} started")
        for task, r in self.client.accepted.items():
            if task not in self.rows:
                self.bad("lost", task, f"accepted at {r['end']} ns")
        for task in self.rows:
            if task not in self.client.adds:
                self.bad("stranger", task)
            elif task in self.client.refused:
                self.bad("refused", task, "its client was told so")
        for task in self.truth.ids():
            if task not in self.client.adds:
                self.bad("ghost", task)
            elif task not in self.rows and task not in self.client.accepted:
                self.bad("ghost", task, "it ran, and the store has never heard of it")

    # (c), (d): of the truth alone
    def check_run(self, task):
        starts, ends = self.truth.starts.get(task, []), self.truth.ends.get(task, {})
        seen, highest = set(), 0
        for ns, attempt in starts:
            if attempt in seen:
                self.bad("reused", task, f"attempt {attempt}")
            elif attempt < highest:
                self.bad("backwards", task, f"attempt {attempt} after {highest}")
            seen.add(attempt)
            highest = max(highest, attempt)
            if attempt in ends and ends[attempt][0] < ns:
                self.bad("time", task, f"the truth of attempt {attempt}")
        for attempt, (_, code) in ends.items():
            if attempt not in seen:
                self.bad("loose-end", task, f"attempt {attempt}")
            if code == WITNESS_BROKEN:
                self.bad("witness", task, f"attempt {attempt}")
        self.check_overlap(task, sorted(starts), ends)

    def check_overlap(self, task, starts, ends):
        until, who = 0, 0
        for ns, attempt in starts:
            if ns < until - self.window_ms * 1e6 and attempt != who:
                self.bad("overlap", task,
                         f"attempt {attempt} began {(until - ns) / 1e6:.1f} ms before the end of {who}")
            end = ends.get(attempt, (0, 0))[0]
            if end > until:
                until, who = end, attempt

    def check_row(self, task, row):
        if row["phase"] not in FINAL:
            self.bad("stuck", task, f"{row['phase']}, attempt {row['attempt']}, wanted {row.get('wanted')}")
        starts = self.truth.starts.get(task, [])
        for _, attempt in starts:
            if attempt > row["attempt"]:
                self.bad("ahead", task, f"attempt {attempt}, the store says {row['attempt']}")
        if row["phase"] == "Finished":
            self.check_finished(task, row)
        self.check_attempts(task, row)
        if row["phase"] == "Failed":
            self.check_failed(task, row)
        self.check_cancels(task, row, starts)
        self.check_order(task, starts)
        final = row.get("finishDateTime")
        for ns, attempt in starts if row["phase"] in FINAL and final and not self.clock_jumps else ():
            if self.client.wall_ms(ns) > final + max(self.window_ms, CLOCKS_MS):
                self.bad("late", task, f"attempt {attempt} began "
                         f"{self.client.wall_ms(ns) - final:.1f} ms after it was {row['phase']}")

    # (b)
    def check_finished(self, task, row):
        end = self.truth.ends.get(task, {}).get(row["attempt"])
        if end is None:
            self.bad("no-end", task, f"attempt {row['attempt']}")
        elif end[1] != 0:
            self.bad("bad-end", task, f"attempt {row['attempt']} ended with {end[1]}")

    def check_attempts(self, task, row):
        attempts = row.get("attempts") or []
        numbers = [a["attempt"] for a in attempts]
        if numbers != list(range(1, row["attempt"] + 1)):
            self.bad("listing", task, f"{numbers}, attempt is {row['attempt']}")
        ends = self.truth.ends.get(task, {})
        since = row.get("createDateTime") or 0
        for a in attempts:
            s, e = a.get("startDateTime"), a.get("finishDateTime")
            if s and e and e < s:
                self.bad("time", task, f"attempt {a['attempt']}: {s} to {e}")
            self.check_verdict(task, row, a, ends.get(a["attempt"]), since)
            since = e or since
        interrupted = sum(reason_of(a) == "interrupted" for a in attempts)
        spent = sum(reason_of(a) not in ("interrupted", "cancelled", None) and not ended_well(a)
                    for a in attempts)
        if row["attempt"] > row["maxAttempts"] + interrupted:
            self.bad("many", task, f"{row['attempt']} attempts, {row['maxAttempts']} allowed, "
                     f"{interrupted} interrupted")
        if row["failures"] != spent and row["phase"] in FINAL:
            self.bad("failures", task, f"{row['failures']} stored, {spent} attempts failed")

    def check_verdict(self, task, row, a, end, since):
        """Is how attempt a ended, as stored, how it ended?"""
        reason, code = reason_of(a), (a.get("exit") or {}).get("code")
        where = f"attempt {a['attempt']}: stored {reason} {code}, the truth is {end and end[1]}"
        if reason == "exited":
            if code == WITNESS_BROKEN:
                self.bad("witness", task, where)
            elif end is None or end[1] != code:
                self.bad("verdict", task, where)
        elif reason == "cancelled":
            if task not in self.client.cancels:
                self.bad("unwanted", task, where)
        elif reason is None:
            if row["phase"] in FINAL and row["phase"] != "Cancelled":
                self.bad("verdict", task, where)
        elif self.faults.given and not self.faults.explain(task, a, since):
            self.bad("unexplained", task, where)

    def check_failed(self, task, row):
        if row["failures"] < row["maxAttempts"] and not self.dependency_failed(task):
            self.bad("early-fail", task, f"{row['failures']} of {row['maxAttempts']}")

    def check_cancels(self, task, row, starts):
        cancels = self.client.cancels.get(task, [])
        accepted = min((c["end"] for c in cancels if c["status"] == 0), default=None)
        if row["phase"] == "Cancelled" and not cancels and not self.dependency_failed(task):
            self.bad("unwanted", task)
        if accepted is None:
            return
        for ns, attempt in starts:
            if ns > accepted + (STARTING_MS + self.window_ms) * 1e6:
                self.bad("cancel", task, f"attempt {attempt} began {(ns - accepted) / 1e6:.0f} ms after")
        later = (row.get("finishDateTime") or 0) - self.client.wall_ms(accepted)
        if row["phase"] in ("Finished", "Failed") and later > CANCEL_MS and not self.clock_jumps:
            self.bad("uncancelled", task, f"{row['phase']} {later / 1000:.1f} s later")

    def dependency_failed(self, task):
        on = self.client.adds.get(task, {}).get("after")
        return bool(on) and (on not in self.rows or self.rows[on]["phase"] != "Finished")

    def check_order(self, task, starts):
        on = self.client.adds.get(task, {}).get("after")
        if not on or not starts:
            return
        good = [ns for ns, code in self.truth.ends.get(on, {}).values() if code == 0]
        if not good or min(good) > min(ns for ns, _ in starts):
            self.bad("order", task, f"it waits for {on}")


def read_processes(path):
    if not path:
        return []
    with open(path, encoding="utf-8", errors="surrogateescape") as f:
        return [(line + " - -").split()[:3] for line in f if line.strip()]


def summary(checker, name, seed):
    by_rule = Counter(v["rule"] for v in checker.violations)
    phases = Counter(row["phase"] for row in checker.rows.values())
    client, truth = checker.client, checker.truth
    lost = sum(reason_of(a) == "lost" for r in checker.rows.values() for a in r.get("attempts") or ())
    return {
        "test": name, "seed": seed, "submitted": len(client.adds), "accepted": len(client.accepted),
        "refused": len(client.refused), "cancels": sum(map(len, client.cancels.values())),
        "stored": len(checker.rows), **{p.lower(): phases[p] for p in FINAL},
        "starts": truth.n_starts, "ends": truth.n_ends,
        "attempts": sum(r["attempt"] for r in checker.rows.values()), "attemptsLost": lost,
        "faults": {k: len(v) for k, v in checker.faults.times.items() if v},
        "lost": by_rule["lost"], "overlaps": by_rule["overlap"] + by_rule["held"],
        "stuck": by_rule["stuck"], "orphans": by_rule["orphan"] + by_rule["cancel-alive"],
        "byRule": dict(by_rule), "violations": checker.violations[:SHOWN],
        "nViolations": len(checker.violations),
    }


def check(args):
    refused = {int(s) for s in args.refused.split(",") if s}
    checker = Checker(Client(args.client, refused, args.before_ns), list(json_lines(args.store)),
                      Truth(args.truth), Faults(args.faults), read_processes(args.processes),
                      args.window_ms, args.clock_jumps)
    checker.check()
    return checker


# ---- the store's side ----

def run_json(command):
    p = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if p.returncode != 0:
        raise Unreadable(f"{' '.join(command)} ended with {p.returncode}")
    return json.loads(p.stdout)


def fetch_attempts(sock_path, rows):
    """The attempts of each row, over one kept connection of the socket."""
    import http.client
    import socket
    import urllib.parse

    class Unix(http.client.HTTPConnection):
        def connect(self):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(60)
            self.sock.connect(sock_path)

    c = Unix("localhost")
    for row in rows:
        if row["attempt"] == 0 and row["phase"] == "Cancelled":
            row["attempts"] = []
            continue
        c.request("GET", f"/v1/tasks/{urllib.parse.quote(row['id'], safe='')}/attempts")
        answer = c.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise Unreadable(f"attempts of {row['id']}: {answer.status} {body[:200]}")
        row["attempts"] = json.loads(body)["items"]


def dump(args):
    base = [args.skalds, "task", "list", "--data", args.data, "--json", "--sort", "created",
            "--elements", "--limit", "1000"]
    rows, cursor = [], None
    while True:
        page = run_json(base + (["--cursor", cursor] if cursor else []))
        rows += page["items"]
        cursor = page["next"]
        if not cursor:
            break
    fetch_attempts(args.data + "/skalds.sock", rows)
    for row in rows:
        print(json.dumps(row))
    return 0


def arguments(words):
    p = argparse.ArgumentParser(description="compares what was told, stored and run")
    sub = p.add_subparsers(dest="command", required=True)
    c = sub.add_parser("check")
    for name in ("client", "store", "truth"):
        c.add_argument("--" + name, required=True)
    for name in ("faults", "processes"):
        c.add_argument("--" + name)
    c.add_argument("--name", default="")
    c.add_argument("--seed", default="")
    c.add_argument("--refused", default="2", help="exit codes that promise that nothing was stored")
    c.add_argument("--before-ns", type=int, default=0, help="later answers promise nothing")
    c.add_argument("--clock-jumps", action="store_true",
                   help="times of the store are no times of the truth: late and uncancelled are not looked for")
    c.add_argument("--window-ms", type=float, default=0, help="overlap that is allowed")
    d = sub.add_parser("dump")
    d.add_argument("--skalds", required=True)
    d.add_argument("--data", required=True)
    return p.parse_args(words)


def main():
    if "--self-test" in sys.argv[1:2]:
        # PYTHONSAFEPATH keeps the directory of the program out of it
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        import oracle_faults
        return oracle_faults.main(sys.argv[2:])
    args = arguments(sys.argv[1:])
    try:
        if args.command == "dump":
            return dump(args)
        checker = check(args)
        print(json.dumps(summary(checker, args.name, args.seed)))
        return 1 if checker.violations else 0
    except (OSError, Unreadable, KeyError, TypeError) as e:
        print(f"oracle: {type(e).__name__}: {e}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
