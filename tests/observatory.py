"""A real Prometheus and a real Alertmanager beside a test, with the very files that compose mounts, made faster."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tools.kafka import free_port

FILES = ROOT / "helm/breakwater/files/prometheus"
WINDOW = "10s"  # instead of the minutes of the rules
SECONDS_MAX = 90.0  # of waiting for something that usually takes seconds


def need(*programs: str) -> None:
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: `tools/setup.sh test` installs it")


class Prometheus:
    """Scrapes one worker every second and watches by our rules, with every window of theirs cut to `WINDOW`."""

    def __init__(self, folder: Path, worker_url: str, alertmanager_url: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        folder.mkdir()
        rules = re.sub(r"\[\d+m\]", f"[{WINDOW}]", (FILES / "rules.yaml").read_text())
        (folder / "rules.yaml").write_text(re.sub(r"for: \d+m", "for: 1s", rules))
        config = yaml.safe_load((FILES / "prometheus.yaml").read_text())
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = ["rules.yaml"]
        _target(config["scrape_configs"][0], worker_url)
        _target(config["alerting"]["alertmanagers"][0], alertmanager_url)
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self.command = [
            "prometheus",
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={_place(self.url)}",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ]

    def ask(self, path: str, **parameters: str) -> Any:
        """The data of an answer; fails where Prometheus refuses or warns."""
        answer = json.loads(fetch(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"))
        assert answer["status"] == "success" and not answer.get("warnings"), answer
        return answer["data"]

    def now(self, expression: str) -> list[Any]:
        found: list[Any] = self.ask("query", query=expression)["result"]
        return found

    def over(self, expression: str, begin: float) -> list[Any]:
        """The expression's series from `begin` (Unix seconds) until now."""
        found = self.ask("query_range", query=expression, start=str(begin), end=str(time.time()), step="1")
        return list(found["result"])

    def values_of(self, label: str, metric: str) -> list[str]:
        return [str(value) for value in self.ask(f"label/{label}/values", **{"match[]": metric})]


class Alertmanager:
    """With our routes, their waits cut to a second, and everything sent to one stand-in."""

    def __init__(self, folder: Path, pager_url: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        folder.mkdir()
        text = (FILES / "alertmanager.yaml").read_text().replace("http://pager:8090", pager_url)
        key = ROOT / "helm/breakwater/files/worker/stand-in-key"
        config = yaml.safe_load(text.replace("/etc/breakwater/stand-in-key", str(key)))
        for route in (config["route"], *config["route"]["routes"]):
            route |= {"group_wait": "0s", "group_interval": "1s", "repeat_interval": "1h"}
        (folder / "alertmanager.yaml").write_text(yaml.safe_dump(config))
        self.command = [
            "prometheus-alertmanager",
            f"--config.file={folder / 'alertmanager.yaml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address={_place(self.url)}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]


@contextmanager
def running(server: Prometheus | Alertmanager, log: Path) -> Iterator[None]:
    """Runs it until it answers that it is ready; ends it at the end."""
    with log.open("wb") as output:
        child = subprocess.Popen(server.command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_for(lambda: child.poll() is not None or _answers(server.url), "it is ready")
        assert child.poll() is None, log.read_text()
        yield
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def wait_for(holds: Any, what: str, seconds: float = SECONDS_MAX) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.2)


def fetch(url: str, accept: str = "*/*") -> str:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _place(url: str) -> str:
    return url.removeprefix("http://")


def _target(config: dict[str, Any], url: str) -> None:
    config["static_configs"] = [{"targets": [_place(url)]}]
