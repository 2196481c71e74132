"""Contacts of an exercise, from the pane on: their surge is marked all the way and wakes nobody; a real one is not."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import TypeVar

import msgspec
import pytest
from desk_builder import ref

from detectors.tally import Tally
from response.pipeline import ResponseFold
from schemas.base import Origin
from schemas.centre import Centre, CentreChannel, CentreQueue
from schemas.command import StaffingAlert
from schemas.contact import ContactEvent
from schemas.desk import DeskEntry
from schemas.incident import Incident
from schemas.pane import PaneRecord, QueueCounts
from schemas.signal import Signal
from streams.notify import notices
from tests.properties.pane_logs import START, fold_over, pane, progress

LEARNED, SURGE = 360, 15  # minutes
USUAL, MORE = 20, 40

T = TypeVar("T")


def test_the_pane_counts_an_exercises_arrivals_among_all() -> None:
    tally = Tally(10, Counter())
    for n, drill in enumerate(("spring", "spring", None)):
        for kind in ("offered", "answered"):
            tally.add(ContactEvent(type=kind, occurred_at=START, source="acd", event_id=f"{n}{kind}", drill=drill))  # type: ignore[arg-type]
    counts = tally.counts()
    assert (counts.offered, counts.answered, counts.by_drill) == (3, 3, {"spring": 2})


def _log(drill: bool) -> Iterator[PaneRecord]:
    """Hours as usual, then three times the contacts; with `drill` those beyond the usual are an exercise's."""
    draw = random.Random(5)
    yield progress(START)
    for minute in range(LEARNED + SURGE):
        start = START + timedelta(minutes=minute)
        came, extra = sum(draw.random() < USUAL / 200 for _ in range(200)), MORE if minute >= LEARNED else 0
        counts = QueueCounts(
            offered=came + extra, answered=came + extra, by_drill={"spring": extra} if drill and extra else {}
        )
        yield msgspec.structs.replace(pane(start, {}, version=minute + 1), queues={"billing": counts})
        yield progress(start + timedelta(minutes=1))


def _desk(drill: bool) -> list[object]:
    """Everything that both folds say of it."""
    _, heard = fold_over(_log(drill))
    model = Centre(
        tenant="acme",
        channels={"chat": CentreChannel(handle_seconds=300)},
        queues=[CentreQueue(at=ref("chat/billing"), agents=160)],
    )
    fold, said = ResponseFold(), list[object]()
    bodies = [model, *(output.value.body for output in heard if isinstance(output.value, DeskEntry))]
    for n, body in enumerate(bodies):
        entry = DeskEntry(tenant="acme", origin=Origin(topic="queue-panes", partition=0, offset=n), body=body)
        outputs = fold.step(entry, Origin(topic="desk", partition=0, offset=n))
        said += [body, *(output.value for output in outputs)]
    return said


@pytest.fixture(scope="module")
def exercise() -> list[object]:
    return _desk(drill=True)


@pytest.fixture(scope="module")
def real() -> list[object]:
    return _desk(drill=False)


def _of(said: list[object], kind: type[T]) -> list[T]:
    return [one for one in said if isinstance(one, kind)]


def test_every_signal_of_an_exercise_names_it(exercise: list[object]) -> None:
    signals = [one for one in _of(exercise, Signal) if one.signal_kind == "surge"]
    assert signals
    assert {one.drill for one in signals} == {"spring"}
    assert all(one.text.endswith("DRILL spring") for one in signals)


def test_an_exercises_incident_pages_nobody_and_says_so(exercise: list[object]) -> None:
    incidents = _of(exercise, Incident)
    assert {one.drill for one in incidents} == {"spring"}
    assert not any(one.pages for one in incidents)
    assert notices._keep_quiet(incidents[-1]) == "it is exercise spring: nobody is woken for it"
    alerts = _of(exercise, StaffingAlert)
    assert alerts
    assert all(one.drill == "spring" and one.text.startswith("DRILL spring: ") for one in alerts)


def test_the_same_surge_of_real_contacts_is_real(real: list[object]) -> None:
    signals, incidents = _of(real, Signal), _of(real, Incident)
    assert signals
    assert {one.drill for one in (*signals, *incidents)} == {None}
