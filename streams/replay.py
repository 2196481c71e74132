"""Replays from a notebook: polars frames in, polars frames out, through the folds of the live worker.

    from streams import config, replay

    settings = config.load(Path("settings.yaml"))
    panes = replay.panes(polars.read_parquet("contacts.parquet"), settings)
    told = replay.retold(panes, settings, centre)
    told.incidents.select("opened_at", "cause", "title")

The columns of every frame are in `streams.tables` and `streams.frames.contacts`, with what they mean. Frames are held
in memory; `breakwater replay` is for what is greater.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from response.impact import Row
from schemas import codec, topics
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.fold import Output
from schemas.pane import QueuePane
from schemas.signal import Load, Signal
from streams import feed, history, learned, mapping, replay_sources, tables
from streams.config import Settings
from streams.frames import contacts as contact_frames
from streams.frames import files
from streams.refolding import Refolding, Replay, States, place_of, refold
from streams.report import style
from streams.report.plot import Mark, alone, draw
from streams.retold import SIGNALS

__all__ = [
    "Refolding",
    "Replay",
    "Retold",
    "States",
    "contacts",
    "expected",
    "incidents",
    "known",
    "panes",
    "place_of",
    "plot",
    "refold",
    "retold",
    "signals",
]


class Retold(NamedTuple):
    """What the folds say, every revision of it, in order: the columns are those of the same name in
    `streams.tables`."""

    signals: pl.DataFrame  # SIGNALS
    incidents: pl.DataFrame  # INCIDENTS
    staffing_alerts: pl.DataFrame  # ALERTS
    load_shift_commands: pl.DataFrame  # COMMANDS
    expected: pl.DataFrame  # EXPECTED


def contacts(path: Path, mapping_path: Path, settings: Settings, window: feed.Window = (None, None)) -> pl.DataFrame:
    """`streams.frames.contacts.CONTACTS` of an export, by its mapping (docs/feeding.md), sorted by time; `window` is
    (from, before), either may be None. Rows that cannot be read are left out. Raises BadConfig."""
    with feed.read(path, mapping.load(mapping_path), settings, window) as (events, _):
        parts = [contact_frames.checked(part) for _, part in events.slices()]
    return pl.concat(parts) if parts else pl.DataFrame(schema=dict(contact_frames.CONTACTS))


def panes(contacts: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """The final panes (`streams.tables.PANES`) of contacts (`streams.frames.contacts.CONTACTS`, of which only `NEEDED`
    must be there), counted as the ingest counts those of a tenant whose time is that of its events.

    Rows need no order; heartbeats are left out, as the play has its own. Nothing is said of the time before the first
    contact and after the last. Raises BadConfig for other columns, and where no contact can be counted.
    """
    with files.held(contacts, settings) as (events, report):
        if events.first is None:
            refused = ", ".join(f"{why} {one.count:,}" for why, one in sorted(report.refused.items()))
            raise BadConfig([("contacts", f"hold none that can be counted ({refused or 'there are no rows'})")])
        records = replay_sources.known(history.of_sorted(events, settings, events.lanes), events)
        return tables.of_panes(record for record in records if isinstance(record, QueuePane))


def known(panes: pl.DataFrame, settings: Settings, centre: Centre | None = None) -> States:
    """What detection knows after the weeks in `panes` of one tenant: for `retold` of later ones. Raises BadConfig
    where there is less than a day, or more than one tenant."""
    records = _records(panes)
    (tenant, *more) = sorted({pane.tenant for pane in records})
    if more:
        raise BadConfig([("panes", f"are of {tenant} and {', '.join(more)}: learn one tenant at a time")])
    model = centre or Centre(tenant=tenant)
    found = learned.bootstrap(settings, model, history.in_order(records))
    return {learned.source_of(tenant): found.entries}


def retold(
    panes: pl.DataFrame, settings: Settings, centre: Centre | None = None, known: States | None = None
) -> Retold:
    """All that both folds say of final panes (`streams.tables.PANES`), beginning with nothing or with what is `known`.

    `centre` is the model of its tenant; the others have a bare one, in mode `approve`, in UTC. Raises BadConfig.
    """
    said: dict[str, list[tuple[Any, bytes]]] = defaultdict(list)
    loads: list[Load] = []

    def tell(_partition: int, output: Output) -> None:
        value = output.value
        if isinstance(value, DeskEntry):
            if isinstance(value.body, Signal):
                said[SIGNALS].append((value.body, codec.encode(value)))
            elif isinstance(value.body, Load):
                loads.append(value.body)
        elif output.topic.name in tables.SAID:
            said[output.topic.name].append((value, codec.encode(value)))

    _tell_all(Replay(settings, tell, known), _records(panes), centre)
    rows = [row for load in loads for row in tables.expected(load)]
    return Retold(
        signals=tables.of_said(SIGNALS, said[SIGNALS]),
        incidents=tables.of_said(topics.INCIDENTS.name, said[topics.INCIDENTS.name]),
        staffing_alerts=tables.of_said(topics.STAFFING_ALERTS.name, said[topics.STAFFING_ALERTS.name]),
        load_shift_commands=tables.of_said(topics.LOAD_SHIFT_COMMANDS.name, said[topics.LOAD_SHIFT_COMMANDS.name]),
        expected=tables.frame_of(rows, tables.EXPECTED),
    )


def signals(
    panes: pl.DataFrame, settings: Settings, centre: Centre | None = None, known: States | None = None
) -> pl.DataFrame:
    """`streams.tables.SIGNALS` of final panes; see `retold`."""
    return retold(panes, settings, centre, known).signals


def incidents(
    panes: pl.DataFrame, settings: Settings, centre: Centre | None = None, known: States | None = None
) -> pl.DataFrame:
    """`streams.tables.INCIDENTS` of final panes; see `retold`."""
    return retold(panes, settings, centre, known).incidents


def expected(
    panes: pl.DataFrame, settings: Settings, centre: Centre | None = None, known: States | None = None
) -> pl.DataFrame:
    """`streams.tables.EXPECTED` of final panes, for plots: what came and what was usual, with its band; see `retold`.
    A queue in a stretch in which nothing came, nor hardly anything was expected, has no row."""
    return retold(panes, settings, centre, known).expected


def plot(
    expected: pl.DataFrame,
    channel: str,
    queue: str | None = None,
    marks: Iterable[tuple[datetime, str]] = (),
    zone: tzinfo = UTC,
) -> str:
    """An SVG of what came to a channel (or a queue of it) a minute, over what was usual: rows of one tenant's
    `streams.tables.EXPECTED`, with moments to be marked. Raises BadConfig where there is no such row."""
    mine = tables.checked(expected, tables.EXPECTED, "expected").filter(
        (pl.col("channel") == channel) & pl.col("queue").eq_missing(pl.lit(queue, pl.String))
    )
    name = channel if queue is None else f"{channel}/{queue}"
    if mine.is_empty():
        there = ", ".join(expected["channel"].unique().sort())
        raise BadConfig([("expected", f"has no row of {name}; there is {there or 'none'}")])
    rows = [Row(row["at"], row["seconds"], tables.load_of(row)) for row in mine.sort("at").iter_rows(named=True)]
    return alone(draw(name, rows, (), [Mark(*mark) for mark in marks], zone), style.ALONE)


def _records(panes: pl.DataFrame) -> list[QueuePane]:
    records = list(tables.panes_of(panes))
    if not records:
        raise BadConfig([("panes", "hold no row")])
    return records


def _tell_all(replay: Replay, records: list[QueuePane], centre: Centre | None) -> None:
    offsets: Counter[int] = Counter()
    places = {tenant: learned.source_of(tenant).partition for tenant in sorted({pane.tenant for pane in records})}
    if centre is not None and centre.tenant not in places:
        raise BadConfig([("centre", f"is of {centre.tenant}, the panes are of {', '.join(places)}")])
    for tenant, place in places.items():
        model = centre if centre and centre.tenant == tenant else Centre(tenant=tenant)
        replay_sources.tell(replay, model, place, offsets)
    ends = replay_sources.all_was_read(max(pane.pane_start for pane in records))
    for record in chain(history.in_order(records), ends):
        for place in [places[record.tenant]] if isinstance(record, QueuePane) else sorted(set(places.values())):
            replay_sources.tell(replay, record, place, offsets)
