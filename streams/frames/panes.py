"""Final panes counted of contact frames: the rules of `detectors.panes`, for a stretch of a log at once.

The watermark of a tenant is a running maximum over its records, so that for every record it is known at once which
panes are closed; what is counted does not depend on the order within a pane. Where a rule is rare (a source that signs
off, a record too great for the bus), the detectors' own code is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from detectors.panes import PaneRules
from detectors.tally import OTHER
from schemas.codec import VERSION
from schemas.contact import CONTACT_TYPES
from schemas.pane import QueueCounts
from streams.frames.contacts import CONTACTS, PLACES
from streams.frames.covers import PANE, CoverCounter

# each map of a queue's counts, and the word of an event that it counts
WORDS = {name: name.removeprefix("by_") for name in QueueCounts.__struct_fields__ if name.startswith("by_")}
# what panes are counted of: an event's columns, and with its place a log's
SAID = {name: kind for name, kind in CONTACTS.items() if name not in ("contact_id", "customer")}
READ = {**PLACES, **SAID}
_COUNTED = (
    *PANE,
    "queue",
    "type",
    "event_id",
    "transfer",
    "vip",
    "sentiment",
    "wait_seconds",
    "handle_seconds",
    *WORDS.values(),
)


class PaneFrames(NamedTuple):
    """Panes that a stretch of a log closed, milliseconds. `panes` in the order of their closing: PANE, `version`,
    `order`. `counts` by PANE and queue; `names` by PANE, queue and `name`, for each map; `covers` by PANE and
    source."""

    panes: pl.DataFrame
    counts: pl.DataFrame
    names: dict[str, pl.DataFrame]
    covers: pl.DataFrame


class PaneCounter:
    """The panes of one channel's topic. `noted`: what was not counted, and why."""

    def __init__(self, channel: str, rules: PaneRules) -> None:
        self.channel = channel
        self.rules = rules
        self.noted: Counter[str] = Counter()
        self._pane = rules.pane_seconds * 1000
        self._covers = CoverCounter(rules)
        self._contacts: pl.DataFrame | None = None  # counted in panes that are open
        self._beats: pl.DataFrame | None = None
        self._arrived: dict[int, int] = {}  # greatest arrival, by partition
        self._closed: dict[tuple[int, str], int] = {}  # by their own time, by partition and tenant

    def feed(self, log: pl.DataFrame) -> PaneFrames:
        """The panes that the next records of the log close: READ, each partition's by offset. `order`, where it is
        there, rises with the log over all partitions; else arrival does."""
        timed = self._timed(log)
        contacts = self._joined(self._contacts, self._counted(timed))
        contacts = self._without_repeats(contacts)
        beats = self._joined(self._beats, self._covers.heard(timed.filter(pl.col("why") == "heartbeat")))
        closed_to = self._close(timed)
        keys = pl.concat([contacts.select(PANE).unique(), beats.select(PANE).unique()]).unique()
        done = _of(keys, closed_to).filter(pl.col("start") + self._pane <= pl.col("closed_to"))
        panes = self._closing(done.select(PANE), timed)
        closed, self._contacts = _split(contacts, closed_to, self._pane)
        closed_beats, self._beats = _split(beats, closed_to, self._pane)
        closed = self._queues_bounded(closed)
        names = {field: self._names(closed, word) for field, word in WORDS.items()}
        return PaneFrames(panes, _counts(closed), names, self._covers.covers(closed_beats))

    @property
    def spoken(self) -> list[tuple[str, ...]]:
        """Lists of queues; `spoken` of a cover is an index here."""
        return self._covers.spoken

    def open_panes(self) -> int:
        """How many panes have been begun and are not closed."""
        held = [frame.select(PANE) for frame in (self._contacts, self._beats) if frame is not None]
        return pl.concat(held).unique().height if held else 0

    # -- time

    def _timed(self, log: pl.DataFrame) -> pl.DataFrame:
        """The log with `at` and `arrival` in milliseconds, `why` a record is no contact that counts, and what it leaves
        `closed`; `own` by the tenant's time alone, `floor` by arrivals alone."""
        rules, pane = self.rules, self._pane
        arrival = pl.col("arrived_at").dt.epoch("ms")
        frame = log.with_columns(
            (pl.col("occurred_at").dt.epoch("us") // 1000).alias("at"),
            arrival.alias("arrival"),
            pl.col("tenant").is_in(sorted(rules.event_clock)).fill_null(False).alias("clocked"),
            *([] if "order" in log.columns else [arrival.cum_max().over("partition").alias("order")]),
        ).with_columns(self._why().alias("why"))
        valid = pl.col("why").is_null() | (pl.col("why") == "heartbeat")
        seen = pl.when(pl.col("clocked")).then("at").otherwise(pl.min_horizontal("at", "arrival"))
        before = pl.col("partition").replace_strict(self._arrived, default=0, return_dtype=pl.Int64)
        arrived = pl.max_horizontal(pl.col("arrival").cum_max().over("partition"), before)
        frame = frame.with_columns(
            (pl.when(valid).then(_floor(seen - round(rules.lateness_seconds * 1000), pane))).alias("own"),
            _floor((arrived - round(rules.idle_close_seconds * 1000)).clip(0), pane).alias("floor"),
            arrived.alias("arrived"),
        )
        place = ["partition", "tenant"]
        frame = self._with_closed_before(frame).with_columns(
            pl.max_horizontal(pl.col("own").cum_max().over(place), "closed_before", pl.lit(0)).alias("own"),
            (pl.col("at") - pl.col("at") % pane).alias("start"),
        )
        return frame.with_columns(
            pl.when(pl.col("clocked")).then("own").otherwise(pl.max_horizontal("own", "floor")).alias("closed")
        )

    def _why(self) -> pl.Expr:
        kind, ahead = pl.col("type"), round(self.rules.future_limit_seconds * 1000)
        beat = kind == "heartbeat"
        return (
            pl.when(kind.is_null())
            .then(pl.lit("unreadable"))
            .when(pl.col("schema_version") > VERSION)
            .then(pl.lit("newer-version"))
            .when(~kind.is_in([*CONTACT_TYPES, "heartbeat"]))
            .then(pl.lit("unknown-type"))
            .when(pl.col("channel") == "")
            .then(pl.lit("missing-field"))
            .when(pl.col("channel") != self.channel)
            .then(pl.lit("wrong-channel"))
            .when(beat & (pl.col("tenant") == ""))
            .then(pl.lit("time"))
            .when((pl.col("tenant") == "") | (~beat & (pl.col("queue") == "")))
            .then(pl.lit("missing-field"))
            .when(pl.col("at") < 0)
            .then(pl.lit("absurd-time"))
            .when(pl.col("at") > pl.col("arrival") + ahead)
            .then(pl.lit("future"))
            .when(beat)
            .then(pl.lit("heartbeat"))
        )

    def _with_closed_before(self, frame: pl.DataFrame) -> pl.DataFrame:
        if not self._closed:
            return frame.with_columns(pl.lit(0, pl.Int64).alias("closed_before"))
        return frame.join(self._closed_frame("closed_before"), on=["partition", "tenant"], how="left")

    def _closed_frame(self, name: str) -> pl.DataFrame:
        rows = [(*place, closed) for place, closed in self._closed.items()]
        return pl.DataFrame(rows, schema={"partition": pl.Int32, "tenant": pl.String, name: pl.Int64}, orient="row")

    def _close(self, timed: pl.DataFrame) -> pl.DataFrame:
        """Remembers the time that the log has come to; until when panes are closed by it, for partition and tenant."""
        valid = timed.filter(pl.col("why").is_null() | (pl.col("why") == "heartbeat"))
        own = valid.group_by("partition", "tenant").agg(pl.col("own").max())
        self._closed |= {(partition, tenant): closed for partition, tenant, closed in own.iter_rows()}
        self._arrived |= dict(timed.group_by("partition").agg(pl.col("arrived").max()).iter_rows())
        idle, pane = round(self.rules.idle_close_seconds * 1000), self._pane
        floors = {partition: max(at - idle, 0) // pane * pane for partition, at in self._arrived.items()}
        floor = pl.col("partition").replace_strict(floors, default=0, return_dtype=pl.Int64)
        clocked = pl.col("tenant").is_in(sorted(self.rules.event_clock))
        own_or_floor = pl.when(clocked).then("closed_to").otherwise(pl.max_horizontal("closed_to", floor))
        return self._closed_frame("closed_to").with_columns(own_or_floor.alias("closed_to"))

    def _closing(self, panes: pl.DataFrame, timed: pl.DataFrame) -> pl.DataFrame:
        """`version` and `order` of each pane: of the record that closed it, by its tenant's time or by an arrival."""
        ends = panes.with_columns((pl.col("start") + self._pane).alias("end")).sort("end")
        first = [pl.col("offset").min(), pl.col("order").min()]
        valid = pl.col("why").is_null() | (pl.col("why") == "heartbeat")
        by_own = timed.filter(valid).group_by("partition", "tenant", "own").agg(first).sort("own")
        by_floor = timed.group_by("partition", "floor").agg(first).sort("floor")
        told = ends.join_asof(
            by_own,
            left_on="end",
            right_on="own",
            by=["partition", "tenant"],
            strategy="forward",
            check_sortedness=False,
        ).join_asof(
            by_floor,
            left_on="end",
            right_on="floor",
            by="partition",
            strategy="forward",
            suffix="_floor",
            check_sortedness=False,
        )
        clocked = pl.col("tenant").is_in(sorted(self.rules.event_clock))
        soonest = [
            pl.when(clocked).then(name).otherwise(pl.min_horizontal(name, f"{name}_floor")).alias(name)
            for name in ("offset", "order")
        ]
        ordered = told.with_columns(soonest).sort("order", "partition", "offset", "tenant", "start")
        return ordered.select(*PANE, (pl.col("offset") + 1).alias("version"), "order")

    # -- what is counted

    def _counted(self, timed: pl.DataFrame) -> pl.DataFrame:
        """Contacts whose pane is not closed; the others are noted."""
        late = pl.col("why").is_null() & (pl.col("start") < pl.col("closed"))
        judged = timed.with_columns(pl.when(late).then(pl.lit("late")).otherwise("why").alias("why"))
        reasons = judged["why"].drop_nulls().value_counts()
        self.noted.update({why: n for why, n in reasons.iter_rows() if why != "heartbeat"})
        return judged.filter(pl.col("why").is_null()).select(_COUNTED)

    def _joined(self, held: pl.DataFrame | None, new: pl.DataFrame) -> pl.DataFrame:
        return new if held is None else pl.concat([held, new])

    def _without_repeats(self, contacts: pl.DataFrame) -> pl.DataFrame:
        """Once each by id, the first in the order of the log; without an id, always."""
        ids = contacts["event_id"]
        if ids.n_unique() == len(ids):
            return contacts
        first = pl.struct(*PANE, "event_id").is_first_distinct() | (pl.col("event_id") == "")
        once = contacts.filter(first)
        if repeats := len(contacts) - len(once):
            self.noted["duplicate"] += repeats
        return once

    def _queues_bounded(self, contacts: pl.DataFrame) -> pl.DataFrame:
        """The smallest names of a pane's queues, the rest as OTHER."""
        return _bounded(contacts, PANE, "queue", self.rules.queues_a_pane_max)

    def _names(self, contacts: pl.DataFrame, word: str) -> pl.DataFrame:
        """How often each name was said of the arrivals of a queue."""
        arrivals = (pl.col("type") == "offered") & ~pl.col("transfer") & pl.col(word).is_not_null()
        said = contacts.filter(arrivals).select(*PANE, "queue", pl.col(word).alias("name"))
        said = _bounded(said, (*PANE, "queue"), "name", self.rules.names_a_map_max)
        return said.group_by(*PANE, "queue", "name").agg(pl.len().alias("n"))


def _floor(moment: pl.Expr, step: int) -> pl.Expr:
    return moment // step * step


def _of(panes: pl.DataFrame, closed_to: pl.DataFrame) -> pl.DataFrame:
    return panes.join(closed_to, on=["partition", "tenant"], how="left", maintain_order="left")


def _split(rows: pl.DataFrame, closed_to: pl.DataFrame, pane: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of panes that are closed, and the others, in their order."""
    told = _of(rows, closed_to)
    closed = pl.col("start") + pane <= pl.col("closed_to")
    return told.filter(closed).drop("closed_to"), told.filter(~closed).drop("closed_to")


def _bounded(rows: pl.DataFrame, by: tuple[str, ...], name: str, most: int) -> pl.DataFrame:
    """`rows` with the `most` smallest of the names `by` what they are of, in byte order; the rest is OTHER."""
    there = rows.select(*by, name).unique().filter(pl.col(name) != OTHER)
    if there.is_empty() or there.group_by(*by).len()["len"].max() <= most:  # type: ignore[operator]
        return rows
    lost = there.filter(pl.col(name).rank("dense").over(by) > most).with_columns(pl.lit(True).alias("@lost"))
    told = rows.join(lost, on=[*by, name], how="left", maintain_order="left")
    kept = pl.when(pl.col("@lost").is_null()).then(name).otherwise(pl.lit(OTHER)).alias(name)
    return told.with_columns(kept).drop("@lost")


def _counts(contacts: pl.DataFrame) -> pl.DataFrame:
    """The counts of `schemas.pane.QueueCounts` without its maps, as `detectors.tally` has them."""
    kind = pl.col("type")
    offered, arrived = kind == "offered", (kind == "offered") & ~pl.col("transfer")
    return contacts.group_by(*PANE, "queue").agg(
        arrived.sum().alias("offered"),
        (offered & pl.col("transfer")).sum().alias("offered_by_transfer"),
        *((kind == name).sum().alias(name) for name in CONTACT_TYPES if name != "offered"),
        (arrived & pl.col("vip")).sum().alias("vip"),
        *_times("wait"),
        *_times("handle"),
        (pl.col("sentiment") < 0).sum().alias("sentiment_negative"),
        pl.col("sentiment").count().alias("sentiment_n"),
    )


def _times(what: str) -> Iterator[pl.Expr]:
    seconds = pl.col(f"{what}_seconds")
    yield (seconds * 1000).round(0, mode="half_to_even").cast(pl.Int64).sum().alias(f"{what}_milliseconds")
    yield seconds.count().alias(f"{what}_n")
