"""Public logs of real centres through the pure core: rows, panes, detection, response; no broker, no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from detectors.pipeline import DetectionFold
from response.pipeline import ResponseFold
from schemas.base import Origin
from schemas.centre import CalendarDay, Centre, CentreChannel
from schemas.desk import DeskEntry
from schemas.incident import Incident
from schemas.pane import PaneRecord, QueuePane
from schemas.signal import Signal
from streams import config, feed, history, mapping

MAPPINGS = Path(__file__).parent.parent / "docs" / "mappings"


@dataclass(frozen=True)
class PublicLog:
    """One log, read once; `pane_seconds` long panes are enough where contacts come by the hour."""

    file: Path
    mapping: str
    tenant: str
    channels: tuple[str, ...]
    pane_seconds: int = 1800

    @cached_property
    def settings(self) -> config.Settings:
        channel = {"pane_seconds": self.pane_seconds, "unknown_after_seconds": self.pane_seconds, "partitions": 1}
        return config.load(environment={}, channels=dict.fromkeys(self.channels, channel))

    @cached_property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(mapping.load(MAPPINGS / self.mapping).time_zone)

    def local(self, *parts: int) -> datetime:
        return datetime(*parts, tzinfo=self.zone)  # type: ignore[arg-type, misc]

    def panes(self, channels: Sequence[str], since: datetime, before: datetime) -> list[PaneRecord]:
        """Final panes of some channels, as the ingest closes them."""
        meaning = mapping.load(MAPPINGS / self.mapping)
        with feed.read(self.file, meaning, self.settings, (since, before)) as (events, _):
            return list(history.of_export(events, self.settings, self.tenant, only=channels))


@dataclass
class Told:
    """What both folds said, by id, as last revised; `opened` as first said."""

    signals: dict[str, Signal] = field(default_factory=dict)
    opened: dict[str, Signal] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)

    def found(self, channel: str, kind: str, since: datetime, before: datetime) -> list[Signal]:
        """Signals of a channel or its queues that opened in a stretch of time."""
        return [
            self.signals[name]
            for name, first in self.opened.items()
            if first.series.at.channel == channel and first.signal_kind == kind and since <= first.at < before
        ]

    def about(self, signals: Iterable[Signal]) -> list[Incident]:
        """The incidents that these signals are symptoms of."""
        ids = {signal.signal_id for signal in signals}
        return [one for one in self.incidents.values() if ids & {symptom.signal_id for symptom in one.symptoms}]


def told(
    log: PublicLog,
    records: Iterable[PaneRecord],
    calendar: Sequence[CalendarDay] = (),
    *,
    live: datetime | None = None,
    hours: Mapping[str, str] | None = None,
) -> Told:
    """Both folds over the records, from nothing; what came before `live` is learned, and what it signals is history."""
    staff = {"internal": CentreChannel(audience="internal")}
    usual = CentreChannel(opening_hours=dict(hours or {}))
    channels = {name: staff.get(name, usual) for name in log.channels}
    centre = Centre(tenant=log.tenant, time_zone=str(log.zone), channels=channels, calendar=list(calendar))
    detect, respond, found = DetectionFold(), ResponseFold(), Told()
    heard = 0

    def hear(entry: DeskEntry) -> None:
        nonlocal heard
        heard += 1
        for output in respond.step(entry, Origin(topic="desk", partition=0, offset=heard)):
            if isinstance(output.value, Incident):
                found.incidents[output.value.incident_id] = output.value

    hear(DeskEntry(tenant=log.tenant, origin=Origin(topic="centre", partition=0, offset=0), body=centre))
    past: set[str] = set()
    for offset, record in enumerate([centre, *records]):
        learning = live is not None and isinstance(record, QueuePane) and record.pane_start < live
        for output in detect.step(record, Origin(topic="queue-panes", partition=0, offset=offset)):
            assert isinstance(output.value, DeskEntry)
            body = output.value.body
            if isinstance(body, Signal) and learning:
                past.add(body.signal_id)
            elif isinstance(body, Signal) and body.signal_id not in past:
                found.signals[body.signal_id] = body
                found.opened.setdefault(body.signal_id, body)
            if not learning and getattr(body, "signal_id", None) not in past:
                hear(output.value)
    return found
