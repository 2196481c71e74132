"""`breakwater worker` as a process of a test: its log line by line, its health, its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from streams.config import Settings

ROOT = Path(__file__).parents[1]


class Running:
    """One worker process; its log has one JSON object a line."""

    def __init__(self, settings: Settings, directory: Path, *arguments: str) -> None:
        directory.mkdir(exist_ok=True)
        tree = settings.model_dump(mode="json") | {"log_format": "json", "state_directory": str(directory / "var")}
        tree["web"] |= {"port": 0}
        (directory / "settings.yaml").write_text(yaml.safe_dump(tree))
        self._log = directory / "log"
        self.child = subprocess.Popen(
            [sys.executable, "-m", "streams", "worker", "--config", str(directory / "settings.yaml"), *arguments],
            stdout=subprocess.DEVNULL,
            stderr=self._log.open("wb"),
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("BREAKWATER_")},
        )

    def log(self) -> str:
        return self._log.read_text()

    def lines(self, event: str) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [line for line in found if line["event"] == event]

    def await_line(self, event: str, seconds: float = 60.0) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        while not self.lines(event):
            assert time.monotonic() < deadline and self.child.poll() is None, self.log()[-3000:]
            time.sleep(0.1)
        return self.lines(event)[0]

    def ready(self, seconds: float = 60.0) -> str:
        """Its address, once it says that it is ready."""
        url = self.await_line("serving")["url"]
        deadline = time.monotonic() + seconds
        while True:
            code, text = get(f"{url}/readyz")
            if code == 200:
                return str(url)
            assert time.monotonic() < deadline, f"{text}\n{self.log()[-3000:]}"
            time.sleep(0.1)

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(10)


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
