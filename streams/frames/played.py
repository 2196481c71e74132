"""Sorted contacts as the log that a player would write: with the heartbeats of every lane, and a place for each record.

The frames' counterpart of `streams.player.due`: the same records in the same order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from streams.frames.contacts import checked
from streams.frames.panes import SAID
from streams.player import Lane

_MICROSECOND = timedelta(microseconds=1)
_TIMES = {"lane": pl.Int64(), "occurred_at": pl.Datetime("us", "UTC")}


class PlayedLog:
    """Contacts come sorted, one stretch of time after the other; each channel is one partition."""

    def __init__(self, lanes: Sequence[Lane], source: str, start: datetime) -> None:
        self._lanes = lanes
        self._source = source
        self._next = [lane.begins(start) for lane in lanes]
        self._last = start
        self._offsets: Counter[str] = Counter()
        self._order = 0
        self._none = pl.DataFrame(schema=SAID)

    def until(self, contacts: pl.DataFrame, border: datetime) -> Iterator[tuple[str, pl.DataFrame]]:
        """Each channel's records of what happened before `border` and was not taken yet; `streams.frames.panes.READ`
        without a topic, and `order`."""
        last = contacts["occurred_at"].max()
        if isinstance(last, datetime):
            self._last = max(self._last, last)
        yield from self._placed(contacts, self._beats([border] * len(self._lanes)))

    def rest(self) -> Iterator[tuple[str, pl.DataFrame]]:
        """The heartbeats that close each lane's last panes."""
        ends = [lane.ends(self._last) for lane in self._lanes]
        beats = self._beats([end + _MICROSECOND for end in ends])
        last = pl.DataFrame({"lane": range(len(ends)), "occurred_at": ends}, schema=_TIMES)
        # a lane's last one stands behind all that are due at its time
        yield from self._placed(self._none, pl.concat([beats, last]).sort("occurred_at", maintain_order=True))

    def _beats(self, borders: Sequence[datetime]) -> pl.DataFrame:
        """The times of those due before each lane's border, in order; of one time, in the order of lanes."""
        found = []
        for n, (lane, border) in enumerate(zip(self._lanes, borders, strict=True)):
            many = max(-((self._next[n] - border) // lane.every), 0)
            each = {"lane": [n] * many, "occurred_at": [self._next[n] + k * lane.every for k in range(many)]}
            found.append(pl.DataFrame(each, schema=_TIMES))
            self._next[n] += many * lane.every
        return pl.concat(found).sort("occurred_at", "lane")

    def _placed(self, contacts: pl.DataFrame, times: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        beats = self._said(times)
        of, at = _between(contacts, beats)
        contacts = contacts.with_columns((of + self._order).alias("order"))
        beats = beats.with_columns((at + self._order).alias("order"))
        self._order += len(contacts) + len(beats)
        for channel in sorted({lane.channel for lane in self._lanes}):
            mine = pl.col("channel") == channel
            log = pl.concat([_said_of(frame.filter(mine)) for frame in (contacts, beats)]).sort("order")
            yield channel, self._logged(channel, log)

    def _logged(self, channel: str, log: pl.DataFrame) -> pl.DataFrame:
        first = self._offsets[channel]
        self._offsets[channel] += len(log)
        arrived = (pl.col("occurred_at").dt.epoch("us") // 1000).cast(pl.Datetime("ms", "UTC"))
        return log.with_columns(
            pl.lit(0, pl.Int32).alias("partition"),
            pl.int_range(first, first + len(log)).alias("offset"),
            arrived.alias("arrived_at"),
        )

    def _said(self, times: pl.DataFrame) -> pl.DataFrame:
        lanes = pl.DataFrame(
            [(n, lane.tenant, lane.channel) for n, lane in enumerate(self._lanes)],
            schema={"lane": pl.Int64, "tenant": pl.String, "channel": pl.String},
            orient="row",
        )
        told = times.join(lanes, on="lane", how="left", maintain_order="left").drop("lane")
        said = {"type": "heartbeat", "source": self._source, "queue": ""}
        return told.with_columns(
            *(pl.lit(word).alias(name) for name, word in said.items()), pl.lit(["*"]).alias("queues")
        )


def _said_of(frame: pl.DataFrame) -> pl.DataFrame:
    return checked(frame, SAID).hstack(frame.select("order"))


def _between(contacts: pl.DataFrame, beats: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Where contacts and heartbeats stand among each other: a heartbeat goes before what happened at its time."""
    mine, theirs = (frame["occurred_at"].dt.epoch("us").to_numpy() for frame in (contacts, beats))
    of = np.arange(len(mine)) + np.searchsorted(theirs, mine, side="right")
    at = np.arange(len(theirs)) + np.searchsorted(mine, theirs, side="left")
    return pl.Series(of, dtype=pl.Int64), pl.Series(at, dtype=pl.Int64)
