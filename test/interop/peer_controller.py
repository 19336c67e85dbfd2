"""A controller of the original: peer_controller.py PORT [CONTROLLER|MONITOR|DISPATCHER]

With PATCHED=1 its monitor judges passive tasks: D1 (skalds-protocol.md 11.1) is repaired from
outside; everything else is as it was released.
"""
import os
import sys

from skalds.config.system_controller_config import SystemControllerConfig
from skalds.system_controller.main import SystemController
from skalds.system_controller.monitor.task_monitor import TaskMonitor


class TaskId(str):
    """The id of a task that also answers for the task: what the released loop asks it for."""

    @property
    def id(self):
        return self


def repair_d1():
    released = TaskMonitor._get_all_running_and_assigning_tasks

    async def with_ids(self):
        tasks = await released(self)
        for task in tasks:
            task.id = TaskId(task.id)
            task.id.lifecycleStatus = task.lifecycleStatus
        return tasks

    TaskMonitor._get_all_running_and_assigning_tasks = with_ids


def main():
    env = os.environ.get
    if env("PATCHED"):
        repair_d1()
    config = SystemControllerConfig(
        system_controller_mode=sys.argv[2] if len(sys.argv) > 2 else "MONITOR",
        system_controller_host="127.0.0.1",
        system_controller_port=int(sys.argv[1]),
        redis_host=env("REDIS_HOST"),
        redis_port=int(env("REDIS_PORT", "6379")),
        kafka_host=env("KAFKA_HOST"),
        kafka_port=int(env("KAFKA_PORT", "9092")),
        mongo_host=env("MONGO_HOST"),
        db_name=env("DB_NAME", "skalds"),
        log_path="",
    )
    SystemController(config).run()


if __name__ == "__main__":
    main()
