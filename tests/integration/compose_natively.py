"""Starts what docker-compose.yml starts, as processes of this machine: run in a network of its own by its test.

    python -m tests.integration.compose_natively SERVICES.json DIRECTORY

Each service's command, environment and mounted files are those of the compose file, ports and host names too; the
programs are this machine's instead of the images'. Writes what arrived to DIRECTORY/arrived.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.kafka import KafkaNode

PROGRAMS = {"prom/prometheus": ["prometheus"], "prom/alertmanager": ["prometheus-alertmanager"]}
OURS = [sys.executable, "-m", "streams"]
# Sixty times as fast as life is for people who watch.
FASTER = {"60": "600"}
SECONDS_MAX = 200.0


class Stack:
    def __init__(self, services: dict[str, Any], directory: Path) -> None:
        self.services = services
        self.directory = directory
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> subprocess.Popen[bytes]:
        service = self.services[name]
        image = service["image"].split(":")[0]
        program = OURS if image == "breakwater" else PROGRAMS[image]
        mounts = ["--dev-bind", "/", "/"]
        for number, volume in enumerate(service.get("volumes", [])):
            source = Path(volume["source"])
            if volume["type"] == "volume":
                source = self.directory / f"{name}-{number}"
                source.mkdir()
            way = "--ro-bind" if volume.get("read_only") else "--bind"
            mounts += ["--dir", volume["target"], way, str(source), volume["target"]]
        command = [FASTER.get(word, word) for word in service["command"]]
        environment = {"PATH": os.environ["PATH"], **(service.get("environment") or {})}
        log = (self.directory / f"{name}.log").open("wb")
        self.children[name] = subprocess.Popen(
            ["bwrap", *mounts, "--die-with-parent", *program, *command],
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        return self.children[name]

    def run(self, name: str) -> None:
        assert self.start(name).wait(SECONDS_MAX) == 0, self.log(name)

    def log(self, name: str) -> str:
        return f"{name}:\n{(self.directory / f'{name}.log').read_text()[-3000:]}"

    def stop(self) -> None:
        for child in self.children.values():
            if child.poll() is None:
                child.terminate()
                child.wait(30)


def asked(url: str) -> Any:
    """The answer as JSON, or as text where it is none; None where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    except (urllib.error.URLError, OSError):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def eventually(reached: Callable[[], Any], why_not: Callable[[], str]) -> Any:
    deadline = time.monotonic() + SECONDS_MAX
    while not (found := reached()):
        assert time.monotonic() < deadline, why_not()
        time.sleep(0.5)
    return found


def arrived(stack: Stack) -> dict[str, Any]:
    """The story, from the topics to the pager and the annotations."""
    stack.run("topics")
    for name in ("pager", "worker", "prometheus", "alertmanager"):
        stack.start(name)
    eventually(lambda: asked("http://worker:8080/readyz"), lambda: stack.log("worker"))
    eventually(lambda: asked("http://prometheus:9090/-/ready"), lambda: stack.log("prometheus"))
    stack.run("traffic")
    pager = eventually(
        lambda: _paged(asked("http://pager:8090/")), lambda: f"{stack.log('worker')}\n{asked('http://pager:8090/')}"
    )
    watched = eventually(lambda: _firing("BreakwaterWatches"), lambda: stack.log("prometheus"))
    heard = eventually(lambda: _routed("BreakwaterWatches"), lambda: stack.log("alertmanager"))
    targets = asked("http://prometheus:9090/api/v1/targets")["data"]["activeTargets"]
    return {
        "pager": pager,
        "targets": {target["labels"]["instance"]: target["health"] for target in targets},
        "watched": watched,
        "heard": heard,
        "page": asked("http://worker:8080/"),
        "played": stack.log("traffic"),
    }


def _paged(state: Any) -> Any:
    return state if state and "telephony" in json.dumps(state).lower() and "annotations" in json.dumps(state) else None


def _firing(name: str) -> Any:
    found = asked("http://prometheus:9090/api/v1/alerts") or {"data": {"alerts": []}}
    return [one for one in found["data"]["alerts"] if one["labels"]["alertname"] == name and one["state"] == "firing"]


def _routed(name: str) -> Any:
    found = asked("http://alertmanager:9093/api/v2/alerts") or []
    return [one for one in found if one["labels"]["alertname"] == name]


def kafka(service: dict[str, Any], directory: Path) -> KafkaNode:
    """Apache Kafka with the settings of the compose file alone: KAFKA_LOG_DIRS is log.dirs, as the image reads it."""
    environment = {name.removeprefix("KAFKA_"): text for name, text in service["environment"].items()}
    identity = environment.pop("CLUSTER_ID")
    properties = {name.lower().replace("_", "."): text for name, text in environment.items()}
    properties["log.dirs"] = str(directory / "storage")
    return KafkaNode(directory, port=9092, cluster_id=identity, properties=properties)


def main(services: Path, directory: Path) -> None:
    stack = Stack(json.loads(services.read_text()), directory)
    node = kafka(stack.services["kafka"], directory / "kafka").start()
    try:
        (directory / "arrived.json").write_text(json.dumps(arrived(stack)))
    finally:
        stack.stop()
        node.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
