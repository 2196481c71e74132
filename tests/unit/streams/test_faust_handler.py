"""The order of effects, one effect at a time: what is durable before what, and what happens when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson
import pytest

from schemas import codec, topics
from schemas.base import Origin
from schemas.fold import Output
from schemas.notice import Defect
from schemas.tick import Tick
from streams import clock
from streams.defects import Defects
from streams.faust_handler import Arrival, FoldHandler, FoldRole
from streams.state import Source, StateLog
from tests.fake_bus import FakeBus, Killed

MOMENT = datetime(2026, 3, 3, 14, 2, tzinfo=UTC)
HERE = Source("queue-panes", 0)


class Ended(BaseException):
    """The process ended itself."""


class Summing:
    """Adds up the lengths of the tenants' names; says each sum."""

    def __init__(self) -> None:
        self.sums: dict[str, int] = {}
        self.changed: set[str] = set()

    def step(self, record: Tick, origin: Origin) -> list[Output]:
        if record.tenant == "defect":
            self.sums["ada"] = 1_000  # half of a step is done when it fails
            raise ZeroDivisionError("a fault of ours")
        self.sums[record.tenant] = self.sums.get(record.tenant, 0) + 1
        self.changed.add(record.tenant)
        name = f"{record.tenant}-{self.sums[record.tenant]}"
        return [Output(topic=topics.DESK, key=record.tenant, value=record, id=name, time=record.at)]

    def changes(self) -> dict[str, bytes | None]:
        found = {name: msgspec.json.encode(self.sums[name]) for name in self.changed}
        self.changed.clear()
        return found

    def restore(self, entries: Mapping[str, bytes]) -> None:
        self.sums = {name: msgspec.json.decode(value, type=int) for name, value in entries.items()}


def marker(arrival: Arrival, why: str) -> list[Output]:
    tick = Tick(tenant=why, at=MOMENT, read_to=MOMENT, complete_to=MOMENT)
    return [Output(topic=topics.QUEUE_PANES, key="defect", value=tick, id="marker", time=MOMENT)]


ROLE = FoldRole(
    "summing",
    (topics.QUEUE_PANES,),
    topics.DETECT_STATE,
    lambda arrival: codec.decode(Tick, arrival.value),
    Summing,
    marker,
)


class Bench:
    """A handler on a bus in memory; `restarted` is the same bus after the process ended."""

    def __init__(self, bus: FakeBus | None = None) -> None:
        self.bus: Any = bus or FakeBus()
        self.ours = {HERE}
        self.defects = Defects(self.bus, "group-summing")
        self.observed: list[Any] = []
        self.handler = FoldHandler(
            ROLE,
            self.bus,
            StateLog(self.bus, ROLE.state),
            self.defects,
            owns=lambda source: source in self.ours,
            end=self._end,
            observe=self.observed.append,
        )

    def _end(self) -> None:
        raise Ended

    async def restarted(self) -> Bench:
        again = Bench(self.bus)
        again.bus.kill = lambda _: False
        await again.defects.start()
        return again

    def said(self) -> list[str]:
        return [dict(kept.headers)["ce_id"].decode() for kept in self.bus.logs.get(("desk", 0), [])]


def record(offset: int, tenant: str = "ada", value: bytes | None = b"") -> Arrival:
    tick = {"kind": "tick", "tenant": tenant, "at": MOMENT, "read_to": MOMENT, "complete_to": MOMENT}
    content = orjson.dumps(tick) if value == b"" else value
    return Arrival("queue-panes", 0, offset, tenant.encode(), content, (), MOMENT)


def story(of: Callable[[Bench], Awaitable[None]]) -> None:
    asyncio.run(of(Bench()))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time is in the test's hand: how long was waited, without waiting."""
    waited: list[float] = []

    async def pause(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0)

    monkeypatch.setattr(clock, "pause", pause)
    return waited


def test_outputs_are_durable_before_the_state_that_follows_from_them() -> None:
    async def of(bench: Bench) -> None:
        await bench.handler.apply([record(0), record(1), record(2, "bob")])
        assert bench.bus.done[-2:] == ["send 3", "append 3"]  # two entries and the commit
        assert bench.said() == ["ada-1", "ada-2", "bob-1"]
        assert await bench.handler.positions() == {HERE: 3}
        assert [tick.tenant for tick in bench.observed] == ["ada", "ada", "bob"]

    story(of)


@pytest.mark.parametrize("point", ["before send", "after send", "before append", "after append"])
def test_a_process_that_ends_anywhere_goes_on_exactly_there(point: str) -> None:
    async def of(bench: Bench) -> None:
        await bench.handler.apply([record(0), record(1)])
        bench.bus.kill = lambda where: where == point
        with pytest.raises(Killed):
            await bench.handler.apply([record(2), record(3)])
        again = await bench.restarted()
        # the group's offset had not moved at all
        await again.handler.apply([record(0), record(1), record(2), record(3), record(4)])
        assert sorted(set(again.said())) == [f"ada-{n}" for n in range(1, 6)]
        by_id: dict[str, set[bytes | None]] = {}
        for kept in bench.bus.logs["desk", 0]:
            by_id.setdefault(dict(kept.headers)["ce_id"].decode(), set()).add(kept.value)
        assert all(len(values) == 1 for values in by_id.values())

    story(of)


def test_a_record_delivered_again_is_skipped() -> None:
    async def of(bench: Bench) -> None:
        await bench.handler.apply([record(0), record(1)])
        await bench.handler.apply([record(0), record(1)])
        await bench.handler.apply([record(1), record(2)])
        assert bench.said() == ["ada-1", "ada-2", "ada-3"]

    story(of)


