"""What the seed documents' scripts do, and looks at the services: one action a call.

    peer.py create ID [--class C] [--executor E] [--status S] [--mode M] [ATTACHMENT=VALUE…]
                                  insert a task with the original's repository
    peer.py assign|cancel|update ID [--snake]     produce the event with the original's proxy
    peer.py insert JSON                           a document as it is given
    peer.py set ID FIELD=VALUE…                   a stranger's write into the document
    peer.py doc ID                                the document as JSON, sorted
    peer.py field ID MEMBER[.MEMBER…]             one member of it
    peer.py is ID FIELD=VALUE… [--for SECONDS]    wait until the document has them; 0 or 1
    peer.py read ID                               read it with the original's model; 0 when it can
    peer.py key KEY                               what Redis has under it, as JSON, with its TTL
    peer.py value KEY                             a string of it alone
    peer.py put KEY VALUE [SECONDS]               write one; "-" removes it
    peer.py beats KEY SECONDS                     the values that it takes on, one a line
    peer.py clean                                 an empty database, Redis 0 and no leftovers
    peer.py raw TOPIC [KEY [VALUE]]               a record as it is given ("-" is null)
    peer.py records TOPIC SECONDS                 what comes, a JSON line each
    peer.py serve FILE                            do all this for whoever connects to the port that
                                                  is written into FILE: lib.sh says how
Services: the environment, as for peer_node.py. VALUE is JSON where it parses, else text.
"""
import argparse
import io
import json
import os
import socketserver
import sys
import threading
import time
import traceback

import pymongo
import redis

ENV = os.environ.get


