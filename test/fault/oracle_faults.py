"""oracle_faults.py - the self-test of oracle.py: a good history of some hundred tasks, in which the
oracle must find nothing, and one fault after another planted into a copy of it, each of which must be
found, by its own rule and in the task it was planted into. Prints TAP."""
import argparse
import copy
import json
import os
import random
import shutil
import tempfile

import oracle

MS = 1000000
WALL0 = 1700000000000  # wall clock at boot
NODE = "0123456789abcdef0123456789abcdef"


class History:
    """Client, store, truth, faults and processes as lists, as they would be in their files."""

    def __init__(self):
        self.client = [{"op": "clock", "boot_ns": 0, "wall_ms": WALL0}]
        self.store, self.truth, self.faults, self.processes = [], [], [], []

    def row(self, task):
        return next(r for r in self.store if r["id"] == task)

    def lines(self, task, what="", attempt=None):
        return [t for t in self.truth if isinstance(t, list) and t[0] == task and what in ("", t[2])
                and attempt in (None, t[1])]

    def write(self, folder):
        for name in ("client", "store", "faults"):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                f.writelines(json.dumps(r) + "\n" for r in getattr(self, name))
        with open(os.path.join(folder, "truth"), "w", encoding="utf-8") as f:
            for t in self.truth:
                f.write(t if isinstance(t, str) else " ".join(map(str, t)) + "\n")
        with open(os.path.join(folder, "processes"), "w", encoding="utf-8") as f:
            f.writelines(" ".join(map(str, p)) + "\n" for p in self.processes)


