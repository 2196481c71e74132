"""The desk's time goes on when detection is silent, for tenants that live by the system's clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from schemas.base import Origin
from schemas.desk import DeskEntry
from schemas.tick import Tick
from streams import clock
from streams.config import load
from streams.own_ticks import OWN_TICK, OwnTicks

THEN = datetime(2026, 3, 3, 14, 2, tzinfo=UTC)


@pytest.fixture
def elapsed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(clock, "elapsed", lambda: now[0])
    return now


def heard(tenant: str) -> DeskEntry:
    tick = Tick(tenant=tenant, at=THEN, read_to=THEN, complete_to=THEN - timedelta(seconds=20))
    return DeskEntry(tenant=tenant, origin=Origin(topic="queue-panes", partition=0, offset=1), body=tick)


def test_a_tenant_without_ticks_for_a_while_gets_one_that_completes_nothing(elapsed: list[float]) -> None:
    ticks = OwnTicks(load(environment={}))
    ticks.heard(heard("retailer"), 3)
    elapsed[0] += 4.9
    assert ticks.due(THEN + timedelta(seconds=4.9)) == []
    elapsed[0] += 0.2
    now = THEN + timedelta(seconds=5.1)
    (output,) = ticks.due(now)
    entry = output.value
    assert isinstance(entry, DeskEntry)
    assert entry.body == Tick(tenant="retailer", at=now, read_to=now, complete_to=THEN - timedelta(seconds=20))
    assert (output.key, output.topic.name) == ("retailer", "desk")


def test_own_ticks_are_identified_by_their_time_so_that_they_never_repeat(elapsed: list[float]) -> None:
    ticks = OwnTicks(load(environment={}))
    ticks.heard(heard("retailer"), 3)
    elapsed[0] += 10
    first, second = (ticks.due(THEN + timedelta(seconds=after))[0].value for after in (10, 11))
    assert isinstance(first, DeskEntry) and isinstance(second, DeskEntry)
    assert (first.origin.topic, first.origin.partition) == (OWN_TICK, 3)
    assert first.origin < second.origin


def test_played_history_keeps_its_own_time(elapsed: list[float]) -> None:
    ticks = OwnTicks(load(environment={}, tenants={"bank": {"clock": "event"}}))
    ticks.heard(heard("bank"), 0)
    elapsed[0] += 60
    assert ticks.due(THEN + timedelta(seconds=60)) == []


def test_partitions_that_went_elsewhere_get_their_ticks_there(elapsed: list[float]) -> None:
    ticks = OwnTicks(load(environment={}))
    ticks.heard(heard("retailer"), 3)
    ticks.forget()
    elapsed[0] += 60
    assert ticks.due(THEN + timedelta(seconds=60)) == []
