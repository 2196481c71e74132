"""State is what its owner made durable, no more and no less."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from schemas import topics
from schemas.errors import Unavailable
from streams.state import Commit, Recovered, Source, StateLog, Stored, recover
from tests.fake_bus import FakeBus, Killed

HERE, THERE = Source("desk", 1), Source("desk", 3)
TOPIC = topics.RESPOND_STATE


def commit(writer: str, term: int, applied: int) -> Stored:

    return Stored("", writer, applied, msgspec.json.encode(Commit(term=term, applied=applied)))


def test_an_empty_log_gives_nothing_and_no_position() -> None:
    assert recover([]) == Recovered(0, -1, {}, [])


def test_entries_beyond_the_commit_were_torn_by_a_crash_and_are_not_read() -> None:
    log = [Stored("a", "w", 5, b"old"), commit("w", 1, 5), Stored("a", "w", 9, b"torn"), Stored("b", "w", 9, b"torn")]
    assert recover(log).entries == {"a": b"old"}
    assert recover(log).applied == 5


def test_a_later_turn_counts_even_when_an_earlier_writer_claims_to_be_further() -> None:
    log = [
        Stored("a", "first", 5, b"1"),
        commit("first", 1, 5),
        Stored("a", "second", 5, b"1"),
        commit("second", 2, 5),
        Stored("a", "first", 99, b"zombie"),
        commit("first", 1, 99),
    ]
    found = recover(log)
    assert (found.term, found.applied, found.entries) == (2, 5, {"a": b"1"})
    assert ("a", "first") in found.left_over


def test_a_takeover_that_did_not_get_to_its_commit_changes_nothing() -> None:
    log = [Stored("a", "w", 5, b"1"), Stored("b", "w", 5, b"2"), commit("w", 1, 5), Stored("a", "new", 5, b"1")]
    assert recover(log).entries == {"a": b"1", "b": b"2"}


def test_a_crash_between_two_batches_of_one_write_leaves_the_state_before_it() -> None:
    async def story() -> None:
        bus = FakeBus()
        log = StateLog(bus, TOPIC)  # type: ignore[arg-type]
        state, _ = await log.take_over(HERE)
        await state.write({"a": b"1", "b": b"1"}, 10)
        bus.batch_records = 2
        bus.kill = lambda where: where == "half append"
        with pytest.raises(Killed):
            await state.write({"a": b"2", "b": b"2", "c": b"2"}, 20)
        bus.kill = lambda _: False
        again, found = await log.take_over(HERE)
        assert (found, again.applied) == ({"a": b"1", "b": b"1"}, 10)

    asyncio.run(story())


def test_source_partitions_in_one_state_partition_do_not_mix() -> None:
    async def story() -> None:
        bus = FakeBus()
        log = StateLog(bus, topics.INTAKE_STATE)  # type: ignore[arg-type]
        one, _ = await log.take_over(Source("workforce", 1))
        two, _ = await log.take_over(Source("workforce|1", 1))
        await one.write({"a": b"one"}, 3)
        await two.write({"a": b"two"}, 4)
        _, found = await log.take_over(Source("workforce", 1))
        assert found == {"a": b"one"}

    asyncio.run(story())


def test_earlier_writers_keys_are_deleted_so_that_the_log_does_not_grow_with_restarts() -> None:
    async def story() -> None:
        bus = FakeBus()
        log = StateLog(bus, TOPIC)  # type: ignore[arg-type]
        state, _ = await log.take_over(HERE)
        await state.write({f"entry {n}": b"x" for n in range(50)}, 1)
        sizes = []
        for _ in range(5):
            await log.take_over(HERE)
            bus.compact(TOPIC.name, HERE.partition)
            sizes.append(len(bus.values(TOPIC.name, HERE.partition)))
        assert max(sizes) <= 53
        assert sizes[0] == sizes[-1]

    asyncio.run(story())


def test_a_write_while_the_broker_is_away_can_be_made_again() -> None:
    async def story() -> None:
        bus = FakeBus()
        log = StateLog(bus, TOPIC)  # type: ignore[arg-type]
        state, _ = await log.take_over(THERE)
        bus.away["append"] = 1
        with pytest.raises(Unavailable):
            await state.write({"a": b"1"}, 8)
        assert state.applied == -1
        await state.write({"a": b"1"}, 8)
        again, found = await log.take_over(THERE)
        assert (found, again.applied) == ({"a": b"1"}, 8)

    asyncio.run(story())
