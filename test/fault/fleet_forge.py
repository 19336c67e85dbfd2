"""What somebody with write access to the services could send: forged messages, values and documents.

    fleet_forge.py messages N IDS   N events on the three topics and skalds.event about the ids of the file (and invented
                                    ones) that look like the real ones, with members that would be commands
    fleet_forge.py values IDS       what the cache says of the tasks: that they ended, that others have them; skalds
    fleet_forge.py garbage          what is no message, no value, no document, everywhere

IDS: "ID EXECUTOR" a line. Services: KAFKA_HOST, KAFKA_PORT, REDIS_HOST, REDIS_PORT, REDIS_DB, MONGO_HOST, DB_NAME;
FORGED is a file that no forged command may make. FORGE_SEED seeds what is random.
"""
import json
import os
import random
import sys
import time

import bson
import kafka
import pymongo
import redis

ENV = os.environ.get
TOPICS = ("task.assign", "task.cancel", "task.update.attachment", "skalds.event")
KINDS = ("created", "assigned", "started", "finished", "failed", "cancelled", "lost", "interrupted", "retrying")
rnd = random.Random(int(ENV("FORGE_SEED", "20")))


def brokers():
    return f'{ENV("KAFKA_HOST")}:{ENV("KAFKA_PORT")}'


def producer():
    return kafka.KafkaProducer(bootstrap_servers=brokers(), max_request_size=2 << 20, linger_ms=20)


def cache():
    return redis.Redis(host=ENV("REDIS_HOST"), port=int(ENV("REDIS_PORT")), db=int(ENV("REDIS_DB", "0")))


def database():
    return pymongo.MongoClient(ENV("MONGO_HOST"), serverSelectionTimeoutMS=10000)[ENV("DB_NAME")]


def read_ids(path):
    with open(path) as f:
        return [(line.split() + [""])[:2] for line in f]


def event(task, skald):
    """One that looks real, and one that would like to be a command."""
    command = {"command": ["/bin/sh", "-c", f"touch {ENV('FORGED')}"]}
    now = int(time.time() * 1000)
    if rnd.random() < 0.5:
        e = {"id": task, "taskIds": [task], "recipient": skald, "initiator": "controller", "attempt": rnd.randrange(6),
             "title": None, "createDateTime": now, "updateDateTime": now}
    else:
        e = {"id": None, "task_ids": [task], "recipient": skald, "create_date_time": now, "update_date_time": now}
    if rnd.random() < 0.5:
        e.update(className="Exec", attachments=command, executor=skald, lifecycleStatus="Assigning", phase="Assigning",
                 wanted="cancel", task={"id": task, "className": "Exec", "attachments": command})
    return e


def messages(n, ids):
    p, began = producer(), time.monotonic()
    for i in range(n):
        task, owner = rnd.choice(ids) if rnd.random() < 0.8 else (f"invented-{i}", "n1")
        skald = rnd.choice([owner or "n1", "n1", "n2", "", "nobody"])
        topic = rnd.choice(TOPICS)
        value = event(task, skald)
        if topic == "skalds.event":
            value = {"kind": rnd.choice(KINDS), "event": rnd.choice(KINDS), "time": int(time.time() * 1000), "taskId": task,
                     "task": task, "attempt": rnd.randrange(6), "skald": skald, "skaldId": skald, "className": "Exec"}
        p.send(topic, key=task.encode(), value=json.dumps(value).encode())
    p.flush(60)
    print(n, "messages in", int((time.monotonic() - began) * 1000), "ms")


def values(ids):
    r = cache()
    for task, owner in ids:
        r.set(f"task:{task}:heartbeat", rnd.choice(["200", "-1", "-2", "7", "-2147483649"]), ex=3600)
        r.set(f"task:{task}:exception", "forged: it has failed", ex=3600)
        r.set(f"task:{task}:has-error", "1", ex=3600)
        r.set(f"skalds.ended:{task}", str(int(time.time() * 1000)), ex=3600)
    listed = json.dumps({"tasks": [{"id": t, "class_name": "Exec"} for t, _ in ids] +
                                  [{"id": "invented-0", "class_name": "Exec"}]})
    for skald in ("n1", "n2", "forged", "forged-edge"):
        r.hset("skalds:hash", skald, str(int(time.time() * 1000) + 10**9))
        r.hset("skalds:mode:hash", skald, "edge" if skald == "forged-edge" else "node")
        r.set(f"skalds:{skald}:heartbeat", "199", ex=60)
        r.set(f"skalds:{skald}:all-task", listed, ex=60)
        key = f"skalds:{skald}:allow-task-class-name"
        r.delete(key)
        r.rpush(key, "Exec", "MyWorker", "Forged")
    r.hdel("skalds:hash", "n1")


# ---- garbage ----

