"""The same checks for every sink that speaks HTTP: whatever the other side does, one clear outcome, in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from ssl import SSLContext
from typing import Any

import pytest
from misbehaving import closed_port, dripping, silent
from notice_examples import notice

from schemas.errors import BadConfig
from streams import sinks
from streams.config import Notify
from streams.notify.sink import Delivered, Refused, Retry, Sink
from streams.sinks import _http
from streams.stand_in import Fault, StandIn

DEADLINE = 1.0
HEADERS = b"HTTP/1.1 503 Busy\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
HTTP_SINKS = ["alertmanager", "grafana", "pagerduty", "slack", "teams", "webhook"]
SECRET_ADDRESS = "T0KEN-IN-THE-ADDRESS"
Build = Callable[..., Sink]


@pytest.fixture
def build(key_file: Path, token_file: Path, tmp_path: Path) -> Build:
    """A sink of the name, told to call the address."""

    def made(name: str, address: str, **more: Any) -> Sink:
        (tmp_path / name).write_text(f"{address}/{name}/{SECRET_ADDRESS}")
        section = {
            "alertmanager": {"token_file": token_file, "url": address},
            "slack": {"url_file": tmp_path / name},
            "teams": {"url_file": tmp_path / name},
            "pagerduty": {"routing_key_file": key_file, "base_url": f"{address}/v2"},
            "grafana": {"token_file": token_file, "url": address},
            "webhook": {"secret_file": token_file, "url": f"{address}/webhook"},
        }[name]
        (sink,) = sinks.build(Notify(**{name: {**section, "deadline_seconds": DEADLINE, **more}}))
        return sink

    return made


every_sink = pytest.mark.parametrize("name", HTTP_SINKS)


def test_every_file_of_the_drawer_is_a_sink_with_a_settings_section_of_its_name() -> None:
    files = {path.stem for path in Path(sinks.__file__).parent.glob("*.py") if path.name[0] != "_"}

    assert set(sinks.members()) == files
    assert files <= set(Notify.model_fields)
    assert sinks.build(Notify()) == []


@every_sink
def test_a_service_that_takes_it_has_it(build: Build, stand_in: StandIn, name: str) -> None:
    assert isinstance(build(name, stand_in.address).send(notice()), Delivered)
    assert len(stand_in.requests) == (2 if name == "grafana" else 1)


@every_sink
@pytest.mark.parametrize("status", [500, 502, 503, 504, 408])
def test_a_service_in_trouble_is_tried_again(build: Build, stand_in: StandIn, name: str, status: int) -> None:
    # a text that holds the word "message" makes grafana-api raise a TypeError
    stand_in.faults = [Fault(status=status, body="Bad gateway: no message from upstream")]

    outcome = build(name, stand_in.address).send(notice())

    assert isinstance(outcome, Retry)
    assert str(status) in outcome.why
    assert f"notify.{name}" in outcome.why


@every_sink
def test_a_storm_of_429_is_answered_with_the_time_it_asks_for(build: Build, stand_in: StandIn, name: str) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    stand_in.faults = [
        Fault(status=429, headers={"Retry-After": "7"}),
        Fault(status=429, headers={"Retry-After": at}),
        Fault(status=429, headers={"Retry-After": "soon"}),
    ]

    waits = [build(name, stand_in.address).send(notice()) for _ in range(3)]

    assert all(isinstance(wait, Retry) for wait in waits)
    seconds = [wait.after_seconds for wait in waits if isinstance(wait, Retry)]
    assert seconds[0] == 7
    assert seconds[1] is not None
    assert 80 < seconds[1] <= 90
    assert seconds[2] == (30.0 if name == "pagerduty" else None)


@every_sink
def test_a_redirect_is_not_followed_and_not_taken_for_success(build: Build, stand_in: StandIn, name: str) -> None:
    stand_in.faults = [Fault(status=302, headers={"Location": "https://login.example/sso?token=x"})]

    outcome = build(name, stand_in.address).send(notice())

    assert isinstance(outcome, Refused)
    assert outcome.why.endswith("answers 302, a redirect to login.example: set the final address")
    assert len(stand_in.requests) == 1


@every_sink
def test_a_connection_that_breaks_off_is_tried_again(build: Build, stand_in: StandIn, name: str) -> None:
    stand_in.faults = [Fault(status=0)]

    outcome = build(name, stand_in.address).send(notice())

    assert isinstance(outcome, Retry)
    assert f"notify.{name}" in outcome.why


@every_sink
@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: ", HEADERS], ids=["status", "headers", "body"])
def test_a_drip_ends_at_the_deadline_and_leaves_no_thread_behind(build: Build, name: str, first: bytes) -> None:
    with dripping(first) as (port, held):
        sink = build(name, f"http://127.0.0.1:{port}")
        began = time.monotonic()

        outcome = sink.send(notice())

        took = time.monotonic() - began
        assert isinstance(outcome, Retry)
        assert outcome.why.endswith(f"no whole answer within {DEADLINE:g} s")
        assert DEADLINE <= took < DEADLINE + 0.5
        until(lambda: not held)
    until(lambda: not any(thread.name == "sink-attempt" for thread in threading.enumerate()))


@every_sink
def test_a_server_that_never_finishes_the_handshake_is_tried_again(build: Build, name: str) -> None:
    with silent() as port:
        began = time.monotonic()

        outcome = build(name, f"https://127.0.0.1:{port}").send(notice())

    assert isinstance(outcome, Retry)
    assert time.monotonic() - began < DEADLINE + 0.5


@every_sink
def test_an_unreachable_host_is_tried_again_and_named_by_its_setting(build: Build, name: str) -> None:
    for address in (f"http://127.0.0.1:{closed_port()}", "http://no-such-host.invalid", "https://no-such-host.invalid"):
        outcome = build(name, address, deadline_seconds=10).send(notice())

        assert isinstance(outcome, Retry)
        assert f"notify.{name}" in outcome.why
        assert "\n" not in outcome.why
        assert "host=" not in outcome.why
        assert len(outcome.why) < 300


@every_sink
def test_a_certificate_that_nobody_vouches_for_is_said_so(
    build: Build, name: str, tls: tuple[Path, SSLContext]
) -> None:
    certificate, context = tls
    with dripping(HEADERS, context) as (port, _):
        address = f"https://localhost:{port}"
        unknown = build(name, address, deadline_seconds=20).send(notice())
        trusted = build(name, address, ca_file=certificate).send(notice())

    assert isinstance(unknown, Retry)
    assert "TLS failed" in unknown.why
    assert "ca_file" in unknown.why
    assert isinstance(trusted, Retry)
    assert trusted.why.endswith(f"no whole answer within {DEADLINE:g} s")


@every_sink
@pytest.mark.parametrize("address", ["ftp://host", "host:80", "http://", "http://h ost", "http://user:word@host"])
def test_an_address_that_cannot_be_called_is_bad_config(build: Build, name: str, address: str) -> None:
    with pytest.raises(BadConfig, match=f"notify.{name}"):
        build(name, address)


@every_sink
def test_a_missing_secret_is_bad_config_that_names_the_setting(build: Build, name: str, tmp_path: Path) -> None:
    setting = {"pagerduty": "routing_key_file", "webhook": "secret_file", "slack": "url_file", "teams": "url_file"}.get(
        name, "token_file"
    )
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("ein Schlüssel")

    for file, why in (("none", "cannot be read"), ("empty", "is empty"), ("two", "more than one word")):
        with pytest.raises(BadConfig, match=why) as raised:
            build(name, "http://host", **{setting: tmp_path / file})
        assert raised.value.problems[0][0] == f"notify.{name}.{setting}"
        assert "Schlüssel" not in str(raised.value)


def test_the_mistakes_of_all_sinks_are_said_at_once(tmp_path: Path) -> None:
    wrong = {
        "pagerduty": {"routing_key_file": tmp_path / "none"},
        "grafana": {"token_file": tmp_path / "none", "url": "x"},
        "file": {"path": "/proc/nowhere/notices.jsonl"},
        "status_url": "status.example",
        "playbook_url": "https://wiki example/",
    }

    with pytest.raises(BadConfig) as raised:
        sinks.build(Notify(**wrong))  # type: ignore[arg-type]

    assert {path.split(".")[1] for path, _ in raised.value.problems} == set(wrong)


@pytest.mark.parametrize("name", ["pagerduty", "slack"])
def test_an_endless_answer_is_not_read_to_its_end(build: Build, stand_in: StandIn, name: str) -> None:
    stand_in.faults = [Fault(status=500, body="x" * 3_000_000)]

    outcome = build(name, stand_in.address).send(notice())

    assert isinstance(outcome, Retry)
    assert len(outcome.why) < 300


@every_sink
def test_no_secret_stands_in_what_would_be_sent_or_said(build: Build, stand_in: StandIn, name: str) -> None:
    sink = build(name, stand_in.address)
    stand_in.faults = [Fault(status=400, body="no")]
    away = build(name, f"http://127.0.0.1:{closed_port()}")

    for shown in (repr(sink.request(notice())), repr(sink.send(notice())), repr(sink), repr(away.send(notice()))):
        for secret in ("0123456789abcdef0123456789abcdef", "grafana-token", SECRET_ADDRESS):
            assert secret not in shown


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0.0), ("12", 12.0), ("999999", 3600.0), ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0), ("-5", None), ("", None)],
)
def test_retry_after_is_bounded(header: str, seconds: float | None) -> None:
    assert _http.retry_after({"Retry-After": header}) == seconds


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends, "it did not come to that"
        time.sleep(0.02)
