"""What one skald says to Redis and Kafka, and what its tasks' documents look like: for comparing.

    peer_stream.py SKALD PREFIX SECONDS     records until SECONDS are over or standard input ends

Prints, sorted and each once: the Redis commands that name the skald or a task whose id begins with
PREFIX ("redis SET task:<task>:heartbeat <0..199> EX 8"), the Kafka records about such tasks
("kafka task.assign key=<task> id,title,…"), and the members of their documents with their types
("mongo phase string"). Ids, times and counters are written as what they are.
"""
import json
import os
import re
import sys
import threading
import time

import pymongo
import redis
from kafka import KafkaConsumer

ENV = os.environ.get
SKALD, PREFIX, SECONDS = sys.argv[1], sys.argv[2], float(sys.argv[3])
TOPICS = ["task.assign", "task.cancel", "task.update.attachment", "taskworker.update", "skalds.event"]
seen = set()
over = threading.Event()


def plain(word):
    """One argument without what differs from run to run."""
    if word == SKALD:
        return "<skald>"
    if re.fullmatch(r"\d{13}", word):
        return "<ms>"
    if re.fullmatch(r"\d{1,3}", word) and int(word) < 200:
        return "<0..199>"
    if word.startswith("{"):
        return re.sub(r"\d{13}", "<ms>", re.sub(PREFIX + r"[\w-]*", "<task>", word))
    word = word.replace(f"skalds:{SKALD}:", "skalds:<skald>:")
    return re.sub(r"^(task:)" + PREFIX + r"[\w-]*", r"\1<task>", word)


def words(command):
    """MONITOR escapes as C does; the words as they were sent."""
    return [w.encode().decode("unicode_escape", "replace") for w in re.findall(r'"((?:[^"\\]|\\.)*)"', command)]


def watch_redis():
    with redis.Redis(host=ENV("REDIS_HOST"), port=int(ENV("REDIS_PORT", "6379"))).monitor() as m:
        for event in m.listen():
            if over.is_set():
                return
            w = words(" ".join(f'"{x}"' for x in event["command"].split(" ")))
            text = event["command"]
            if SKALD in text or f"task:{PREFIX}" in text:
                parts = text.split(" ", 3)
                keep = [parts[0].upper()] + [plain(x) for x in text.split(" ")[1:]]
                # what an option says is no counter
                for i, x in enumerate(text.split(" ")):
                    if i > 0 and text.split(" ")[i - 1].upper() in ("EX", "PX", "FIELDS"):
                        keep[i] = x
                seen.add("redis " + " ".join(keep))
            _ = w


def shape(text):
    try:
        return ",".join(f"{k}:{type(v).__name__}" for k, v in json.loads(text).items())
    except ValueError:
        return "no JSON"


def watch_kafka():
    consumer = KafkaConsumer(*TOPICS, bootstrap_servers=f'{ENV("KAFKA_HOST")}:{ENV("KAFKA_PORT")}',
                             auto_offset_reset="latest", consumer_timeout_ms=500)
    while not over.is_set():
        for r in consumer:
            key = (r.key or b"").decode("utf-8", "replace")
            if key.startswith(PREFIX) and r.topic != "skalds.event":
                seen.add(f"kafka {r.topic} key=<task> {shape((r.value or b'').decode('utf-8', 'replace'))}")


def documents():
    client = pymongo.MongoClient(ENV("MONGO_HOST"))
    for doc in client[ENV("DB_NAME", "skalds")].tasks.find({"id": {"$regex": "^" + PREFIX}}):
        for name, v in doc.items():
            if name != "_id":
                seen.add(f"mongo {name} {type(v).__name__}")


threads = [threading.Thread(target=f, daemon=True) for f in (watch_redis, watch_kafka)]
for t in threads:
    t.start()
threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
over.wait(SECONDS)
over.set()
time.sleep(0.6)
documents()
print("\n".join(sorted(seen)))