def test_a_record_that_cannot_be_read_is_set_apart_and_the_others_go_on() -> None:
    async def of(bench: Bench) -> None:
        await bench.handler.apply([record(0), record(1, value=b'{"kind":"tick"}'), record(2, value=None), record(3)])
        assert bench.said() == ["ada-1", "ada-2"]
        letters = bench.bus.logs["queue-panes.dead-letter", 0]
        assert [letter.key for letter in letters] == [b"queue-panes/0/1", b"queue-panes/0/2"]
        assert dict(letters[0].headers)["error.reason"] == b"missing-field"
        assert await bench.handler.positions() == {HERE: 4}

    story(of)


def test_while_the_broker_is_away_the_handler_waits_longer_each_time_and_then_goes_on(quick: list[float]) -> None:
    async def of(bench: Bench) -> None:
        await bench.handler.apply([record(0)])
        bench.bus.away = {"send": 9, "append": 2}
        await bench.handler.apply([record(1)])
        assert quick == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0.5, 1]
        assert bench.said() == ["ada-1", "ada-2"]
        assert await bench.handler.positions() == {HERE: 2}
        assert not bench.handler.waiting

    story(of)


def test_state_that_cannot_be_read_back_yet_is_waited_for() -> None:
    async def of(bench: Bench) -> None:
        bench.bus.away = {"read": 3, "append": 1}
        bench.handler.assigned([HERE])
        assert not bench.handler.recovered()
        await bench.handler.apply([record(0)])
        assert bench.handler.recovered()
        assert bench.said() == ["ada-1"]

    story(of)


def test_a_defect_ends_the_process_before_anything_of_the_batch_is_durable() -> None:
    async def of(bench: Bench) -> None:
        await bench.handler.apply([record(0)])
        with pytest.raises(Ended):
            await bench.handler.apply([record(1), record(2, "defect"), record(3)])
        assert bench.said() == ["ada-1"]
        noted = codec.decode(Defect, bench.bus.values("defects")[-1])
        assert (noted.group, noted.offset, noted.attempt, noted.tenant) == ("group-summing", 2, 1, "defect")
        assert "ZeroDivisionError" in noted.error

    story(of)


def test_the_second_time_the_record_is_set_aside_for_every_reader_and_the_others_go_on() -> None:
    async def of(bench: Bench) -> None:
        batch = [record(0), record(1), record(2, "defect"), record(3)]
        with pytest.raises(Ended):
            await bench.handler.apply(batch)
        again = await bench.restarted()
        await again.handler.apply(batch)
        # the step that failed half way left nothing behind
        assert again.said() == ["ada-1", "ada-2", "ada-3"]
        assert await again.handler.positions() == {HERE: 4}
        (left,) = bench.bus.logs["queue-panes", 0]
        assert codec.decode(Tick, left.value).tenant == "ZeroDivisionError at queue-panes/0/2, twice"
        third = await again.restarted()
        await third.handler.apply([*batch, record(4)])
        assert third.said() == ["ada-1", "ada-2", "ada-3", "ada-4"]
        assert [codec.decode(Defect, value).attempt for value in bench.bus.values("defects")] == [1, 2]

    story(of)


def test_a_fold_does_not_outlive_its_assignment() -> None:
    async def of(bench: Bench) -> None:
        await bench.handler.apply([record(0), record(1)])
        bench.handler.dropped()
        other = Bench(bench.bus)
        await other.handler.apply([record(2)])
        bench.handler.assigned([HERE])
        await bench.handler.apply([record(3)])
        assert bench.said() == ["ada-1", "ada-2", "ada-3", "ada-4"]

    story(of)


def test_a_batch_of_a_partition_that_is_not_ours_any_more_is_left_alone() -> None:
    async def of(bench: Bench) -> None:
        bench.ours.clear()
        await bench.handler.apply([record(0)])
        assert bench.bus.done == []

    story(of)


def test_the_position_is_in_the_state_and_known_once_that_is_read_back() -> None:
    async def of(bench: Bench) -> None:
        bench.handler.assigned([HERE])
        assert await bench.handler.positions() == {}  # nothing was applied yet: the group's offset counts
        await bench.handler.apply([record(0), record(1)])
        again = await bench.restarted()
        bench.bus.away = {"read": 2}
        again.handler.assigned([HERE])
        assert await again.handler.positions() == {HERE: 2}

    story(of)


def test_a_partition_that_is_taken_away_while_its_state_is_read_holds_up_nothing() -> None:
    async def of(bench: Bench) -> None:
        bench.bus.away = {"read": 1_000_000}
        bench.handler.assigned([HERE])
        asking = asyncio.create_task(bench.handler.positions())
        batch = asyncio.create_task(bench.handler.apply([record(0)]))
        for _ in range(20):
            await asyncio.sleep(0)
        bench.ours.clear()
        bench.handler.dropped()
        assert await asking == {}
        await batch
        assert bench.said() == []

    story(of)


def test_a_batch_that_was_cancelled_half_way_is_folded_again_from_what_is_durable() -> None:
    async def of(bench: Bench) -> None:
        await bench.handler.apply([record(0)])
        bench.bus.away = {"send": 1_000_000}
        task = asyncio.create_task(bench.handler.apply([record(1)]))
        for _ in range(20):
            await asyncio.sleep(0)
        assert bench.handler.waiting
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        bench.bus.away = {}
        await bench.handler.apply([record(1)])
        assert bench.said() == ["ada-1", "ada-2"]

    story(of)
