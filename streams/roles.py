"""The folds and their places on the bus: what each reads, how a record becomes what it takes, where its state lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from detectors.pipeline import DetectionFold, DetectParams
from response.pipeline import RespondParams, ResponseFold
from schemas import codec, topics
from schemas.base import Message
from schemas.desk import DeskEntry
from schemas.fold import Output
from schemas.pane import PaneRecord, QueuePane, SetAside
from streams import telemetry
from streams.config import Settings
from streams.faust_handler import Arrival, FoldRole
from streams.intake import KINDS, Arrived, Intake
from streams.own_ticks import OwnTicks

log = telemetry.logger("detect")

P = TypeVar("P", bound=msgspec.Struct)


def detect_role(settings: Settings) -> FoldRole:
    """Panes in, desk entries out."""
    params = params_of(DetectParams, settings.detect)
    return FoldRole(
        name="detect",
        inputs=(topics.QUEUE_PANES,),
        state=topics.DETECT_STATE,
        decode=lambda arrival: codec.decode(PaneRecord, arrival.value),  # type: ignore[arg-type]  # a union
        build=lambda: DetectionFold(params),
        set_aside=set_pane_aside,
        restored=_complain,
        applied=_count,
    )


def _complain(fold: DetectionFold) -> None:
    """What had to be learned anew is never so in silence."""
    for complaint in fold.complaints:
        log.error("state could not be read", why=complaint)
    fold.complaints.clear()


def _count(fold: DetectionFold) -> None:
    for why, n in fold.counted.items():
        telemetry.DETECT_IGNORED.labels(why).inc(n)
    fold.counted.clear()


def respond_role(
    settings: Settings,
    ticks: OwnTicks,
    heard: Callable[[DeskEntry], None] = lambda _: None,
    standing: Callable[[Message], None] = lambda _: None,
) -> FoldRole:
    """Desk entries in; incidents, alerts, commands, proposals and bulletins out. `heard` is shown each entry,
    `standing` after a start what goes on."""
    params = params_of(RespondParams, settings.respond)

    def decode(arrival: Arrival) -> DeskEntry:
        entry = codec.decode(DeskEntry, arrival.value)
        ticks.heard(entry, arrival.partition)
        heard(entry)
        return entry

    def restored(fold: ResponseFold) -> None:
        for message in fold.standing():
            standing(message)

    return FoldRole(
        name="respond",
        inputs=(topics.DESK,),
        state=topics.RESPOND_STATE,
        decode=decode,
        build=lambda: ResponseFold(params),
        restored=restored,
        dropped=ticks.forget,
    )


def intake_role() -> FoldRole:
    """What other systems write, onto the desk."""
    return FoldRole(
        name="intake",
        inputs=topics.DESK_INPUTS,
        state=topics.INTAKE_STATE,
        decode=lambda arrival: Arrived(codec.decode(KINDS[arrival.topic], arrival.value), arrival.at),
        build=Intake,
    )


def set_pane_aside(arrival: Arrival, why: str) -> list[Output]:
    """The marker that makes a pane unknown, for us and for every replay."""
    record: PaneRecord = codec.decode(PaneRecord, arrival.value)  # type: ignore[arg-type]  # a union
    if not isinstance(record, QueuePane):
        return []
    marker = SetAside(tenant=record.tenant, channel=record.channel, pane_start=record.pane_start, why=why)
    name = f"{arrival.topic}/{arrival.partition}/{arrival.offset}"
    return [Output(topic=topics.QUEUE_PANES, key=record.tenant, value=marker, id=name, time=record.pane_start)]


def params_of(kind: type[P], group: Any) -> P:
    """A fold's parameters from the settings of the same names; the others keep their defaults."""
    return kind(**{name: getattr(group, name) for name in kind.__struct_fields__ if hasattr(group, name)})
