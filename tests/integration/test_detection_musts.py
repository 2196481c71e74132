"""What detection must reach, held at every change: the benchmark's small size, without the peers. No broker."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT


@pytest.mark.timeout(600)
def test_no_must_of_detection_falls(tmp_path: Path) -> None:
    file = tmp_path / "musts.json"
    command = [sys.executable, "-m", "benchmarks.detection", "--size", "small", "--seed", "1", "--no-peers"]
    done = subprocess.run([*command, "--json", str(file)], cwd=ROOT, capture_output=True, text=True, check=False)
    musts = json.loads(file.read_text())["musts"]
    assert len(musts) >= 29
    assert {name: must["got"] for name, must in musts.items() if not must["held"]} == {}, done.stderr[-2000:]
    assert done.returncode == 0
