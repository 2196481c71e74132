"""What the pods would run is run: command, arguments, environment and mounted files are taken from the live objects and
started on this machine against Apache Kafka, until the probes answer. Only the port is another, as they share one host.
"""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.releases import RELEASE, Cluster, Namespace
from tests.running_worker import get
from tools.kafka import free_port

READY_SECONDS_MAX = 120.0
STATE = "/var/lib/breakwater"


class Native:
    """The processes of pods on this machine, each with its own view of the files that its pod would mount."""

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        self.namespace = namespace
        self.directory = directory
        self.running: dict[str, tuple[subprocess.Popen[bytes], int, dict[str, Any]]] = {}

    def start(self, name: str, spec: dict[str, Any]) -> subprocess.Popen[bytes]:
        (container,) = spec["containers"]
        port = free_port()
        command = self._confined(name, spec, container)
        environment = {"PATH": os.environ["PATH"], "BREAKWATER_WEB__PORT": str(port)}
        for one in container.get("env", []):
            environment[one["name"]] = one["value"] if "value" in one else self._field(name, one["valueFrom"])
        log = (self.directory / f"{name}.log").open("wb")
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        self.running[name] = (child, port, container)
        return child

    def _confined(self, name: str, spec: dict[str, Any], container: dict[str, Any]) -> list[str]:
        made = {one["name"]: self._volume(name, one) for one in spec["volumes"]}
        mounts = ["--dev-bind", "/", "/", "--tmpfs", "/etc/breakwater"]
        for mount in container["volumeMounts"]:
            source = made[mount["name"]] / mount.get("subPath", "")
            if mount["mountPath"] == "/tmp":  # where this machine's own files may lie
                continue
            way = "--ro-bind" if mount.get("readOnly") else "--bind"
            mounts += [way, str(source), mount["mountPath"]]
        assert "command" not in container, "the image's own entry point is run"
        return ["bwrap", *mounts, "--die-with-parent", sys.executable, "-m", "streams", *container["args"]]

    def _volume(self, name: str, volume: dict[str, Any]) -> Path:
        directory = self.directory / name / volume["name"]
        directory.mkdir(parents=True)
        if "configMap" in volume:
            for key, text in self._object("configmap", volume["configMap"]["name"])["data"].items():
                (directory / key).write_text(text)
        for source in volume.get("projected", {}).get("sources", []):
            data = self._object("secret", source["secret"]["name"])["data"]
            for item in source["secret"]["items"]:
                (directory / item["path"]).write_bytes(base64.b64decode(data[item["key"]]))
        return directory

    def _object(self, kind: str, name: str) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load(self.namespace.kubectl("get", kind, name, "-o", "yaml"))
        return found

    def _field(self, name: str, source: dict[str, Any]) -> str:
        assert source == {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}
        return name

    def log(self, name: str) -> str:
        return (self.directory / f"{name}.log").read_text()

    def await_probes(self, name: str) -> None:
        """Until every probe of the pod's container answers as a kubelet wants it."""
        child, port, container = self.running[name]
        paths = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not all(self._answers(port, path) for path in paths):
            assert child.poll() is None and time.monotonic() < deadline, f"{name}\n{self.log(name)[-3000:]}"
            time.sleep(0.5)

    def _answers(self, port: int, path: str) -> bool:
        try:
            return get(f"http://127.0.0.1:{port}{path}")[0] == 200
        except OSError:
            return False

    def stop(self) -> None:
        for child, _, _ in self.running.values():
            child.terminate()
        for child, _, _ in self.running.values():
            child.wait(60)


@pytest.fixture
def namespace(cluster: Cluster) -> Namespace:
    return cluster.namespace(f"run-{cluster.plane.version.replace('.', '-')}")


@pytest.fixture
def native(namespace: Namespace, tmp_path: Path) -> Iterator[Native]:
    made = Native(namespace, tmp_path)
    yield made
    made.stop()


@pytest.mark.kafka
def test_every_pod_of_a_release_does_its_work_on_a_real_kafka(
    kafka: Any, settings_for: Any, namespace: Namespace, native: Native
) -> None:
    prefix = settings_for(kafka).broker.topic_prefix
    broker = f"config.broker.bootstrap={{{kafka.bootstrap}}}"
    namespace.install(
        "default", "--set", f"{broker},config.broker.topic_prefix={prefix},config.broker.group_prefix={prefix}"
    )
    hooks = {one["metadata"]["name"]: one for one in _hooks(namespace)}

    settings = hooks[f"{RELEASE}-breakwater-topics"]
    assert settings["kind"] == "Job"
    job = settings["spec"]["template"]["spec"]
    for volume in job["volumes"]:  # the hook's own copy of the settings went with it; the release's says the same
        if "configMap" in volume:
            volume["configMap"]["name"] = f"{RELEASE}-breakwater"
    topics = native.start("topics", job)
    assert topics.wait(60) == 0, native.log("topics")
    assert "made" in native.log("topics")

    pods = {pod["metadata"]["name"]: pod["spec"] for pod in namespace.ready_pods()}
    first = {name.split("-")[2]: name for name in sorted(pods)}  # one pod a role is enough
    assert set(first) >= {"ingest", "detect", "respond", "notify", "web"}
    for role in ("ingest", "detect", "respond", "notify", "web"):
        native.start(first[role], pods[first[role]])
    for role in ("ingest", "detect", "respond", "notify", "web"):
        native.await_probes(first[role])

    canary = native.start("canary", hooks[f"{RELEASE}-breakwater-canary"]["spec"])
    assert canary.wait(60) == 0, native.log("canary")
    assert "Counted after" in native.log("canary")


def _hooks(namespace: Namespace) -> list[dict[str, Any]]:
    text = namespace.cluster.helm("get", "hooks", RELEASE, "-n", namespace.name).stdout
    return [one for one in yaml.safe_load_all(text) if one and one["kind"] in ("Job", "Pod")]
