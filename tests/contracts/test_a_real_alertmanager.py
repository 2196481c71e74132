"""The alerts of an incident in a real Alertmanager, from its beginning to its end."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from notice_examples import climbed, incident, notice, resolved

from schemas.incident import Incident
from streams.config import Alertmanager
from streams.notify.links import Links
from streams.notify.sink import Delivered
from streams.sinks.alertmanager import AlertmanagerSink

CONFIG = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
STARTS_SECONDS_MAX = 30
NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
    if program is None:
        pytest.skip("Alertmanager is missing: apt-get install prometheus-alertmanager")
    folder = tmp_path_factory.mktemp("alertmanager")
    (folder / "config.yaml").write_text(CONFIG)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [program, f"--config.file={folder}/config.yaml", f"--storage.path={folder}", "--cluster.listen-address="]
    with (folder / "log").open("wb") as log:
        child = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            ends = time.monotonic() + STARTS_SECONDS_MAX
            while not ready(f"http://127.0.0.1:{port}"):
                assert child.poll() is None and time.monotonic() < ends, (folder / "log").read_text()
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            child.kill()
            child.wait(10)


def ready(address: str) -> bool:
    try:
        return requests.get(f"{address}/-/ready", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def lately(make: Any, *given: Any, **over: Any) -> Incident:
    """An incident of the last minutes: what begins tomorrow is no alert yet."""
    times = {"onset": NOW - timedelta(minutes=5), "opened_at": NOW - timedelta(minutes=3), "at": NOW}
    if make is resolved:
        times["resolved_at"] = NOW
    one: Incident = make(*given)
    return type(one)(**{name: getattr(one, name) for name in one.__struct_fields__} | times | over)


def active(address: str) -> list[tuple[str, str | None]]:
    found = requests.get(f"{address}/api/v2/alerts", params={"filter": 'alertname="BreakwaterIncident"'}, timeout=5)
    return sorted((one["labels"]["severity"], one["labels"].get("step", "")) for one in found.json())


def test_an_incident_opens_gets_worse_climbs_and_ends(address: str) -> None:
    sink = AlertmanagerSink(Alertmanager(url=address), None, Links(status_url="https://status.example"))
    steps = [
        (notice(lately(incident, severity="warning")), [("warning", "")]),
        (notice(lately(incident), "changed", reference="warning"), [("critical", "")]),
        (notice(lately(climbed), "escalated", step=1, reference="critical"), [("critical", ""), ("critical", "1")]),
        (
            notice(lately(climbed, 3, 2), "escalated", step=2, step_before=1, reference="critical"),
            [("critical", ""), ("critical", "2")],
        ),
        (notice(lately(climbed), "repeated", step=2, step_before=2, reference="critical"), None),
        (notice(lately(resolved), "resolved", step=2, step_before=2, reference="critical"), []),
    ]
    for told, expected in steps:
        assert isinstance(sink.send(told), Delivered)
        if expected is not None:
            assert active(address) == expected

    refused = requests.post(f"{address}/api/v2/alerts", json=[{"labels": {}}], timeout=5)
    assert refused.status_code == 400
