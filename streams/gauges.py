"""What the folds said, as metrics: called with each output once its record is acknowledged."""

from __future__ import annotations

from typing import Any

from schemas.desk import DeskEntry
from schemas.signal import Load, QueueLoad, Signal
from schemas.tick import Tick
from streams import telemetry
from streams.desk_gauges import DeskGauges
from streams.series import Labels, Series

CHANNELS_MAX = 2_000  # tenant and channel pairs shown; Prometheus keeps a series for each
QUEUES_MAX = 2_000
TENANTS_MAX = 1_000


class Gauges:
    """What detection says of channels and queues; what the desk says is `desk`'s."""

    def __init__(self) -> None:
        self.desk = DeskGauges()
        self._channels = Series(
            "channels",
            CHANNELS_MAX,
            telemetry.ARRIVALS,
            telemetry.EXPECTED,
            telemetry.EXPECTED_LOW,
            telemetry.EXPECTED_HIGH,
            telemetry.BACKLOG,
            telemetry.ANSWERED,
        )
        self._queues = Series(
            "queues",
            QUEUES_MAX,
            telemetry.QUEUE_ARRIVALS,
            telemetry.QUEUE_EXPECTED,
            telemetry.QUEUE_EXPECTED_LOW,
            telemetry.QUEUE_EXPECTED_HIGH,
            telemetry.QUEUE_BACKLOG,
            telemetry.QUEUE_ANSWERED,
        )
        self._tenants = Series("tenants", TENANTS_MAX, telemetry.COMPLETE_TO)

    def observe(self, value: Any) -> None:
        """Takes one output value of a fold into the metrics."""
        match value:
            case DeskEntry(body=Load() as load):
                self._load(load)
            case DeskEntry(body=Signal() as signal):
                telemetry.SIGNALS.labels(signal.signal_kind, signal.state).inc()
            case DeskEntry(body=Tick() as tick):
                self._tenants.set((tick.tenant,), tick.complete_to.timestamp())
            case _:
                self.desk.observe(value)

    def dropped(self, role: str) -> None:
        """The role's partitions are not ours any more: what they said is another process's to say."""
        if role == "detect":
            for series in (self._channels, self._queues, self._tenants):
                series.clear()
        elif role == "respond":
            self.desk.clear()

    def _load(self, load: Load) -> None:
        by_channel: dict[str, set[Labels]] = {}
        for row in load.loads:
            labels: Labels = (load.tenant, row.at.channel)
            queues = by_channel.setdefault(row.at.channel, set())
            if row.at.queue is None:
                self._channels.set(labels, *_figures(row))
            else:
                queues.add((*labels, str(row.at)))
                self._queues.set((*labels, str(row.at)), *_figures(row))
        for channel, queues in by_channel.items():  # a queue that left has no row any more
            self._queues.keep((load.tenant, channel), queues)


def _figures(row: QueueLoad) -> tuple[float | None, ...]:
    """A minute's figures; those of a minute that was not delivered are unknown, not zero."""
    if row.known_seconds <= 0:
        return None, None, None, None, row.backlog, None
    decided = row.answered + row.abandoned
    return (
        *(figure * 60 / row.known_seconds for figure in (row.arrivals, row.expected, row.expected_low)),
        row.expected_high * 60 / row.known_seconds,
        row.backlog,
        row.answered / decided if decided else None,
    )
