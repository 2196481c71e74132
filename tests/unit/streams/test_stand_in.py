from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests
from notice_examples import incident, notice

from streams.config import Mail, PagerDuty
from streams.notify.links import Links
from streams.notify.sink import Delivered
from streams.sinks.mail import MailSink
from streams.sinks.pagerduty import PagerDutySink
from streams.stand_in import Pager, refusals

KEY = "k" * 32


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "streams", "stand-in", *arguments]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.communicate(timeout=10)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_a_rehearsal_can_be_paged_and_ended(ending: int) -> None:
    with running("--port", "0") as child:
        assert child.stdout is not None
        address = child.stdout.readline().split()[-1]
        sink = PagerDutySink(PagerDuty(routing_key_file="unused", base_url=f"{address}/v2"), KEY, Links())  # type: ignore[arg-type]
        sink.send(notice())

        assert child.stdout.readline().startswith("PAGE       critical [acme] Telephony outage")
        state = requests.get(address, timeout=5).json()
        assert (state["pages"], state["alerts"][0]["dedup_key"]) == (1, incident().incident_id)
        requests.post(f"{address}/faults", json=[{"status": 429, "times": 1}], timeout=5).raise_for_status()
        assert requests.get(f"{address}/api/health", timeout=5).status_code == 429
        assert requests.get(f"{address}/api/health", timeout=5).status_code == 200

        os.kill(child.pid, ending)
        assert child.wait(10) == 0


def test_it_takes_mail_where_it_is_asked_to() -> None:
    pytest.importorskip("aiosmtpd", reason="the extra `demo` is not installed")
    with running("--port", "0", "--mail-port", "0") as child:
        assert child.stdout is not None
        port = int(child.stdout.readline().strip().rsplit(":", 1)[-1])
        address = child.stdout.readline().split()[-1]
        section = Mail(
            host="127.0.0.1", port=port, security="none", sender="a@example.com", recipients=["b@example.com"]
        )
        assert MailSink(section, None, Links()).send(notice()) == Delivered()

        assert child.stdout.readline().startswith("mail        to b@example.com: [acme] Telephony outage")
        (subject,) = requests.get(address, timeout=5).json()["mail"]
        assert subject.startswith("[acme] Telephony outage")


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    with running("--port", "0") as first:
        assert first.stdout is not None
        port = first.stdout.readline().strip().rsplit(":", 1)[-1]
        with running("--port", port) as second:
            _, error = second.communicate(timeout=20)

    assert second.returncode == 3
    assert error.strip().endswith("(choose another with --port)")
    assert len(error.strip().splitlines()) == 1


def test_it_refuses_what_the_service_refuses() -> None:
    good = {"routing_key": KEY, "event_action": "resolve", "dedup_key": "k"}
    payload = {"summary": "s", "source": "s", "severity": "info"}

    assert refusals(good, 100) == []
    assert refusals({**good, "event_action": "trigger", "payload": payload}, 100) == []
    for wrong in (
        {**good, "routing_key": "short"},
        {**good, "event_action": "boom"},
        {**good, "dedup_key": "k" * 256},
        {**good, "dedup_key": None},
        {**good, "event_action": "trigger"},
        {**good, "event_action": "trigger", "payload": {**payload, "severity": "fatal"}},
        {**good, "event_action": "trigger", "payload": {**payload, "summary": "s" * 1025}},
    ):
        assert len(refusals(wrong, 100)) == 1
    assert refusals(good, 600_000) == ["the event exceeds 512 KB"]
    assert refusals([], 2) == ["Event object is not a JSON object"]


def test_after_a_resolve_a_trigger_is_a_new_page() -> None:
    said: list[str] = []
    pager = Pager(said.append)
    payload = {"summary": "voice is silent", "severity": "error"}
    for action in ("trigger", "trigger", "acknowledge", "resolve", "acknowledge", "resolve", "trigger"):
        pager.take({"event_action": action, "dedup_key": "i", "payload": payload})

    assert pager.pages == 2
    assert [line.split()[0] for line in said] == ["PAGE", "update", "acknowledge", "resolve", "PAGE"]
