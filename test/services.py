"""services.py - asks the services of scripts/services.sh through the clients of the original program.

	services.py CHECK [ARGUMENT...]		exit code 0 when it holds; prints what it saw

Addresses and passwords come from the environment (build/services/env). Every check ends by itself.
"""

import os
import ssl
import sys
import threading
import uuid

env = os.environ
CA = env.get("SKALDS_TEST_CA")


def redis_client(**more):
    import redis

    return redis.Redis(socket_timeout=5, **more)


def redis_tls(ca, **more):
    return redis_client(host="127.0.0.1", port=int(env["REDIS_TLS_PORT"]), ssl=True, ssl_ca_certs=ca, **more)


def redis_plain():
    return redis_client(host=env["REDIS_HOST"], port=int(env["REDIS_PORT"]))


def check_redis_fields_expire():
    c = redis_plain()
    c.hset("h", "f", "v")
    assert c.execute_command("HEXPIRE", "h", 100, "FIELDS", 1, "f") == [1]


def check_redis_socket():
    assert redis_client(unix_socket_path=env["REDIS_SOCKET"]).ping()


def check_redis_tls():
    assert redis_tls(CA).ping()
    both = {"ssl_certfile": env["SKALDS_TEST_CLIENT_CERT"], "ssl_keyfile": env["SKALDS_TEST_CLIENT_KEY"]}
    assert redis_tls(CA, **both).ping()


def check_redis_other_ca():
    refused("CERTIFICATE_VERIFY_FAILED", lambda: redis_tls(env["SKALDS_TEST_OTHER_CA"]).ping())


def check_redis_user():
    user = env["SKALDS_TEST_REDIS_USER"]
    c = redis_tls(CA, username=user, password=env["SKALDS_TEST_REDIS_PASSWORD"])
    assert c.execute_command("ACL", "WHOAMI") == user.encode()
    refused("WRONGPASS|invalid username", lambda: redis_tls(CA, username=user, password="wrong").ping())


def check_redis_set(value):
    redis_plain().set("kept", value)


def check_redis_get():
    print((redis_plain().get("kept") or b"nothing").decode())


def kafka_options(listener, mechanism=None, password=None):
    o = {"bootstrap_servers": "127.0.0.1:" + env[listener], "api_version": (2, 6)}
    tls = "SSL" in listener
    if mechanism:
        o["security_protocol"] = "SASL_SSL" if tls else "SASL_PLAINTEXT"
        o["sasl_mechanism"] = mechanism
        o["sasl_plain_username"] = env["SKALDS_TEST_KAFKA_USER"]
        o["sasl_plain_password"] = password or env["SKALDS_TEST_KAFKA_PASSWORD"]
    elif tls:
        o["security_protocol"] = "SSL"
    if tls:
        o["ssl_cafile"] = CA
    return o


def kafka_send(options, topic, value, wait_ms=8000):
    from kafka import KafkaProducer

    p = KafkaProducer(max_block_ms=wait_ms, **options)
    p.send(topic, value.encode()).get(timeout=8)
    p.close(timeout=2)


def kafka_read(options, topic):
    from kafka import KafkaConsumer

    c = KafkaConsumer(topic, auto_offset_reset="earliest", consumer_timeout_ms=4000, **options)
    got = next(iter(c), None)
    c.close()
    return got.value.decode() if got else "nothing"


def check_kafka(listener, mechanism=None):
    topic, options = "t-" + uuid.uuid4().hex, kafka_options(listener, mechanism)
    kafka_send(options, topic, "said")
    assert kafka_read(options, topic) == "said"


def check_kafka_wrong_password(listener, mechanism):
    options = kafka_options(listener, mechanism, "wrong")
    refused("Authentication|Timeout|NoBrokers|metadata", lambda: kafka_send(options, "t-wrong", "said", 3000))


def check_kafka_put(topic):
    kafka_send(kafka_options("KAFKA_PORT"), topic, "kept")


def check_kafka_get(topic):
    from kafka.admin import KafkaAdminClient

    options = kafka_options("KAFKA_PORT")
    there = topic in KafkaAdminClient(**options).list_topics()
    print(kafka_read(options, topic) if there else "nothing")


def mongo_client(variable, **more):
    import pymongo

    return pymongo.MongoClient(env[variable], serverSelectionTimeoutMS=8000, **more)


def check_mongo_unique(variable):
    from pymongo.errors import DuplicateKeyError

    c = mongo_client(variable).test["u" + uuid.uuid4().hex]
    c.create_index("id", unique=True)
    c.insert_one({"id": 1})
    try:
        c.insert_one({"id": 1})
    except DuplicateKeyError:
        return
    raise AssertionError("a second document with the same id")


def check_mongo_tls():
    import pymongo

    port = int(env["SKALDS_TEST_MONGO_TLS_PORT"])
    pymongo.MongoClient("127.0.0.1", port, tls=True, tlsCAFile=CA,
                        serverSelectionTimeoutMS=8000).admin.command("ping")


def check_mongo_race(variable, rounds="100"):
    """Eight clients compare and set one number; every success must be one step of it."""
    c = mongo_client(variable).test["race" + uuid.uuid4().hex]
    c.insert_one({"_id": 1, "n": 0})
    won, errors = [0] * 8, []
    start = threading.Barrier(8)

    def work(i):
        try:
            mine = mongo_client(variable).test[c.name]
            start.wait()
            for _ in range(int(rounds)):
                n = mine.find_one({"_id": 1})["n"]
                won[i] += mine.update_one({"_id": 1, "n": n}, {"$set": {"n": n + 1}}).modified_count
        except Exception as e:  # the thread's end would hide it
            errors.append(e)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    end = c.find_one({"_id": 1})["n"]
    print(f"{sum(won)} successes, the number is {end}, {len(errors)} errors {errors[:1]}")
    assert not errors and sum(won) == end > 0


def check_mongo_put(variable):
    mongo_client(variable).test.kept.replace_one({"_id": 1}, {"_id": 1, "v": "kept"}, upsert=True)


def check_mongo_get(variable):
    d = mongo_client(variable).test.kept.find_one({"_id": 1})
    print(d["v"] if d else "nothing")


def check_expired():
    """A server with the expired certificate is refused for that reason."""
    import socket

    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(env["SKALDS_TEST_EXPIRED_CERT"], env["SKALDS_TEST_EXPIRED_KEY"])
    client = ssl.create_default_context(cafile=CA)
    a, b = socket.socketpair()

    def serve():
        try:
            server.wrap_socket(b, server_side=True)
        except (ssl.SSLError, OSError):
            pass

    t = threading.Thread(target=serve)
    t.start()
    refused("certificate has expired", lambda: client.wrap_socket(a, server_hostname="127.0.0.1"))
    a.close()
    t.join()


def refused(pattern, call):
    import re

    try:
        call()
    except Exception as e:
        seen = f"{type(e).__name__}: {e}"
        assert re.search(pattern, seen), seen
        return
    raise AssertionError("was not refused")


globals()["check_" + sys.argv[1]](*sys.argv[2:])
