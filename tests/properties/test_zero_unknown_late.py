"""Zero, unknown and late, and input that is no good: what the detection fold makes of it.

Sentences of docs/semantics.md section 2, and where each is tested:

- Time by tenant, watermark, duplicates, future, late = its pane is closed: unit/detectors/test_panes.py, and
  test_panes_properties.py, which has a second account of all these rules.
- The same events give the same finals; offsets are held back; skipped or late after a restart:
  test_panes_properties.py.
- A source covers a pane by the heartbeats read before its close: unit/detectors/test_panes.py, the second account.
- In a known pane an absent queue is a true zero: test_an_absent_queue_in_a_known_pane_is_a_zero.
- Unknown is exposure 0 for good, no update: test_what_an_unknown_pane_holds_changes_nothing_that_is_kept.
- ... whatever comes later; late changes no pane, evidence or season:
  test_nothing_after_a_final_and_nothing_late_changes_a_byte.
- Sources are remembered by the fold:
  test_a_source_that_is_not_heard_makes_its_queues_unknown_until_it_is_forgotten.
- For a channel that never had a source the setting decides: test_without_a_source_the_setting_says_what_silence_is.
- Unknown never resolves: test_unknown_resolves_nothing.
- Bad input (gaps, clock jumps, repeated and backward panes, series that appear or die, ten times the series, a night of
  daylight saving): the last five tests.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pane_logs import fold_over, pane

from detectors.pipeline import DetectionFold, DetectParams
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.fold import Output
from schemas.pane import PaneRecord, Progress, QueuePane
from schemas.signal import Signal

START = datetime(2025, 3, 3, tzinfo=UTC)
SECONDS = 1800
DAY = 48
LEARNED = 8 * DAY
QUEUES = ("billing", "orders")
PARTITIONS = Progress(at=START, read_to={}, partitions={"contact-events.chat": 1})


def at(n: int) -> datetime:
    return START + timedelta(seconds=SECONDS * n)


def counts(n: int, queues: tuple[str, ...] = QUEUES, mean: float = 50.0) -> dict[str, int]:
    rng = np.random.default_rng(n)
    return {name: int(rng.poisson(mean * (1.3 + np.sin(n / DAY * 2 * np.pi)))) for name in queues}


def usual(first: int, last: int) -> list[QueuePane]:
    return [pane(at(n), counts(n), seconds=SECONDS, version=n + 1) for n in range(first, last)]


def signals(outputs: list[Output]) -> list[Signal]:
    return [
        output.value.body
        for output in outputs
        if isinstance(output.value, DeskEntry) and isinstance(output.value.body, Signal)
    ]


def told(outputs: list[Output]) -> list[tuple[str, str, str]]:
    return [(signal.signal_kind, signal.state, str(signal.series.at)) for signal in signals(outputs)]


@pytest.fixture(scope="module")
def learned() -> dict[str, bytes]:
    fold, outputs = fold_over([PARTITIONS, *usual(0, LEARNED)])
    assert signals(outputs) == []
    return {name: value for name, value in fold.changes().items() if value is not None}


def restored(learned: dict[str, bytes], params: DetectParams | None = None) -> DetectionFold:
    fold = DetectionFold(params)
    fold.restore(learned)
    assert fold.complaints == []
    return fold


def kept(fold: DetectionFold) -> dict[str, bytes | None]:
    """What is learned and what speaks for something, of all that is written."""
    return {name: raw for name, raw in fold.changes().items() if "/season/" in name or "/slow/" in name}


def expected(fold: DetectionFold, n: int) -> list[float]:
    """What the fold expects of a pane, by series."""
    channel = fold._tenants["acme"].channels["chat"]
    found: list[float] = channel.bank.expect(int(at(n).timestamp()), SECONDS).round(9).tolist()
    return found


def evidence(fold: DetectionFold) -> bytes:
    bank = fold._tenants["acme"].channels["chat"].bank
    parts = (bank.fast, bank.slow, bank.level, bank.dispersion)
    return b"".join(part.pack(0, bank.size) for part in parts)


def test_an_absent_queue_in_a_known_pane_is_a_zero(learned: dict[str, bytes]) -> None:
    fold = restored(learned)
    absent = [pane(at(n), {"orders": 40}, seconds=SECONDS, version=n + 1) for n in range(LEARNED, LEARNED + 6)]
    _, outputs = fold_over(absent, fold)
    assert ("silence", "opened", "chat/billing") in told(outputs)
    assert not any(kind == "telemetry-lost" for kind, _, _ in told(outputs))


many = st.dictionaries(st.sampled_from(QUEUES), st.integers(0, 500))


@given(held=st.lists(many, min_size=1, max_size=6))
@settings(max_examples=12, deadline=None)
def test_what_an_unknown_pane_holds_changes_nothing_that_is_kept(
    learned: dict[str, bytes], held: list[dict[str, int]]
) -> None:
    fold, empty = restored(learned), restored(learned)
    unknown = [
        pane(at(LEARNED + n), one, seconds=SECONDS, version=n + 1, covers=False, source=None)
        for n, one in enumerate(held)
    ]
    nothing = [
        pane(at(LEARNED + n), {}, seconds=SECONDS, version=n + 1, covers=False, source=None) for n in range(len(held))
    ]
    said = [told(fold_over(records, one)[1]) for records, one in ((unknown, fold), (nothing, empty))]
    assert said[0] == said[1] == [("telemetry-lost", "opened", "chat")]
    assert evidence(fold) == evidence(empty)
    assert kept(fold) == kept(empty)
    after = LEARNED + len(held)
    assert expected(fold, after) == expected(empty, after)


@given(later=st.lists(st.tuples(st.integers(0, 30), many), min_size=1, max_size=8))
@settings(max_examples=12, deadline=None)
def test_nothing_after_a_final_and_nothing_late_changes_a_byte(
    learned: dict[str, bytes], later: list[tuple[int, dict[str, int]]]
) -> None:
    fold, same = restored(learned), restored(learned)
    records = usual(LEARNED, LEARNED + 4)
    fold_over(records, fold)
    fold_over(records, same)
    before = evidence(fold)
    fold.changes()
    late = [
        pane(at(LEARNED + 3 - back), one, seconds=SECONDS, version=10_000 + n) for n, (back, one) in enumerate(later)
    ]
    _, outputs = fold_over(late, fold, 10)
    assert outputs == []
    assert evidence(fold) == before == evidence(same)
    assert not kept(fold)


def test_a_source_that_is_not_heard_makes_its_queues_unknown_until_it_is_forgotten(learned: dict[str, bytes]) -> None:
    fold = restored(learned, DetectParams(source_forget_seconds=14_400.0))
    lost = [
        pane(at(n), {}, seconds=SECONDS, version=n + 1, covers=False, source=None) for n in range(LEARNED, LEARNED + 10)
    ]
    _, outputs = fold_over(lost, fold)
    assert told(outputs) == [("telemetry-lost", "opened", "chat"), ("telemetry-lost", "cleared", "chat")]
    assert [signal.reason for signal in signals(outputs)] == [None, "source forgotten"]


@pytest.mark.parametrize(("silence", "kinds"), [("zero", {"silence"}), ("unknown", set())])
def test_without_a_source_the_setting_says_what_silence_is(silence: str, kinds: set[str]) -> None:
    def quiet(n: int, held: dict[str, int]) -> QueuePane:
        return pane(at(n), held, seconds=SECONDS, version=n + 1, covers=False, source=None, silence=silence)  # type: ignore[arg-type]

    weeks = [quiet(n, counts(n)) for n in range(LEARNED)]
    _, outputs = fold_over([PARTITIONS, *weeks, *(quiet(n, {}) for n in range(LEARNED, LEARNED + 6))])
    assert {kind for kind, _, _ in told(outputs)} == kinds


@given(gone=st.integers(1, 12))
@settings(max_examples=6, deadline=None)
def test_unknown_resolves_nothing(learned: dict[str, bytes], gone: int) -> None:
    fold = restored(learned)
    silent = [pane(at(n), {"orders": 40}, seconds=SECONDS, version=n + 1) for n in range(LEARNED, LEARNED + 6)]
    fold_over(silent, fold)
    first = LEARNED + 6
    unknown = [pane(at(n), counts(n), seconds=SECONDS, version=n + 1, covers=False) for n in range(first, first + gone)]
    _, outputs = fold_over(unknown, fold)
    assert {(kind, state) for kind, state, _ in told(outputs)} == {("telemetry-lost", "opened")}


moves = st.lists(
    st.tuples(st.integers(-200, 400), st.sampled_from([60, SECONDS, 3600]), many, st.booleans(), st.booleans()),
    max_size=15,
)


@given(moves=moves)
@settings(max_examples=8, deadline=None)
def test_any_order_of_panes_is_survived_and_keeps_what_was_learned(
    learned: dict[str, bytes],
    moves: list[tuple[int, int, dict[str, int], bool, bool]],
) -> None:
    fold = restored(learned)
    before = fold._tenants["acme"].channels["chat"].bank.season.exposure.sum()
    records: list[PaneRecord] = [
        pane(at(LEARNED + n), held, seconds=seconds, version=k, final=final, covers=covers)
        for k, (n, seconds, held, final, covers) in enumerate(moves)
    ]
    fold_over(records, fold)
    bank = fold._tenants["acme"].channels["chat"].bank
    assert np.isfinite(bank.season.counts).all()
    assert (bank.season.counts >= 0).all()
    assert bank.season.exposure.sum() > 0.9 * before
    assert np.isfinite(expected(fold, LEARNED + 500)).all()
    restored({**learned, **{name: raw for name, raw in fold.changes().items() if raw is not None}})


@pytest.mark.parametrize("hours", [3, 30, 24 * 100])
def test_a_gap_is_unknown_and_long_ones_are_jumped(learned: dict[str, bytes], hours: int) -> None:
    fold = restored(learned)
    after = LEARNED + hours * 2
    _, outputs = fold_over(usual(after, after + 8), fold)
    assert {kind for kind, _, _ in told(outputs)} <= {"telemetry-lost"}


def test_ten_times_the_series_of_yesterday_are_taken_in_up_to_the_bound(learned: dict[str, bytes]) -> None:
    fold = restored(learned, DetectParams(series_a_tenant_max=20))
    queues = tuple(f"queue-{n:03d}" for n in range(200))
    records = [
        pane(at(n), counts(n) | counts(n, queues, 1.0), seconds=SECONDS, version=n + 1)
        for n in range(LEARNED, LEARNED + 4)
    ]
    before = expected(fold, LEARNED)[1:3]
    fold_over(records, fold)
    channel = fold._tenants["acme"].channels["chat"]
    assert len(channel.names) <= 22
    assert "other" in channel.names
    assert fold.counted["series"] > 0
    assert expected(fold, LEARNED)[1:3] == pytest.approx(before, rel=0.3)


def test_a_series_that_dies_leaves(learned: dict[str, bytes]) -> None:
    fold = restored(learned, DetectParams(series_forget_seconds=86_400.0))
    gone = [
        pane(at(n), {"orders": counts(n)["orders"]}, seconds=SECONDS, version=n + 1)
        for n in range(LEARNED, LEARNED + 3 * DAY)
    ]
    _, outputs = fold_over(gone, fold)
    assert ("silence", "opened", "chat/billing") in told(outputs)
    assert [s.reason for s in signals(outputs) if s.series.at.queue == "billing"][-1] == "series left"
    assert fold._tenants["acme"].channels["chat"].names == ["", "orders"]


@pytest.mark.parametrize("night", [datetime(2025, 3, 9, tzinfo=UTC), datetime(2025, 11, 2, tzinfo=UTC)])
def test_the_nights_of_daylight_saving_raise_nothing(night: datetime) -> None:
    centre = Centre(tenant="acme", time_zone="America/New_York")
    first = night - timedelta(days=8)
    records: list[PaneRecord] = [centre, Progress(at=first, read_to={}, partitions=PARTITIONS.partitions)]
    offset = timedelta(hours=-5 if night.month == 3 else -4)
    for n in range(10 * DAY):
        start = first + timedelta(seconds=SECONDS * n)
        # people live by the wall: after 2 in the morning an hour is skipped or comes twice
        turned = start >= night + timedelta(hours=7 if night.month == 3 else 6)
        wall = start + offset + timedelta(hours=(1 if night.month == 3 else -1) * turned)
        hour = wall.hour + wall.minute / 60
        mean = 30 * (1.2 - np.cos((hour - 3) / 24 * 2 * np.pi))
        count = int(np.random.default_rng(n).poisson(mean))
        records.append(pane(start, {"billing": count}, seconds=SECONDS, version=n + 1))
    _, outputs = fold_over(records)
    assert told(outputs) == []
