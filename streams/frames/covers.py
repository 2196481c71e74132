"""What the heartbeats in a stretch of a log say of each pane: `detectors.cover`, for many panes at once."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from detectors.cover import Cover, queues_of
from detectors.panes import PaneRules

PANE = ("partition", "tenant", "start")  # start: milliseconds
_BEATS = (*PANE, "source", "at", "last", "spoken")
_COVER = (*PANE, "source")
COVERS = {
    "partition": pl.Int32(),
    "tenant": pl.String(),
    "start": pl.Int64(),
    "source": pl.String(),
    "delivered_to": pl.Int64(),  # milliseconds
    "covers": pl.Boolean(),
    "last": pl.Boolean(),
    "spoken": pl.Int64(),  # for which queues: index in CoverCounter.spoken
}


class CoverCounter:
    """Heartbeats by pane and source. `spoken`: the lists of queues that sources speak for."""

    def __init__(self, rules: PaneRules) -> None:
        self.spoken: list[tuple[str, ...]] = []
        self._numbers: dict[tuple[str, ...], int] = {}
        self._pane = rules.pane_seconds * 1000
        self._unknown = round(rules.unknown_after_seconds * 1000)
        self._names_max = rules.names_a_map_max

    def heard(self, beats: pl.DataFrame) -> pl.DataFrame:
        """A row for each pane that a heartbeat touches and that is not `closed` when it comes, in the log's order."""
        since = (pl.col("at") - self._unknown) // self._pane * self._pane
        touched = pl.int_ranges(pl.max_horizontal(since, "closed"), pl.col("at") + 1, self._pane)
        numbers = [self._number(names) for names in beats["queues"].to_list()]
        told = beats.with_columns(pl.Series("spoken", numbers, pl.Int64), touched.alias("start"))
        return told.select(_BEATS).explode("start").drop_nulls("start")

    def covers(self, beats: pl.DataFrame) -> pl.DataFrame:
        """COVERS: one row for each pane and source, at most the smallest names of a pane's sources."""
        kept = _smallest(beats, self._names_max)
        odd = kept.group_by(_COVER).agg(pl.col("last").any() | (pl.col("spoken").n_unique() > 1))
        odd = odd.filter("last").select(_COVER)
        plain = kept.join(odd, on=_COVER, how="anti", maintain_order="left") if len(odd) else kept
        found = self._joined(plain)
        if odd.is_empty():
            return found
        by_one = kept.join(odd, on=_COVER, how="semi", maintain_order="left")
        return pl.concat([found, pl.DataFrame(list(self._one_by_one(by_one)), schema=COVERS, orient="row")])

    def _number(self, names: list[str] | None) -> int:
        queues = queues_of(names, self._names_max)
        number = self._numbers.setdefault(queues, len(self.spoken))
        if number == len(self.spoken):
            self.spoken.append(queues)
        return number

    def _joined(self, beats: pl.DataFrame) -> pl.DataFrame:
        """Of sources that signed nothing off: what one heartbeat covers and the next does is covered wholly, if they
        leave no gap."""
        end = pl.col("start") + self._pane
        low = pl.max_horizontal(pl.col("at") - self._unknown, "start").alias("low")
        spans = beats.sort(*_COVER, "at").with_columns(low, pl.min_horizontal("at", end).alias("high"))
        before = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in _COVER)
        gap = (before & (pl.col("low") > pl.col("high").shift(1))).fill_null(False)
        told = (
            spans.with_columns(gap.alias("gap"))
            .group_by(_COVER)
            .agg(
                pl.col("high").max().alias("delivered_to"),
                pl.col("low").min(),
                pl.col("gap").any(),
                pl.col("spoken").first(),
            )
        )
        whole = ~pl.col("gap") & (pl.col("low") <= pl.col("start")) & (pl.col("delivered_to") >= end)
        columns = {"covers": whole, "last": pl.lit(False)}
        return told.with_columns(expr.alias(name) for name, expr in columns.items()).select(list(COVERS))

    def _one_by_one(self, beats: pl.DataFrame) -> Iterator[tuple[object, ...]]:
        found: dict[tuple[int, str, int, str], Cover] = {}
        for partition, tenant, start, source, at, last, spoken in beats.select(_BEATS).iter_rows():
            place = (partition, tenant, start, source)
            cover = found.get(place) or found.setdefault(place, Cover(start, start + self._pane))
            cover.add(at, at - self._unknown, last, self.spoken[spoken])
        for place, cover in found.items():
            yield (*place, cover.delivered_to, cover.whole(), cover.last, self._number(list(cover.queues)))


def _smallest(beats: pl.DataFrame, most: int) -> pl.DataFrame:
    """Only the heartbeats of the `most` smallest names of a pane's sources, in byte order."""
    sources = beats.select(_COVER).unique()
    if sources.is_empty() or max(sources.group_by(PANE).len()["len"]) <= most:
        return beats
    kept = sources.filter(pl.col("source").rank("dense").over(PANE) <= most)
    return beats.join(kept, on=_COVER, how="semi", maintain_order="left")
