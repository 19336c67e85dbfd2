"""What one skald says to Redis and Kafka, and what its tasks' documents look like: for comparing.

    peer_stream.py SKALD PREFIX READY [python]
                                  records until standard input ends; makes the file READY

With `python` what programs of ours add to any document is not told.

It prints, sorted and each once: the Redis commands, but those that read, that name the skald or a task whose id begins with
PREFIX ("redis SET task:<task>:heartbeat <0..199> EX 8"), the Kafka records about such tasks
("kafka task.assign id:str,title:NoneType,…"), and the members of their documents with their types
("mongo mode str"). Ids, times, texts and counters are written as what they are.
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
SKALD, PREFIX, READY = sys.argv[1:4]
READS = {"GET", "HTTL", "HGETALL", "LRANGE", "TYPE", "TTL"}  # whoever looks changes nothing
OURS = {"seq", "rank", "due"}  # added by whichever program of ours sees a document first, to any
TOPICS = ["task.assign", "task.cancel", "task.update.attachment", "taskworker.update", "skalds.event"]
seen = set()
over = threading.Event()
listening = threading.Semaphore(0)


def key_of(name):
    name = name.replace(f"skalds:{SKALD}:", "skalds:<skald>:")
    name = re.sub(r"\b(task:|skalds\.ended:)" + PREFIX + r"[\w-]*", r"\1<task>", name)
    return re.sub(r"\b(skalds\.output:)" + PREFIX + r"[\w-]*:\d+", r"\1<task>:<attempt>", name)


def value_of(key, text):
    if re.fullmatch(r"\d{13}", text):
        return "<ms>"
    if key.endswith("heartbeat") and re.fullmatch(r"\d{1,3}", text) and int(text) < 200:
        return "<0..199>"
    if key.endswith("all-task"):
        text = re.sub(PREFIX + r"[\w-]*", "<task>", re.sub(r"\d{13}", "<ms>", text))
        # how many there are, and when, is chance
        text = re.sub(r'\[(\{"id":"<task>","class_name":"\w+"\},?)*\]', "[…]", text)
        return re.sub(r'\[("<task>",?)*\]', "[…]", text)
    if key.endswith("exception") or key.startswith("skalds.output"):
        return "<text>" if text else "<empty>"
    return text


def command(text):
    """One command without what differs from run to run; None when it is not about us."""
    if SKALD not in text and not re.search(r"\b" + PREFIX, text):
        return None
    parts = text.split(" ")
    name = parts[0].upper()
    if name in READS:
        return None
    if name == "SET":
        key, rest = text.split(" ", 2)[1:]
        value, option = re.fullmatch(r"(.*?)((?: (?:EX|PX) \d+)?)", rest, re.S | re.I).groups()
        return f"SET {key_of(key)} {value_of(key, value)}{option}"
    if name == "RPUSH":
        return f"RPUSH {key_of(parts[1])} <class>" + (" <class>…" if len(parts) > 3 else "")
    words = ["<skald>" if w == SKALD else key_of(w) for w in parts[1:]]
    if name == "HSET":
        words[2] = value_of(words[0], words[2])
    return " ".join([name] + words)


def watch_redis():
    queued = {}
    with redis.Redis(host=ENV("REDIS_HOST"), port=int(ENV("REDIS_PORT", "6379"))).monitor() as m:
        listening.release()
        for event in m.listen():
            if over.is_set():
                return
            text, who = event["command"], (event["client_address"], event["client_port"])
            if text.upper() in ("MULTI", "EXEC"):
                queued[who] = text.upper() == "MULTI"
            elif (plain := command(text)) is not None:
                seen.add("redis " + ("MULTI: " if queued.get(who) else "") + plain)


def shape(text):
    try:
        return ",".join(f"{k}:{type(v).__name__}" for k, v in json.loads(text).items())
    except ValueError:
        return "no JSON"


def watch_kafka():
    consumer = KafkaConsumer(*TOPICS, bootstrap_servers=f'{ENV("KAFKA_HOST")}:{ENV("KAFKA_PORT")}',
                             auto_offset_reset="latest", consumer_timeout_ms=300, group_id=None)
    while not consumer.assignment():
        consumer.poll(100)
    for p in consumer.assignment():
        consumer.position(p)
    listening.release()
    while not over.is_set():
        for r in consumer:
            key = (r.key or b"").decode("utf-8", "replace")
            if key.startswith(PREFIX) and r.topic == "skalds.event":
                seen.add("kafka skalds.event")
            elif key.startswith(PREFIX):
                seen.add(f"kafka {r.topic} {shape((r.value or b'').decode('utf-8', 'replace'))}")


def documents():
    client = pymongo.MongoClient(ENV("MONGO_HOST"))
    for doc in client[ENV("DB_NAME", "skalds")].tasks.find({"id": {"$regex": "^" + PREFIX}}):
        for name, v in doc.items():
            if name != "_id" and not (name in OURS and "python" in sys.argv[4:]):
                seen.add(f"mongo {name} {type(v).__name__}")


for f in (watch_redis, watch_kafka):
    threading.Thread(target=f, daemon=True).start()
listening.acquire()
listening.acquire()
with open(READY, "w"):
    pass
sys.stdin.read()
time.sleep(0.5)
over.set()
time.sleep(0.5)
documents()
print("\n".join(sorted(seen)))