def junk(n):
    return bytes(rnd.randrange(256) for _ in range(n))


BAD = [b"", b"{", b"null", b"[]", b"7", b'"text"', b"{}", b'{"id":', b"\xff\xfe\x00", b"\x00" * 64, b'{"id": "\xc3\x28"}',
       b'{"id": 7, "taskIds": 7}', b'{"id": [], "taskIds": [[]]}', b'{"taskIds": [null, {}, 1.5, "x"]}',
       b'{"id": "a", "taskIds": {"a": 1}, "attempt": "many", "recipient": 5}', b'{"id":"a","attempt":-1e400}',
       b"[" * 5000, b'{"a":' * 5000, b'{"taskIds": [' + b",".join(b'"%d"' % i for i in range(20000)) + b"]}",
       b'{"id": "../../etc/passwd", "taskIds": ["../../etc/passwd"]}', b'{"id":"' + b"x" * 70000 + b'"}',
       b'{"unknown": {"deep": [1, 2, {"more": true}]}}']


def garbage_messages():
    p = producer()
    for topic in TOPICS:
        for bad in BAD + [junk(n) for n in (1, 20, 500, 5000)]:
            p.send(topic, key=None, value=bad)
            p.send(topic, key=junk(8), value=bad)
        p.send(topic, key=b"k", value=None)
        p.send(topic, key=junk(100000), value=b"{}")
        for filler in (b"x", b"\xff"):
            p.send(topic, key=b"huge", value=b'{"id":"' + filler * (900 << 10) + b'"}')
    p.flush(60)


def garbage_values():
    r = cache()
    names = ["n1", "n2", "g1", "g\xff", "x" * 5000, ""]
    for name in names:
        for bad in [junk(50), b"\xff\xfe", b"9" * 400, b"-", b"1e9", junk(900 << 10)]:
            r.hset("skalds:hash", name, bad)
            r.hset("skalds:mode:hash", name, bad)
            r.set(f"skalds:{name}:all-task", bad, ex=30)
            r.set(f"skalds:{name}:heartbeat", bad, ex=30)
    for key in ("skalds:g1:allow-task-class-name", "task:garbage:heartbeat"):
        r.delete(key)
        r.set(key, "a text where a list is expected", ex=30)
    r.delete("skalds:n2:all-task")
    r.lpush("skalds:n2:all-task", "a", "b")
    r.hset("task:garbage-2:heartbeat", "a", "b")
    r.rpush("skalds:g2:allow-task-class-name", *([junk(20) for _ in range(200)] + [b"x" * (900 << 10)]))


def garbage_documents():
    db = database()
    kinds = [None, 7, 1.5, -(2**63), True, "text", "x" * 70000, [], [1, [2]], {}, {"$x": 1}, bson.Binary(junk(30)),
             bson.ObjectId(), bson.Regex("(")]
    right = {"className": "Sleep", "lifecycleStatus": "Created", "mode": "Passive", "attachments": {"seconds": 0},
             "createDateTime": 1, "updateDateTime": 1, "priority": 0, "isPersistent": False, "deadlineDateTime": 0,
             "dependencies": [], "executor": None}
    ours = {"phase": "Created", "wanted": "run", "attempt": 0, "failures": 0, "maxAttempts": 3, "seq": 1, "rank": 1,
            "gate": "open", "due": 0, "executorIncarnation": 0, "specMembers": {}}
    docs = {"tasks": [], "skalds.skalds": [], "skalds.attempts": [], "skalds.settings": []}
    for base in (right, {**right, **ours}):
        for member in base:
            for i, bad in enumerate(kinds):
                # what would be a fine task is none of what is tried here
                docs["tasks"].append({**base, "className": "NoSuchClass", "id": f"garbage-{len(base)}-{member}-{i}",
                                      member: bad})
    for i, bad in enumerate(kinds):
        docs["tasks"].append({"id": bad, "lifecycleStatus": "Created"})
        docs["skalds.skalds"].append({"_id": f"garbage-{i}", "id": bad, "incarnation": bad})
        docs["skalds.attempts"].append({"task": bad, "attempt": bad})
        docs["skalds.settings"].append({"_id": f"garbage-{i}", "value": bad})
    for collection, some in docs.items():
        try:
            db[collection].insert_many(some, ordered=False)
            refused = 0
        except pymongo.errors.BulkWriteError as e:
            refused = len(e.details["writeErrors"])
        print(len(some), "documents in", collection + ",", refused, "the server refused")


def main(words):
    if words[0] == "messages":
        messages(int(words[1]), read_ids(words[2]))
    elif words[0] == "values":
        values(read_ids(words[1]))
    elif words[0] == "garbage":
        garbage_messages()
        garbage_values()
        garbage_documents()


main(sys.argv[1:])
