"""`breakwater feed`: plays an export of contacts onto the bus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from schemas import codec
from streams import config, feed, mapping, player
from streams.cli._options import config_option, json_option, write_json

_SHOWN = 20


class _Speed(click.ParamType):
    name = "N|max"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if value == "max":
            return None
        try:
            speed = float(value)
        except ValueError:
            speed = 0.0
        if speed <= 0:
            self.fail(f"{value!r} is no speed: give seconds of event time a second, such as 60, or max", param, ctx)
        return speed


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--map",
    "map_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="YAML file that says what the columns mean.",
)
@click.option("--speed", type=_Speed(), default="max", show_default=True, help="Event time a second of wall clock.")
@click.option("--from", "since", help="Only events at or after it (ISO 8601; without offset in the mapping's zone).")
@click.option("--to", "before", help="Only events before it.")
@click.option("--source", default="feed-0", show_default=True, help="Who the heartbeats say they are.")
@click.option("--dry-run", is_flag=True, help="Show the first events and what would be refused; send nothing.")
@config_option
@json_option
def command(
    file: Path,
    map_path: Path,
    speed: float | None,
    since: str | None,
    before: str | None,
    source: str,
    dry_run: bool,
    config_path: Path | None,
    json_path: Path | None,
) -> None:
    """Play the contacts of FILE (CSV or Parquet; gzip, xz, zst) onto the bus.

    Times are the events' own: the tenant must be declared with `clock: event` in the settings, so that any speed gives
    the same panes. docs/feeding.md has a worked example.
    """
    settings = config.load(config_path)
    meaning = mapping.load(map_path)
    window = (_moment("--from", since, meaning), _moment("--to", before, meaning))
    console = Console(stderr=True)
    with (
        _bar(console, "reading", None) as step,
        feed.read(file, meaning, settings, window, lambda r: step(r.read)) as (
            events,
            report,
        ),
    ):
        figures: dict[str, Any] = {"read": report.read, "sent": 0, "refused": _counts(report), "events_per_second": 0.0}
        if dry_run:
            _show(events, source)
        else:
            with _bar(console, "sending", events.count) as sent:
                played = feed.feed(events, settings, source, player.Pace(speed), lambda p: sent(p.events))
            figures |= _figures(played)
    figures |= {"left_out": report.left_out, "outside_window": report.outside}
    _report(console, report, figures)
    write_json(json_path, figures)


def _moment(option: str, text: str | None, meaning: mapping.Mapping) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no ISO 8601 time, such as 2015-01-20T07:00", param_hint=option) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(meaning.time_zone))


@contextmanager
def _bar(console: Console, what: str, total: int | None) -> Iterator[Any]:
    """A progress bar where there is a terminal; yields the function that moves it to a count."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} · {task.speed:,.0f}/s" if total else "{task.completed:,.0f} rows"),
        TimeRemainingColumn(),
    )
    if not console.is_terminal:
        yield lambda _: None
        return
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.update(task, completed=count)


def _counts(report: feed.Report) -> dict[str, int]:
    return {reason: entry.count for reason, entry in sorted(report.refused.items())}


def _figures(played: player.Played) -> dict[str, Any]:
    return {
        "sent": played.events,
        "contacts": played.contacts,
        "heartbeats": played.heartbeats,
        "events_per_second": round(played.events / played.seconds, 1) if played.seconds else 0.0,
        "wall_seconds": round(played.seconds, 3),
        "first_event_at": codec.rfc3339(played.first) if played.first else None,
        "last_event_at": codec.rfc3339(played.last) if played.last else None,
    }


def _show(events: feed.SortedEvents, source: str) -> None:
    for event in islice(feed.contacts(events, source), _SHOWN):
        click.echo(codec.encode(event))
    click.echo(f"{events.count:,} events in all; nothing was sent", err=True)


def _report(console: Console, report: feed.Report, figures: dict[str, Any]) -> None:
    click.echo(
        f"read {report.read:,} rows · left out {report.left_out:,} · outside the window {report.outside:,} events · "
        f"sent {figures['sent']:,} events · {figures['events_per_second']:,.0f} events/s"
    )
    if not report.refused:
        return
    table = Table(title="refused", title_justify="left")
    for name in ("reason", "count", "examples (row: text)"):
        table.add_column(name, justify="right" if name == "count" else "left", overflow="fold")
    for reason, entry in sorted(report.refused.items(), key=lambda item: -item[1].count):
        table.add_row(reason, f"{entry.count:,}", "\n".join(f"{row}: {text}" for row, text in entry.examples))
    console.print(table)
