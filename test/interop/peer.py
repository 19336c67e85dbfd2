"""What the seed documents' scripts do, and looks at the services: one action a call.

    peer.py create ID [--class C] [--executor E] [--status S] [--mode M] [ATTACHMENT=VALUE…]
                                  insert a task with the original's repository
    peer.py assign|cancel|update ID [--snake]     produce the event with the original's proxy
    peer.py set ID FIELD=VALUE…                   a stranger's write into the document
    peer.py doc ID                                the document as JSON, sorted
    peer.py is ID FIELD=VALUE… [--for SECONDS]    wait until the document has them; 0 or 1
    peer.py read ID                               read it with the original's model; 0 when it can
    peer.py key KEY                               what Redis has under it, as JSON, with its TTL
    peer.py clean                                 an empty database, Redis 0 and no leftovers
    peer.py raw TOPIC [KEY [VALUE]]               a record as it is given ("-" is null)
    peer.py records TOPIC SECONDS                 what comes, a JSON line each
Services: the environment, as for peer_node.py. VALUE is JSON where it parses, else text.
"""
import argparse
import json
import os
import sys
import time

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


def tasks():
    client = pymongo.MongoClient(ENV("MONGO_HOST"), serverSelectionTimeoutMS=5000)
    return client[ENV("DB_NAME", "skalds")].tasks


def cache():
    return redis.Redis(host=ENV("REDIS_HOST"), port=int(ENV("REDIS_PORT", "6379")))


def brokers():
    return f'{ENV("KAFKA_HOST")}:{ENV("KAFKA_PORT", "9092")}'


def create(args):
    from pydantic import BaseModel, ConfigDict
    from skalds.model.task import Task
    from skalds.proxy.mongo import MongoConfig, MongoProxy
    from skalds.repository.repository import TaskRepository

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
    proxy = MongoProxy(MongoConfig(host=ENV("MONGO_HOST"), db_name=ENV("DB_NAME", "skalds")))
    TaskRepository(proxy).create_task(task)


def produce(topic, args):
    from skalds.model.event import TaskEvent
    from skalds.proxy.kafka import KafkaConfig, KafkaProxy

    proxy = KafkaProxy(KafkaConfig(host=ENV("KAFKA_HOST"), port=int(ENV("KAFKA_PORT", "9092"))))
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
    print(json.dumps(got, sort_keys=True))


def raw(words):
    from kafka import KafkaProducer

    data = [None if w == "-" else w.encode("utf-8", "surrogateescape") for w in words[1:]] + [None, None]
    producer = KafkaProducer(bootstrap_servers=brokers())
    producer.send(words[0], key=data[0], value=data[1]).get(10)


def records(words):
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(words[0], bootstrap_servers=brokers(), auto_offset_reset="latest",
                             consumer_timeout_ms=int(float(words[1]) * 1000))
    for m in consumer:
        text = lambda b: None if b is None else b.decode("utf-8", "replace")
        print(json.dumps({"key": text(m.key), "value": text(m.value), "partition": m.partition}), flush=True)


def main():
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
    args = p.parse_intermixed_args()
    topics = {"assign": "task.assign", "cancel": "task.cancel", "update": "task.update.attachment"}
    if args.action in topics:
        produce(topics[args.action], args)
    elif args.action == "create":
        create(args)
    elif args.action == "set":
        return 0 if tasks().update_one({"id": args.id}, {"$set": pairs(args.words)}).matched_count else 1
    elif args.action == "doc":
        print(json.dumps(find(args.id), sort_keys=True, default=str))
    elif args.action == "is":
        return is_so(args)
    elif args.action == "read":
        read_as_original(args.id)
    elif args.action == "key":
        look_at_key(args.id)
    elif args.action == "clean":
        tasks().database.client.drop_database(ENV("DB_NAME", "skalds"))
        cache().flushdb()
    elif args.action == "raw":
        raw([args.id] + args.words)
    elif args.action == "records":
        records([args.id] + args.words)
    else:
        p.error("no such action")
    return 0


if __name__ == "__main__":
    sys.exit(main())
