"""Whatever takes over, wakes up late or is compacted: the state read back is the state that its owner wrote."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import topics
from streams.state import PartitionState, Source, StateLog
from tests.fake_bus import FakeBus

SOURCE = Source("queue-panes", 2)
TOPIC = topics.DETECT_STATE
NAMES = ("a", "b|c", "series/voice", "d")

changes = st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), st.binary(min_size=1, max_size=3)), max_size=4)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), changes),
        st.tuples(st.just("takeover"), st.just({})),
        st.tuples(st.just("zombie"), changes),
        st.tuples(st.just("compact"), st.just({})),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=300, deadline=None)
def test_state_read_back_is_what_its_owner_wrote_last(todo: list[tuple[str, dict[str, bytes | None]]]) -> None:
    asyncio.run(play(todo))


async def play(todo: list[tuple[str, dict[str, bytes | None]]]) -> None:
    bus = FakeBus()
    log = StateLog(bus, TOPIC)  # type: ignore[arg-type]
    owner, found = await log.take_over(SOURCE)
    assert found == {} and owner.applied == -1
    truth: dict[str, bytes] = {}
    late: list[PartitionState] = []
    offset = 0
    for what, values in todo:
        if what == "write":
            offset += 7
            await owner.write(values, offset)
            truth = {name: value for name, value in {**truth, **values}.items() if value is not None}
        elif what == "takeover":
            late.append(owner)
            applied = owner.applied
            owner, found = await log.take_over(SOURCE)
            assert (found, owner.applied) == (truth, applied)
        elif what == "zombie" and late:
            # it goes on from where it fell asleep, and thinks that it is further than anybody
            await late[0].write(values, offset + 1000)
        elif what == "compact":
            bus.compact(TOPIC.name, SOURCE.partition)
    _, found = await log.take_over(SOURCE)
    assert found == truth
    bus.compact(TOPIC.name, SOURCE.partition)
    last, found = await log.take_over(SOURCE)
    assert (found, last.applied) == (truth, owner.applied)
