"""The log is for people: one line a fact, however often a library says it."""

from __future__ import annotations

import json
import logging

import pytest
import structlog

from streams import clock, telemetry


def record(text: str, name: str = "aiokafka") -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, __file__, 1, text, (), None)


def test_a_library_says_the_same_thing_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [10.0]
    monkeypatch.setattr(clock, "elapsed", lambda: now[0])
    seldom = telemetry.Seldom()
    assert seldom.filter(record("Unable to connect to %s"))
    assert not seldom.filter(record("Unable to connect to %s"))
    assert seldom.filter(record("Heartbeat failed"))
    assert seldom.filter(record("Unable to connect to %s", "faust"))
    now[0] += telemetry.Seldom.EVERY_SECONDS
    assert seldom.filter(record("Unable to connect to %s"))


def test_logs_for_programs_are_one_object_a_line_from_us_and_from_libraries(capfd: pytest.CaptureFixture[str]) -> None:
    before = telemetry.logger("test")  # made before logging is configured, as modules do
    telemetry.configure_logging("json")
    try:
        before.warning("a fact", offset=7)
        logging.getLogger("aiokafka.some").warning("broker %s is away", "a:1")
        lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    finally:
        logging.getLogger().handlers.clear()
        structlog.reset_defaults()
    assert [line["event"] for line in lines] == ["a fact", "broker a:1 is away"]
    assert (lines[0]["stage"], lines[0]["offset"], lines[1]["logger"]) == ("test", 7, "aiokafka.some")
