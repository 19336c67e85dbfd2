"""A node, edge or single process of the original (skalds 0.3.8 from PyPI) with two worker classes.

    peer_node.py ID [MODE [YAML]]     MODE: node (default), edge, single_process

Services come from KAFKA_HOST, KAFKA_PORT, REDIS_HOST, REDIS_PORT, MONGO_HOST, DB_NAME. What the
workers do is told in the file OBSERVED, one line a step: "ID start SECONDS PID",
"ID update|end VALUE", in one write each, so that lines of several processes do not mix. MyWorker is the seed documents' class,
with C's attachments: `steps` steps of `intervalSeconds`; rtspUrl "fail" makes it raise.
"""
import logging
import os
import sys
import time

from pydantic import BaseModel, ConfigDict, Field
from skalds.config.skald_config import SkaldConfig
from skalds.skald import Skald
from skalds.worker.baseclass import BaseTaskWorker, run_main_handler, update_event_handler


def tell(*words):
    line = " ".join(str(w) for w in words) + "\n"
    fd = os.open(os.environ["OBSERVED"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(fd, line.encode())
    os.close(fd)


class MyModel(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    rtsp_url: str = Field(alias="rtspUrl")
    fix_frame: int = Field(10, alias="fixFrame")
    steps: int = 3000
    interval: float = Field(1.0, alias="intervalSeconds")


class MyWorker(BaseTaskWorker[MyModel]):
    def initialize(self, data):
        self.rtsp_url = data.rtsp_url
        self.fix_frame = data.fix_frame
        self.steps = data.steps
        self.interval = data.interval

    @run_main_handler
    def main(self):
        tell(self.task_id, "start", time.time(), os.getpid())
        if self.rtsp_url == "fail":
            time.sleep(self.interval)  # a beat that is under way would write over its -1 (N9)
            raise RuntimeError("made to fail")
        done = 0
        while done < self.steps:
            time.sleep(self.interval)
            done += 1
        tell(self.task_id, "end", self.rtsp_url)

    @update_event_handler
    def update(self, data):
        self.rtsp_url = data.rtsp_url
        self.fix_frame = data.fix_frame
        tell(self.task_id, "update", data.rtsp_url)


class OnlyPython(MyWorker):
    """A class that no C node has."""


def main():
    env = os.environ.get
    # the library tells when it has joined its group: before that it hears nothing
    logging.getLogger("kafka.coordinator").setLevel(logging.INFO)
    logging.getLogger("kafka.coordinator").addHandler(logging.StreamHandler())
    mode = sys.argv[2] if len(sys.argv) > 2 else "node"
    config = SkaldConfig(
        skald_id=sys.argv[1],
        skald_mode=mode,
        redis_host=env("REDIS_HOST", ""),
        redis_port=int(env("REDIS_PORT", "6379")),
        kafka_host=env("KAFKA_HOST", ""),
        kafka_port=int(env("KAFKA_PORT", "9092")),
        mongo_host=env("MONGO_HOST", ""),
        db_name=env("DB_NAME", "skalds"),
        log_path="",
        yaml_file=sys.argv[3] if len(sys.argv) > 3 else "",
    )
    skald = Skald(config)
    skald.register_task_worker(MyWorker)
    if not env("ONLY_MYWORKER"):
        skald.register_task_worker(OnlyPython)
    skald.run()


if __name__ == "__main__":
    main()