class Maker:
    """Good histories. Time is in ms since boot."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.h = History()
        self.now = 1000
        self.pid = 1000

    def task(self, task, endings, attempts_allowed=3, after=None, cancelled=False, status=0):
        """endings: how each attempt ends: an exit code, "lost", "worker", "term" or "cancel"."""
        self.now += self.random.randint(1, 40)
        begin = self.now
        self.asked(task, status, begin, after)
        at, attempts, failures = begin + 10, [], 0
        if after:
            at = max(at, max(t[3] for t in self.h.lines(after, "end")) // MS + 5)
        for number, how in enumerate(endings, 1):
            at, a = self.attempt(task, number, how, at)
            attempts.append(a)
            failures += how in ("lost", "worker") or (isinstance(how, int) and how != 0)
        if cancelled:
            self.h.client.append({"op": "cancel", "id": task, "status": 0,
                                  "begin": (begin + 40) * MS, "end": (begin + 45) * MS})
        phase = "Cancelled" if cancelled else "Finished" if endings and endings[-1] == 0 else "Failed"
        self.h.store.append({
            "id": task, "phase": phase, "attempt": len(endings), "failures": failures, "wanted": "run",
            "maxAttempts": attempts_allowed, "createDateTime": WALL0 + begin,
            "finishDateTime": WALL0 + at, "attempts": attempts})

    def asked(self, task, status, begin=1, after=None):
        self.h.client.append({"op": "try", "id": task, "after": after})
        if status is not None:
            self.h.client.append({"op": "add", "id": task, "status": status, "begin": begin * MS,
                                  "end": (begin + 9) * MS})

    def attempt(self, task, number, how, at):
        start = at + self.random.randint(2, 30)
        end = start + self.random.randint(40, 300)
        self.pid += 1
        self.h.truth.append([task, number, "start", start * MS, self.pid, NODE])
        stored_end = end + 3
        if isinstance(how, int):
            self.h.truth.append([task, number, "end", end * MS, self.pid, NODE, how])
            outcome = {"reason": "exited", "code": how, "signal": 0, "message": ""}
        else:
            reason = {"lost": "lost", "worker": "signaled", "term": "interrupted",
                      "cancel": "cancelled"}[how]
            outcome = {"reason": reason, "code": 0, "signal": 9 if how == "worker" else 0, "message": ""}
            if how in ("lost", "term"):
                what = "supervisor" if how == "lost" else "term"
                self.h.faults.append({"wall_ms": WALL0 + end, "what": what})
            if how == "worker":
                self.h.faults.append({"wall_ms": WALL0 + end, "what": "worker", "id": task,
                                      "attempt": number})
            if how in ("term", "cancel"):
                self.h.truth.append([task, number, "end", end * MS, self.pid, NODE, oracle.TERMINATED])
        a = {"attempt": number, "startDateTime": WALL0 + start, "finishDateTime": WALL0 + stored_end,
             "exit": outcome}
        return stored_end + self.random.randint(1, 50), a

    def frozen(self, task):
        """Submitted while the supervisor stood still, given to it and lost without a start."""
        self.now += 10000
        begin = self.now
        self.task(task, [0])
        row, fault = self.h.row(task), self.h.faults.append
        for t in self.h.lines(task):
            t[1], t[3] = 2, t[3] + 3000 * MS
        for a in row["attempts"]:
            a.update(attempt=2, startDateTime=a["startDateTime"] + 3000, finishDateTime=a["finishDateTime"] + 3000)
        row["attempts"].insert(0, {
            "attempt": 1, "startDateTime": None, "finishDateTime": WALL0 + begin + 1900,
            "exit": {"reason": "lost", "code": 0, "signal": 0, "message": ""}})
        row.update(attempt=2, failures=1, finishDateTime=row["finishDateTime"] + 3000)
        fault({"wall_ms": WALL0 + begin - 500, "what": "stop-supervisor"})
        fault({"wall_ms": WALL0 + begin + 2500, "what": "go"})
        self.now += 10000


def good_history(seed):
    m = Maker(seed)
    shapes = ([0], [0], [0], [3, 0], [3, 4, 0], ["lost", 0], ["worker", 0], [5, "lost", 0],
              ["term", 0], ["term", "term", "lost", 3, 0], [7, 8, 9], ["worker", "lost", 3])
    for i in range(300):
        m.task(f"t{i}", m.random.choice(shapes))
    # one of each kind that the faults are planted into
    m.frozen("frozen")
    m.task("plain", [0])
    m.task("again", [3, 0])
    m.task("thrice", [3, "lost", 0])
    m.task("bad", [7, 8, 9])
    m.task("killed", ["worker", 0])
    m.task("handed", ["term", 0])
    m.task("first", [0])
    m.task("second", [0], after="first")
    m.task("stopped", ["cancel"], cancelled=True)
    m.task("never", [], cancelled=True)
    # nobody knows whether these were stored: one was, one was not; and one was refused
    m.task("unknown", [0], status=69)
    m.asked("vanished", 69)
    m.asked("wrong", 2)
    # never answered, and stored or not
    m.task("unanswered", [0], status=None)
    m.asked("away", None)
    # asked twice, and not answered the second time
    m.asked("plain", 69)
    # what a broken system would do late must not reach into other rules: the truth is in time's order
    m.h.truth.sort(key=lambda t: t[3])
    return m.h


# ---- the faults: each changes the history and returns the task in which it must be found ----

FAULTS = []


def plant(rule, sentence):
    def keep(f):
        FAULTS.append((rule, sentence, f))
        return f
    return keep


@plant("lost", "an accepted task is missing in the store")
def _(h):
    h.store.remove(h.row("plain"))
    return "plain"


@plant("stuck", "a task is Running for ever")
def _(h):
    h.row("plain")["phase"] = "Running"
    return "plain"


@plant("stuck", "a task waits for ever")
def _(h):
    h.row("never")["phase"] = "Created"
    return "never"


@plant("no-end", "Finished, its end line is dropped")
def _(h):
    h.truth.remove(h.lines("plain", "end")[0])
    return "plain"


@plant("no-end", "Finished on the word of an earlier attempt")
def _(h):
    h.truth.remove(h.lines("again", "end", 2)[0])
    h.lines("again", "end", 1)[0][6] = 0
    return "again"


@plant("bad-end", "Finished, but it had ended with 1")
def _(h):
    h.lines("plain", "end")[0][6] = 1
    return "plain"


@plant("overlap", "the next attempt began before the one before had ended")
def _(h):
    h.lines("again", "start", 2)[0][3] = h.lines("again", "end", 1)[0][3] - 5 * MS
    return "again"


@plant("held", "a witness met another of its task")
def _(h):
    start = h.lines("thrice", "start", 3)[0]
    h.truth.insert(h.truth.index(start), start[:2] + ["overlap"] + start[3:] + [4711])
    return "thrice"


@plant("reused", "one attempt was started twice")
def _(h):
    h.truth.append(list(h.lines("killed", "start", 1)[0]))
    return "killed"


@plant("backwards", "a lower attempt after a higher one")
def _(h):
    late = h.lines("killed", "start", 1)[0]
    h.truth.remove(late)
    h.truth.append(late)
    return "killed"


@plant("ahead", "an attempt ran that the store does not know")
def _(h):
    end = h.lines("plain", "end")[0][3]
    h.truth.append(["plain", 2, "start", end + MS, 5, NODE])
    return "plain"


@plant("loose-end", "an end without its start")
def _(h):
    h.truth.remove(h.lines("again", "start", 1)[0])
    return "again"


@plant("stranger", "the store has a task that nobody submitted")
def _(h):
    h.store.append(dict(h.row("never"), id="nobody"))
    return "nobody"


@plant("ghost", "a task ran that nobody submitted")
def _(h):
    h.truth.append(["nobody", 1, "start", 5, 5, NODE])
    return "nobody"


@plant("ghost", "a task ran that the store has never heard of")
def _(h):
    h.store.remove(h.row("unknown"))
    return "unknown"


@plant("twice", "one id, two rows")
def _(h):
    h.store.append(copy.deepcopy(h.row("plain")))
    return "plain"


@plant("refused", "a task was refused and stored all the same")
def _(h):
    h.store.append(dict(h.row("never"), id="wrong"))
    return "wrong"


@plant("many", "an attempt more than allowed")
def _(h):
    row, a = h.row("bad"), dict(h.row("bad")["attempts"][2], attempt=4)
    row["attempts"].append(a)
    row["attempt"], row["failures"] = 4, 4
    return "bad"


@plant("failures", "a lost attempt was not counted")
def _(h):
    h.row("thrice")["failures"] = 1
    return "thrice"


@plant("failures", "an interruption was counted")
def _(h):
    h.row("handed")["failures"] = 1
    return "handed"


@plant("listing", "an attempt is missing in the store")
def _(h):
    del h.row("thrice")["attempts"][1]
    return "thrice"


@plant("listing", "the store has an attempt twice")
def _(h):
    a = h.row("thrice")["attempts"]
    a.insert(1, copy.deepcopy(a[0]))
    return "thrice"


@plant("verdict", "another exit code is stored than it ended with")
def _(h):
    h.row("again")["attempts"][0]["exit"]["code"] = 4
    return "again"


@plant("unexplained", "an exit code was lost: stored as lost, and the supervisor lived")
def _(h):
    h.row("again")["attempts"][0]["exit"]["reason"] = "lost"
    h.faults = [f for f in h.faults if f["what"] != "supervisor"]
    return "again"


@plant("unexplained", "stored as killed, and nobody killed it")
def _(h):
    h.faults = [f for f in h.faults if f.get("id") != "killed"]
    return "killed"


@plant("unexplained", "an attempt could not be started")
def _(h):
    h.row("killed")["attempts"][0]["exit"]["reason"] = "start-failed"
    return "killed"


@plant("unexplained", "lost with a supervisor that had gone on before")
def _(h):
    go = next(f for f in h.faults if f["what"] == "go")
    go["wall_ms"] -= 2900
    return "frozen"


@plant("early-fail", "Failed with tries left")
def _(h):
    h.row("bad")["maxAttempts"] = 4
    return "bad"


@plant("late", "it ran again after it was final")
def _(h):
    row = h.row("again")
    row["finishDateTime"] = row["attempts"][0]["finishDateTime"] - 200
    return "again"


@plant("unwanted", "Cancelled, and nobody asked for it")
def _(h):
    h.client = [r for r in h.client if r["op"] != "cancel" or r["id"] != "never"]
    return "never"


@plant("cancel", "an attempt was started after its cancel was accepted")
def _(h):
    c = next(r for r in h.client if r["op"] == "cancel" and r["id"] == "stopped")
    c["end"] -= 5000 * MS
    return "stopped"


@plant("uncancelled", "a cancel was forgotten")
def _(h):
    end = h.row("plain")["finishDateTime"] - WALL0
    h.client.append({"op": "cancel", "id": "plain", "status": 0, "begin": 0, "end": (end - 9000) * MS})
    return "plain"


@plant("order", "started before what it waits for had finished")
def _(h):
    h.lines("second", "start")[0][3] = h.lines("first", "end")[0][3] - MS
    return "second"


@plant("time", "ended before it started, in the store")
def _(h):
    a = h.row("plain")["attempts"][0]
    a["startDateTime"] = a["finishDateTime"] + 5
    return "plain"


@plant("time", "ended before it started, in the truth")
def _(h):
    h.lines("plain", "end")[0][3] = h.lines("plain", "start")[0][3] - MS
    return "plain"


@plant("orphan", "a process of a finished task is still there")
def _(h):
    h.processes.append((77, "plain", 1))
    return "plain"


@plant("cancel-alive", "a process of a cancelled task is still there")
def _(h):
    h.processes.append((77, "stopped", 1))
    return "stopped"


@plant("garbled", "a line of the truth is torn")
def _(h):
    h.truth.append("plain 2 sta")
    return ""


@plant("witness", "a witness could not write")
def _(h):
    h.row("bad")["attempts"][1]["exit"]["code"] = oracle.WITNESS_BROKEN
    h.lines("bad", "end", 2)[0][6] = oracle.WITNESS_BROKEN
    return "bad"


@plant("blind", "nothing was accepted")
def _(h):
    h.client = [r for r in h.client if r["op"] != "add"]
    return ""


# ---- running it ----

def judge(h, folder):
    h.write(folder)
    words = ["check"]
    for name in ("client", "store", "truth", "faults", "processes"):
        words += ["--" + name, os.path.join(folder, name)]
    return oracle.check(oracle.arguments(words)).violations


class Tap:
    def __init__(self):
        self.n = self.failed = 0

    def say(self, ok, sentence, violations=()):
        self.n += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.n} - {sentence}")
        for v in () if ok else violations[:10]:
            print(f"#   {v}")


def main(argv):
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=20)
    seed = p.parse_args(argv).seed
    tap, folder = Tap(), tempfile.mkdtemp()
    try:
        for s in range(seed, seed + 10):
            found = judge(good_history(s), folder)
            tap.say(not found, f"nothing is found in a good history (seed {s})", found)
        for rule, sentence, f in FAULTS:
            h = copy.deepcopy(good_history(seed))
            task = f(h)
            found = judge(h, folder)
            tap.say(any(v["rule"] == rule and v["id"] == task for v in found),
                    f"found as {rule}: {sentence}", found)
        missing = set(oracle.RULES) - {rule for rule, _, _ in FAULTS}
        tap.say(not missing, f"a fault was planted for every rule {' '.join(sorted(missing))}")
        tap.say(len(FAULTS) >= 20, f"{len(FAULTS)} faults were planted")
    finally:
        shutil.rmtree(folder)
    print(f"1..{tap.n}")
    return 1 if tap.failed else 0
