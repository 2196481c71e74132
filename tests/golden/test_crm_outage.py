"""A CRM that is down, from what contacts show to its name: panes, signals, one incident."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from detectors.parameters import CountParams
from detectors.pipeline import DetectionFold, DetectParams
from response.pipeline import ResponseFold
from schemas.base import Origin
from schemas.centre import Centre, CentreChannel
from schemas.desk import DeskEntry
from schemas.incident import Incident
from schemas.pane import PaneRecord, Progress, QueueCounts, QueuePane, SourceCover
from schemas.signal import Signal

START = datetime(2025, 3, 3, 8, 0, tzinfo=UTC)  # a Monday
BREAKS, ENDS = 220, 260  # minutes
QUEUES = {"voice": ("billing", "orders", "returns"), "chat": ("orders",)}
HANDLE_SECONDS = {"voice": 280.0, "chat": 420.0}
SLOWER = 1.9


def panes(seed: int) -> Iterator[PaneRecord]:
    """As many contacts as ever; from `BREAKS` on each takes longer, in every queue alike."""
    draw = random.Random(seed)
    topics = {channel: f"contact-events.{channel}" for channel in QUEUES}
    for n in range(ENDS):
        start = START + timedelta(minutes=n)
        end = start + timedelta(minutes=1)
        for channel, queues in QUEUES.items():
            mean = HANDLE_SECONDS[channel] * (SLOWER if n >= BREAKS else 1.0)
            yield QueuePane(
                tenant="acme",
                channel=channel,
                pane_start=start,
                pane_seconds=60,
                partition=0,
                version=n + 1,
                final=True,
                complete_to=end,
                queues={queue: _minute(draw, mean) for queue in queues},
                sources={"acd": SourceCover(queues=["*"], delivered_to=end, covers=True)},
            )
        read_to = {f"{topic}/0": end for topic in topics.values()}
        yield Progress(at=end, read_to=read_to, partitions=dict.fromkeys(topics.values(), 1))


def _minute(draw: random.Random, handle: float) -> QueueCounts:
    contacts = sum(draw.random() < 0.25 for _ in range(60))
    seconds = sum(handle * draw.lognormvariate(-0.18, 0.6) for _ in range(contacts))
    return QueueCounts(
        offered=contacts,
        answered=contacts,
        finished=contacts,
        handle_n=contacts,
        handle_milliseconds=round(1000 * seconds),
    )


def test_a_crm_outage_raises_handle_times_on_all_queues_and_is_called_by_its_name() -> None:
    centre = Centre(tenant="acme", channels={channel: CentreChannel() for channel in QUEUES})
    detect = DetectionFold(DetectParams(counts=CountParams(warm_up_seconds=1200.0)))
    respond, signals, incidents, heard = ResponseFold(), dict[str, Signal](), dict[str, Incident](), 0

    def hear(entry: DeskEntry) -> None:
        nonlocal heard
        heard += 1
        for output in respond.step(entry, Origin(topic="desk", partition=0, offset=heard)):
            if isinstance(output.value, Incident):
                incidents[output.value.incident_id] = output.value

    hear(DeskEntry(tenant="acme", origin=Origin(topic="centre", partition=0, offset=0), body=centre))
    for offset, record in enumerate([centre, *panes(4)]):
        for output in detect.step(record, Origin(topic="queue-panes", partition=0, offset=offset)):
            assert isinstance(output.value, DeskEntry)
            if isinstance(body := output.value.body, Signal):
                signals.setdefault(body.signal_id, body)
            hear(output.value)

    broke = START + timedelta(minutes=BREAKS)
    assert {one.signal_kind for one in signals.values()} == {"metric-shift"}
    assert {one.series.measure for one in signals.values()} == {"handle_seconds"}
    where = {str(one.series.at) for one in signals.values()}
    assert where >= {"voice", "chat", *(f"{channel}/{queue}" for channel in QUEUES for queue in QUEUES[channel])}
    assert all(broke < one.at <= broke + timedelta(minutes=25) for one in signals.values())
    [incident] = incidents.values()
    assert incident.cause.kind == "crm"
    assert incident.title.startswith("CRM outage")
    assert incident.playbook == "crm_outage"
