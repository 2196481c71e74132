"""`breakwater demo` from end to end, as a user runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from streams import clock
from tests import demo_day

RUN = [sys.executable, "-m", "streams", "demo"]
SECONDS_MAX = 270.0


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, dict[str, Any]]:
    """Exit code, what the terminal said, and the figures of one whole run."""
    figures = tmp_path_factory.mktemp("demo") / "figures.json"
    run = subprocess.run(
        [*RUN, "--once", "--json", str(figures)], capture_output=True, text=True, timeout=SECONDS_MAX, check=False
    )
    assert figures.exists(), run.stdout[-2000:] + run.stderr[-4000:]
    return run.returncode, run.stdout, json.loads(figures.read_text())


@pytest.mark.embedded
@pytest.mark.timeout(200)
def test_the_story_ends_well_with_one_incident_and_every_timed_row_within_its_limit(
    once: tuple[int, str, dict[str, Any]],
) -> None:
    code, said, figures = once
    assert (code, figures["problems"]) == (0, []), said
    timed = {row["what"]: row for row in figures["story"] if row["timed"]}
    assert {row["channel"] for row in timed.values()} == {"voice", "chat", "email", "social", "app"}
    for row in timed.values():
        assert 0 < row["delay_seconds"] <= 180, row
    (incident,) = figures["incidents"]
    assert incident["cause"] == "telephony"
    assert incident["resolved_at"] is None or incident["resolved_at"] > incident["opened_at"]
    assert len(incident["signals"]) >= 5
    assert figures["staffing_alerts"] > 0
    assert figures["load_shift_commands"] > 0
    assert figures["dead_letters"] == 0
    assert figures["contacts"] > 10_000


@pytest.mark.embedded
@pytest.mark.timeout(200)
def test_what_is_not_timed_is_shown_all_the_same(once: tuple[int, str, dict[str, Any]]) -> None:
    shown = {row["what"]: row for row in once[2]["story"] if not row["timed"]}
    assert set(shown) == {"voice agents idle", "e-mail backlog growing", "escalations rising"}
    assert all(row["detected_at"] for row in shown.values()), shown


@pytest.mark.embedded
@pytest.mark.timeout(200)
def test_the_terminal_tells_it_in_event_time_with_the_mode_and_the_page(once: tuple[int, str, dict[str, Any]]) -> None:
    said = once[1]
    assert "mode auto" in said
    assert re.search(r"http://127\.0\.0\.1:\d+", said)
    assert re.search(r"10:1[2-4]:\d\d +voice went silent", said)
    assert re.search(r"10:\d\d:\d\d +INCIDENT", said)


@pytest.mark.embedded
@pytest.mark.timeout(200)
def test_the_bus_says_what_the_folds_say_offline(once: tuple[int, str, dict[str, Any]]) -> None:
    offline = {told.row.what: told.detected_at for told in demo_day.folded().story.table() if told.row.limit_seconds}
    live = {row["what"]: datetime.fromisoformat(row["detected_at"]) for row in once[2]["story"] if row["timed"]}
    assert live == offline


@pytest.mark.embedded
def test_an_ended_demo_leaves_no_process_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*RUN, "--once"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    try:
        assert demo.stdout is not None
        said = next((line for line in demo.stdout if "worker ready" in line), None)
        assert said, "it ended before its worker was ready"
        children = _children(demo.pid)
        assert len(children) >= 2  # the worker and the broker
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(30) == 0
    finally:
        demo.kill()
        demo.communicate()
    deadline = clock.elapsed() + 5
    while any(map(_lives, children)) and clock.elapsed() < deadline:
        clock.sleep(0.1)
    assert not [pid for pid in children if _lives(pid)]
    assert not list(tmp_path.glob("breakwater-demo-*"))


def test_a_port_that_is_taken_is_said_before_anything_starts() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        run = subprocess.run([*RUN, "--once", "--port", port], capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 3
    assert f"port {port}" in run.stderr


def _children(pid: int) -> set[int]:
    found = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    return {int(child) for child, parent in (line.split() for line in found.splitlines()[1:]) if int(parent) == pid}


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
