"""What is usual may change for good: a person says so, or a day shows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest

from detectors.pipeline import DetectionFold
from schemas.base import Origin
from schemas.decision import OperatorDecision
from schemas.desk import DeskEntry
from schemas.pane import PaneRecord, Progress, QueueCounts, QueuePane, SourceCover
from schemas.signal import Load, Signal

START = datetime(2025, 3, 3, tzinfo=UTC)
PANE = timedelta(seconds=300)
DAY = 288
LEARNED = 9 * DAY


def panes(first: int, last: int, factors: dict[str, float]) -> Iterator[PaneRecord]:
    """Panes `first` to `last` of a chat channel: 20 contacts a pane and queue, times a factor."""
    for n in range(first, last):
        start = START + n * PANE
        rng = np.random.default_rng(n)
        counts = {
            queue: int(rng.poisson(20 * factor * (1.3 + np.sin(n / DAY * 2 * np.pi))))
            for queue, factor in factors.items()
        }
        yield QueuePane(
            tenant="acme",
            channel="chat",
            pane_start=start,
            pane_seconds=300,
            partition=0,
            version=n + 1,
            final=True,
            complete_to=start + PANE,
            queues={queue: QueueCounts(offered=count) for queue, count in counts.items()},
            sources={"acd": SourceCover(queues=["*"], delivered_to=start + PANE, covers=True)},
        )


def accept(target: str) -> OperatorDecision:
    return OperatorDecision(
        decision_id="d1", tenant="acme", at=START, by="ana", action="accept-new-normal", target=target
    )


class Told:
    def __init__(self, fold: DetectionFold) -> None:
        self.fold, self.offset = fold, 0
        self.signals: list[Signal] = []
        self.loads: list[Load] = []

    def hear(self, records: Iterable[PaneRecord]) -> list[Signal]:
        """The signals of these records."""
        before = len(self.signals)
        for record in records:
            for output in self.fold.step(record, Origin(topic="queue-panes", partition=0, offset=self.offset)):
                assert isinstance(output.value, DeskEntry)
                body = output.value.body
                if isinstance(body, Signal):
                    self.signals.append(body)
                elif isinstance(body, Load):
                    self.loads.append(body)
            self.offset += 1
        return self.signals[before:]


USUAL = {"billing": 1.0, "orders": 1.0}
TWICE = {"billing": 2.2, "orders": 1.0}


@pytest.fixture(scope="module")
def learned() -> dict[str, bytes]:
    fold = DetectionFold()
    told = Told(fold)
    partitions = Progress(at=START, read_to={}, partitions={"contact-events.chat": 1})
    told.hear([partitions, *panes(0, LEARNED, USUAL)])
    return {name: value for name, value in fold.changes().items() if value is not None}


@pytest.fixture
def told(learned: dict[str, bytes]) -> Told:
    fold = DetectionFold()
    fold.restore(learned)
    return Told(fold)


def places(signals: Iterable[Signal], state: str) -> set[str]:
    return {str(signal.series.at) for signal in signals if signal.state == state and signal.signal_kind == "surge"}


def expected(told: Told, queue: str) -> float:
    return next(row.expected for row in told.loads[-1].loads if row.at.queue == queue)


def test_a_persons_word_clears_the_signal_and_scales_what_is_usual(told: Told) -> None:
    assert "chat/billing" in places(told.hear(panes(LEARNED, LEARNED + 24, TWICE)), "opened")
    before = expected(told, "billing")
    said = told.hear([accept("chat/billing")])
    assert [(s.state, s.reason, str(s.series.at)) for s in said] == [("cleared", "accepted as normal", "chat/billing")]
    after = told.hear(panes(LEARNED + 24, LEARNED + 48, TWICE))
    assert "chat/billing" not in places(after, "opened")
    assert expected(told, "billing") > 1.7 * before


def test_a_channel_is_accepted_with_its_queues_and_what_is_usual_stays_as_it_is(told: Told) -> None:
    more = {"billing": 5.0, "orders": 1.0}
    told.hear(panes(LEARNED, LEARNED + 24, more))
    orders = expected(told, "orders")
    said = told.hear([accept("chat")])
    assert {str(s.series.at) for s in said} == {"chat", "chat/billing"}
    told.hear(panes(LEARNED + 24, LEARNED + 26, more))
    assert expected(told, "orders") == pytest.approx(orders, rel=0.2)


@pytest.mark.parametrize("target", ["chat/orders", "chat/nobody", "fax", "", "/"])
def test_where_nothing_is_out_of_its_range_there_is_nothing_to_accept(told: Told, target: str) -> None:
    told.hear(panes(LEARNED, LEARNED + 24, TWICE))
    assert told.hear([accept(target)]) == []
    assert told.fold.counted["nothing to accept"] == 1


def test_other_decisions_and_other_tenants_change_nothing(told: Told) -> None:
    told.hear(panes(LEARNED, LEARNED + 24, TWICE))
    assert told.hear([msgspec.structs.replace(accept("chat"), action="resolve")]) == []
    assert told.hear([msgspec.structs.replace(accept("chat"), tenant="nobody")]) == []


def test_silence_is_never_usual(told: Told) -> None:
    gone = {"billing": 0.0, "orders": 1.0}
    opened = told.hear(panes(LEARNED, LEARNED + 24, gone))
    assert {s.signal_kind for s in opened if str(s.series.at) == "chat/billing" and s.state == "opened"} >= {"silence"}
    told.hear([accept("chat/billing")])
    again = told.hear(panes(LEARNED + 24, LEARNED + 30, gone))
    assert not [s for s in again if s.series.at.queue == "billing" and s.state == "cleared"]


def test_the_word_is_kept_over_a_restart(told: Told, learned: dict[str, bytes]) -> None:
    told.hear(panes(LEARNED, LEARNED + 24, TWICE))
    told.hear([accept("chat/billing")])
    entries = learned | {name: value for name, value in told.fold.changes().items() if value is not None}
    entries = {name: value for name, value in entries.items() if "alarm/" not in name or "billing" not in name}
    restarted = Told(DetectionFold())
    restarted.fold.restore(entries)
    restarted.offset = told.offset
    assert "chat/billing" not in places(restarted.hear(panes(LEARNED + 24, LEARNED + 40, TWICE)), "opened")


def test_a_shift_of_the_same_sign_for_a_day_becomes_normal_by_itself(told: Told) -> None:
    said = told.hear(panes(LEARNED, LEARNED + DAY + 40, {"billing": 1.9, "orders": 1.0}))
    cleared = [s for s in said if s.series.at.queue == "billing" and s.state == "cleared"]
    assert cleared
    assert {s.reason for s in cleared} == {"accepted as normal"}
    assert not places(told.hear(panes(LEARNED + DAY + 40, LEARNED + 2 * DAY, TWICE)), "opened") - {"chat"}