def value(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def pairs(words):
    return {k: value(v) for k, v in (w.split("=", 1) for w in words)}


ONE = threading.Lock()


def once(make):
    """One client for all calls of a process."""
    made = []

    def get():
        with ONE:
            if not made:
                made.append(make())
        return made[0]

    return get


@once
def database():
    client = pymongo.MongoClient(ENV("MONGO_HOST"), serverSelectionTimeoutMS=5000)
    return client[ENV("DB_NAME", "skalds")]


@once
def cache():
    return redis.Redis(host=ENV("REDIS_HOST"), port=int(ENV("REDIS_PORT", "6379")))


def tasks():
    return database().tasks


def brokers():
    return f'{ENV("KAFKA_HOST")}:{ENV("KAFKA_PORT", "9092")}'


@once
def repository():
    from skalds.proxy.mongo import MongoConfig, MongoProxy
    from skalds.repository.repository import TaskRepository

    return TaskRepository(MongoProxy(MongoConfig(host=ENV("MONGO_HOST"), db_name=ENV("DB_NAME", "skalds"))))


@once
def producer():
    from skalds.proxy.kafka import KafkaConfig, KafkaProxy

    return KafkaProxy(KafkaConfig(host=ENV("KAFKA_HOST"), port=int(ENV("KAFKA_PORT", "9092"))))


def create(args):
    from pydantic import BaseModel, ConfigDict
    from skalds.model.task import Task

    class Attachments(BaseModel):
        model_config = ConfigDict(extra="allow")

    task = Task(
        id=args.id,
        class_name=args.class_name,
        source="interop",
        executor=args.executor,
        mode=args.mode,
        lifecycle_status=args.status,
        attachments=Attachments(**pairs(args.words)),
    )
    repository().create_task(task)


def produce(topic, args):
    from skalds.model.event import TaskEvent
    proxy = producer()
    event = TaskEvent(id=None if args.snake else args.id, task_ids=[args.id])
    proxy.produce(topic, args.id, event.model_dump_json(by_alias=not args.snake))
    proxy.producer.flush(10)


def find(task_id):
    return tasks().find_one({"id": task_id}, {"_id": 0})


def is_so(args):
    want, end = pairs(args.words), time.monotonic() + args.seconds
    while True:
        doc = find(args.id) or {}
        if all(doc.get(k) == v for k, v in want.items()):
            return 0
        if time.monotonic() > end:
            print({k: doc.get(k) for k in want}, "instead of", want, file=sys.stderr)
            return 1
        time.sleep(0.2)


def read_as_original(task_id):
    from skalds.model.task import Task

    doc = tasks().find_one({"id": task_id})
    doc.pop("_id")
    doc["attachments"] = None
    Task(**doc)


def member(task_id, path):
    v = find(task_id)
    for part in path.split("."):
        v = v.get(part) if isinstance(v, dict) else None
    return v if isinstance(v, str) else json.dumps(v)


def beats(name, seconds, out):
    end, last = time.monotonic() + float(seconds), None
    while time.monotonic() < end:
        now = (cache().get(name) or b"").decode("utf-8", "replace")
        if now != last:
            print(now, file=out, flush=True)
        last = now
        time.sleep(0.1)


def put(name, text, seconds=None):
    if text == "-":
        cache().delete(name)
    else:
        cache().set(name, text, ex=None if seconds is None else int(seconds))


def look_at_key(name):
    r = cache()
    kind = r.type(name).decode()
    got = {"type": kind, "ttl": r.ttl(name)}
    text = lambda b: b.decode("utf-8", "replace")
    if kind == "string":
        got["value"] = text(r.get(name))
    elif kind == "list":
        got["value"] = [text(v) for v in r.lrange(name, 0, -1)]
    elif kind == "hash":
        got["value"] = {text(k): text(v) for k, v in r.hgetall(name).items()}
        got["field_ttl"] = dict(zip(got["value"], r.httl(name, *got["value"].keys())))
    return json.dumps(got, sort_keys=True)


def raw(words):
    from kafka import KafkaProducer

    data = [None if w == "-" else w.encode("utf-8", "surrogateescape") for w in words[1:]] + [None, None]
    producer = KafkaProducer(bootstrap_servers=brokers())
    producer.send(words[0], key=data[0], value=data[1]).get(10)


def records(words, out):
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(words[0], bootstrap_servers=brokers(), auto_offset_reset="latest",
                             consumer_timeout_ms=int(float(words[1]) * 1000))
    for m in consumer:
        text = lambda b: None if b is None else b.decode("utf-8", "replace")
        print(json.dumps({"key": text(m.key), "value": text(m.value), "partition": m.partition}), file=out, flush=True)


def arguments(words):
    p = argparse.ArgumentParser()
    p.add_argument("action")
    p.add_argument("id", nargs="?")
    p.add_argument("words", nargs="*")
    p.add_argument("--class", dest="class_name", default="MyWorker")
    p.add_argument("--executor")
    p.add_argument("--status", default="Created")
    p.add_argument("--mode", default="Passive")
    p.add_argument("--snake", action="store_true")
    p.add_argument("--for", dest="seconds", type=float, default=20)
    if words[0] == "put":  # values may begin with a dash
        return argparse.Namespace(action="put", id=words[1], words=words[2:])
    return p.parse_intermixed_args(words)


def clean():
    database().client.drop_database(database().name)
    cache().flushdb()


def set_fields(args):
    return 0 if tasks().update_one({"id": args.id}, {"$set": pairs(args.words)}).matched_count else 1


TOPICS = {"assign": "task.assign", "cancel": "task.cancel", "update": "task.update.attachment"}
ACTIONS = {
    "create": lambda a, out: create(a),
    "insert": lambda a, out: tasks().insert_one(json.loads(a.id)) and None,
    "set": lambda a, out: set_fields(a),
    "doc": lambda a, out: print(json.dumps(find(a.id), sort_keys=True, default=str), file=out),
    "field": lambda a, out: print(member(a.id, a.words[0]), file=out),
    "is": lambda a, out: is_so(a),
    "read": lambda a, out: read_as_original(a.id),
    "key": lambda a, out: print(look_at_key(a.id), file=out),
    "value": lambda a, out: print((cache().get(a.id) or b"").decode("utf-8", "replace"), file=out),
    "put": lambda a, out: put(a.id, *a.words),
    "beats": lambda a, out: beats(a.id, a.words[0], out),
    "clean": lambda a, out: clean(),
    "raw": lambda a, out: raw([a.id] + a.words),
    "records": lambda a, out: records([a.id] + a.words, out),
}


def run(words, out):
    args = arguments(words)
    if args.action in TOPICS:
        produce(TOPICS[args.action], args)
        return 0
    return ACTIONS[args.action](args, out) or 0


class Call(socketserver.StreamRequestHandler):
    """The number of words and the words, each with a NUL behind it; the code in a line, what is printed."""

    def word(self):
        got = bytearray()
        while (b := self.rfile.read(1)) not in (b"", b"\0"):
            got += b
        return got.decode("utf-8", "surrogateescape")

    def handle(self):
        out, words = io.StringIO(), [self.word() for _ in range(int(self.word() or 0))]
        try:
            code = run(words, out)
        except (Exception, SystemExit):
            print(words, file=sys.stderr)
            traceback.print_exc()
            code = 1
        self.wfile.write(f"{code}\n{out.getvalue()}".encode("utf-8", "surrogateescape"))


def serve(name):
    socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Call) as server:
        with open(name + ".new", "w") as f:
            f.write(str(server.server_address[1]))
        os.rename(name + ".new", name)
        server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2])
    sys.exit(run(sys.argv[1:], sys.stdout))
