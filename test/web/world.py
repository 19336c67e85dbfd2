"""Tasks as people have them, for every page of the dashboard; and tasks of somebody who means harm."""

from harness import EVIL


def ordinary(skalds):
    """Running with progress and output, failed with a reason, waiting on others, paused, cancelled, an array."""
    skalds.add("MyWorker", "rtspUrl=rtsp://cam/1", "fixFrame=30", "intervalSeconds=0.2", "--id", "camera-1",
               "--label", "site=north", "--name", "Camera at the gate", "--priority", "5",
               "--description", "Holds a frame of the camera at the gate.", "--deadline", "+90m",
               "--resources", "memoryMb=64")
    skalds.add("--id", "fails-1", "--retries", "1", "--backoff", "0.1s", "--",
               "sh", "-c", "printf '\\033[31mred\\033[0m words\\n'; echo to stderr >&2; exit 3")
    skalds.add("--id", "after-1", "--after", "camera-1", "--name", "Report", "--", "true")
    skalds.add("--id", "after-2", "--after", "after-1,camera-1", "--", "true")
    skalds.add("--array", "1-5", "--id", "frames", "--", "sh", "-c", "echo frame $SKALDS_TASK_INDEX")
    skalds.add("Sleep", "seconds=600", "--id", "paused-1", "--delay", "1h")
    skalds.cli("task", "pause", "paused-1")
    skalds.add("Sleep", "seconds=600", "--id", "cancelled-1", "--delay", "1h")
    skalds.cli("task", "cancel", "--yes", "cancelled-1")
    skalds.wait("fails-1", "Failed")
    skalds.wait("frames", "Finished")
    skalds.wait("camera-1", "Running")


def hostile(skalds):
    """The same texts in every field that can hold text; ids of the tasks."""
    ids = []
    for i, text in enumerate(EVIL):
        task = {
            "id": f"evil-{i} {text}".replace("/", "|").replace(":", "").replace("*", "").replace("?", "")
                  .replace("[", "").replace("]", ""),
            "className": "Exec", "name": text, "description": text, "source": text, "uniqueKey": f"{i}{text}",
            "labels": {"<b>k</b>": text}, "maxAttempts": 1,
            "attachments": {"command": ["sh", "-c", 'echo "$1"; echo "$1" >&2; exit 7', "sh", text],
                            "env": {"X": text}},
        }
        skalds.add_many([task])
        ids.append(task["id"])
    skalds.add_many([{"id": "evil-fail", "className": "Fail", "maxAttempts": 1, "attachments": {"message": EVIL[0]}},
                     {"id": "evil-job", "className": "ComplexWorker",
                      "attachments": {"jobId": EVIL[0], "sub_tasks": [{"name": EVIL[1], "duration": 600}]}},
                     {"id": "evil-waits", "className": "Noop", "dependencies": [ids[0]], "dependencyPolicy": "run"}])
    for task in [*ids, "evil-fail"]:
        skalds.wait(task, "Failed")
    skalds.wait("evil-job", "Running")
    return [*ids, "evil-fail", "evil-job", "evil-waits"]
