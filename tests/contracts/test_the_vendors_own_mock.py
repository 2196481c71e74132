"""The same payloads over the wire to a mock server that validates by the vendors' own descriptions: prism.

A second opinion beside openapi-core, and of another make: it sees the requests as they leave the sinks.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from notice_examples import climbed, incident, load_shift, notice, published, resolved

from schemas.errors import Unavailable
from streams.config import Grafana, PagerDuty
from streams.notify.links import Links
from streams.notify.sink import Delivered, Refused
from streams.sinks.grafana import GrafanaSink
from streams.sinks.pagerduty import PagerDutySink
from tools import npm
from tools.kafka import free_port

PRISM = "5.14.2"
KEY = "0123456789abcdef0123456789abcdef"
LINKS = Links(status_url="https://status.example", playbook_url="https://wiki.example/p")
STARTS_SECONDS_MAX = 60
DESCRIPTIONS = {
    "pagerduty": "pagerduty/events-v2.openapi.json",
    "grafana": "grafana/grafana-9.3.2-subset.openapi3.json",
}
SPECS = Path(__file__).parents[3] / "shared" / "data" / "specs"

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def prism() -> Path:
    """The mock's program, fetched once by npm into the cache."""
    try:
        return npm.package("@stoplight/prism-cli", PRISM) / "dist" / "index.js"
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def mocks(prism: Path) -> Iterator[dict[str, str]]:
    """The mocks of both descriptions, started side by side; gives their addresses."""
    ports = {name: free_port() for name in DESCRIPTIONS}
    children = [
        subprocess.Popen(
            [
                "node",
                str(prism),
                "mock",
                "-h",
                "127.0.0.1",
                "-p",
                str(ports[name]),
                "--errors",
                str(SPECS / description),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, description in DESCRIPTIONS.items()
    ]
    try:
        ends = time.monotonic() + STARTS_SECONDS_MAX
        while not all(map(answers, ports.values())):
            assert all(child.poll() is None for child in children) and time.monotonic() < ends, "prism did not start"
            time.sleep(0.2)
        yield {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    finally:
        for child in children:
            child.kill()
            child.wait(10)


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=5).status_code > 0
    except requests.RequestException:
        return False


def test_pagerdutys_description_accepts_what_the_sink_sends(mocks: dict[str, str]) -> None:
    address = mocks["pagerduty"]
    sink = PagerDutySink(PagerDuty(routing_key_file=Path("unused"), base_url=address), KEY, LINKS)
    told = [
        notice(incident(playbook="telephony_outage")),
        notice(incident(title="ü𝔘\u0000" * 2_000), "changed"),
        notice(climbed(), "escalated", step=2, step_before=1),
        notice(incident(acknowledged_by="ada"), "acknowledged", step=1),
        notice(resolved(), "resolved", step=1),
        notice(load_shift()),
        notice(published()),
    ]

    outcomes = [sink.send(one) for one in told]

    assert [outcome for outcome in outcomes if not isinstance(outcome, Delivered)] == []
    wrong = requests.post(f"{address}/enqueue", json={"event_action": "boom", "routing_key": KEY}, timeout=5)
    assert wrong.status_code == 400
    elsewhere = PagerDutySink(PagerDuty(routing_key_file=Path("unused"), base_url=f"{address}/v1"), KEY, LINKS)
    outcome = elsewhere.send(notice())
    assert isinstance(outcome, Refused)
    assert outcome.why.startswith("notify.pagerduty.base_url: answers 404")


def test_grafanas_description_accepts_what_the_sink_sends(mocks: dict[str, str]) -> None:
    address, token = mocks["grafana"], {"Authorization": "Bearer token"}
    sink = GrafanaSink(Grafana(url=address, token_file=Path("unused")), "token", LINKS)

    for one in (
        notice(),
        notice(incident(2, severity="error"), "changed", reference="7"),
        notice(resolved(), "resolved"),
    ):
        request = sink.request(one)
        # the mock has the paths without the real server's prefix /api
        answer = requests.request(request.method, address + request.path, json=request.body, headers=token, timeout=5)
        assert answer.status_code == 200, answer.headers.get("sl-violations")

    assert requests.post(f"{address}/annotations", json={"text": "x"}, timeout=5).status_code == 401
    assert requests.post(f"{address}/annotations", json={}, headers=token, timeout=5).status_code == 400
