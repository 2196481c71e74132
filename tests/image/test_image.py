"""The image as a pod runs it: a read-only root, uid 10001, no capability, no shell. On Apache Kafka.

Built by buildah on a stand-in for the base image, run by bubblewrap on the built files.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from streams import broker, config
from tests.running_worker import get
from tools import chart_tools, image
from tools.kafka import free_port

ROOT = Path(__file__).parents[2]
TAG = "breakwater:test"
# the first of them makes a base and builds the image
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[image.Builder]:
    lacking = image.missing()
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(lacking)
    made = image.Builder(tmp_path_factory.mktemp("buildah"))
    made.base()
    made.build(TAG)
    yield made
    made.buildah("rm", "--all")


@pytest.fixture(scope="module")
def files(builder: image.Builder) -> Path:
    return builder.mount(TAG)


def confined(files: Path, scratch: Path, *command: str, settings: Path | None = None) -> list[str]:
    """`command` in the image with the chart's security context: nothing may be written but /tmp and the state."""
    scratch.mkdir(exist_ok=True)  # this user's, who is uid 10001 in there
    mounts = ["--ro-bind", str(files), "/", "--tmpfs", "/tmp", "--proc", "/proc", "--dev", "/dev"]
    mounts += ["--bind", str(scratch), "/var/lib/breakwater"]
    if settings:
        mounts += ["--tmpfs", "/etc/breakwater", "--ro-bind", str(settings), "/etc/breakwater/breakwater.yaml"]
    rights = ["--unshare-user", "--uid", "10001", "--gid", "10001", "--cap-drop", "ALL", "--die-with-parent"]
    path = ["--clearenv", "--setenv", "PATH", "/opt/breakwater/bin:/usr/local/bin:/usr/bin:/bin"]
    return ["bwrap", *mounts, *rights, *path, "--chdir", "/var/lib/breakwater", *command]


def run(files: Path, scratch: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(confined(files, scratch, *command), capture_output=True, text=True, check=False, timeout=60)


def test_it_starts_without_a_shell_as_nobody_in_particular(builder: image.Builder) -> None:
    found = builder.config(TAG)
    assert found["User"] == "10001:10001"
    assert found["Entrypoint"] == ["breakwater"]
    assert found["Cmd"] == ["worker", "--role", "all", "--config", "/etc/breakwater/breakwater.yaml"]
    assert "/readyz" in str(found["Healthcheck"])


def test_it_has_no_rights_and_may_write_nothing(files: Path, tmp_path: Path) -> None:
    status = run(files, tmp_path / "state", "/usr/bin/cat", "/proc/self/status").stdout
    assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
    assert re.search(r"^Uid:\s+10001\s", status, re.MULTILINE)
    refused = run(files, tmp_path / "state", "/usr/bin/touch", "/opt/breakwater/touched")
    assert "Read-only file system" in refused.stderr


def test_its_packages_are_the_locked_ones_and_the_bill_of_materials_lists_them(files: Path, tmp_path: Path) -> None:
    lock = ROOT / "requirements/runtime.lock"
    locked = {(_normal(name), version) for name, version in re.findall(r"^(\S+?)==([^\s;]+)", lock.read_text(), re.M)}
    site = next((files / "opt/breakwater/lib").glob("python3.*/site-packages"))
    installed = {
        _normal(found[1]): found[2]
        for path in site.glob("*.dist-info")
        if (found := re.fullmatch(r"(.+)-([^-]+)\.dist-info", path.name))
    }
    assert installed.pop("breakwater")
    assert installed.items() <= locked
    bill = tmp_path / "sbom.json"
    command = [str(chart_tools.python()), "-m", "cyclonedx_py", "requirements", str(lock), "-o", str(bill)]
    subprocess.run(command, check=True, capture_output=True)
    listed = {_normal(one["name"]) for one in json.loads(bill.read_text())["components"]}
    assert installed.keys() <= listed
    assert "pip" not in installed


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.kafka
def test_a_worker_in_it_becomes_ready_is_healthy_and_ends_on_a_signal(
    files: Path, kafka: Any, settings_for: Any, tmp_path: Path
) -> None:
    settings = settings_for(kafka)
    broker.apply_topics(settings)
    port = free_port()
    tree = settings.model_dump(mode="json", exclude_defaults=True)
    tree |= {"web": {"host": "127.0.0.1", "port": port}, "state_directory": "/var/lib/breakwater", "log_format": "json"}
    path = tmp_path / "breakwater.yaml"
    config.write_yaml(path, tree)
    path.chmod(0o444)
    command = ["breakwater", "worker", "--role", "all", "--config", "/etc/breakwater/breakwater.yaml"]
    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(confined(files, tmp_path / "state", *command, settings=path), stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 90
        while not _ready(port):
            assert worker.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()[-3000:]
            time.sleep(0.5)
        health = next(one for one in image.dockerfile() if one.startswith("HEALTHCHECK"))
        check = json.loads(health[health.index("[") :].replace(":8080", f":{port}"))
        assert run(files, tmp_path / "state", *check).returncode == 0
        assert run(files, tmp_path / "state", *check[:2], check[2].replace(str(port), "1")).returncode != 0
        os.kill(_inside(worker.pid), signal.SIGTERM)
        assert worker.wait(30) == 0, (tmp_path / "log").read_text()[-3000:]
    finally:
        worker.kill()
        worker.wait(10)


def _inside(pid: int) -> int:
    """The process that bwrap waits for."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return _inside(int(children[0])) if children else pid


def _ready(port: int) -> bool:
    try:
        return get(f"http://127.0.0.1:{port}/readyz")[0] == 200
    except OSError:
        return False
