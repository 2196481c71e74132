"""`breakwater learn`: usual weeks from history, before the first live minute."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from detectors.known import KnownSeries
from schemas import codec
from schemas.centre import Centre
from schemas.errors import BadConfig
from streams import config, feed, history, learned, mapping, targets
from streams.cli._console import console, counter
from streams.cli._options import config_option, json_option, write_json
from streams.config import Settings
from streams.learned import Learned
from streams.state import NOTHING

TOPIC = "topic"
DAYS_GOOD = 14
ROWS_SHOWN = 12
THIN_SHARE = 0.5  # of the week's half hours: below it a series is judged for less than half of the week


@click.command()
@click.option(
    "--from",
    "origin",
    required=True,
    metavar="PATH|topic",
    help="An export (CSV, Parquet, a folder), or the panes on the bus.",
)
@click.option(
    "--map",
    "map_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="What the columns of an export mean (docs/feeding.md).",
)
@click.option("--tenant", required=True, help="Whose weeks these are.")
@click.option("--since", help="Only what happened at or after it (ISO 8601).")
@click.option("--before", help="Only what happened before it.")
@click.option("--force", is_flag=True, help="Forget what was learned of the tenant before.")
@click.option(
    "--dry-run", is_flag=True, help="Say what would be learned; write nothing. An export then needs no broker."
)
@config_option
@json_option
def command(
    origin: str,
    map_path: Path | None,
    tenant: str,
    since: str | None,
    before: str | None,
    force: bool,
    dry_run: bool,
    config_path: Path | None,
    json_path: Path | None,
) -> None:
    """Learns a tenant's usual weeks from its history, so that detection need not begin with nothing.

    The same fold as live reads it; its seasons become the state that workers with role detect start from. They must be
    stopped meanwhile. What happened in the history is not told again.
    """
    settings = config.load(config_path)
    if not dry_run:
        learned.refuse_running(settings)
    window = _moment("--since", since, "UTC"), _moment("--before", before, "UTC")
    read_to = NOTHING
    with counter() as step:
        if origin == TOPIC:
            centre = _model(settings, tenant, None)
            of_topic = history.of_topic(settings, tenant, *window)
            read_to = of_topic.offset
            found = learned.bootstrap(settings, centre, of_topic.records)
        else:
            meaning = mapping.load(_needed(map_path))
            centre = (
                Centre(tenant=tenant, time_zone=meaning.time_zone) if dry_run else _model(settings, tenant, meaning)
            )
            window = _moment("--since", since, meaning.time_zone), _moment("--before", before, meaning.time_zone)
            with feed.read(_existing(origin), meaning, settings, window, lambda r: step("rows", r.read)) as (events, _):
                records = history.of_export(events, settings, tenant, lambda n: step("events", n))
                found = learned.bootstrap(settings, centre, records)
    if not dry_run:
        asyncio.run(learned.add(settings, tenant, found.entries, force=force, read_to=read_to))
    _tell(console(), tenant, found, dry_run)
    write_json(json_path, figures(tenant, found))


def figures(tenant: str, found: Learned) -> dict[str, Any]:
    rows = {channel: [row._asdict() | {"thin": thin(row)} for row in series] for channel, series in found.known.items()}
    return {
        "tenant": tenant,
        "from": codec.rfc3339(found.first),
        "to": codec.rfc3339(found.last),
        "panes": found.panes,
        "series": rows,
    }


def thin(row: KnownSeries) -> bool:
    """Whether too little is known of a series: it stays quiet in more than half of the week."""
    return row.share < THIN_SHARE


def _tell(out: Console, tenant: str, found: Learned, dry_run: bool) -> None:
    days = (found.last - found.first).total_seconds() / 86_400
    out.print(
        f"{tenant}: {days:,.1f} days, {found.panes:,} panes, from {found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}"
    )
    table = Table("series", "contacts", "weeks", "of the week known", box=None)
    hidden = 0
    for channel, series in found.known.items():
        rows = sorted(series, key=lambda row: (row.queue != "", -row.contacts))
        hidden += max(len(rows) - ROWS_SHOWN, 0)
        for row in rows[:ROWS_SHOWN]:
            name = f"{channel}/{row.queue}" if row.queue else channel
            said = f"{row.share:.0%}" + (" too thin: quiet until more is known" if thin(row) else "")
            table.add_row(name, f"{row.contacts:,.0f}", f"{row.weeks:.1f}", said)
    out.print(table)
    if hidden:
        out.print(f"and {hidden:,} more; --json has them all")
    if days < DAYS_GOOD:
        out.print("Less than two weeks: each day of the week was seen once at most. More helps.", style="yellow")
    out.print("Nothing was written." if dry_run else "Workers with role detect start from this.")


def _model(settings: Settings, tenant: str, meaning: mapping.Mapping | None) -> Centre:
    """The published model; without one, a bare one in the export's time zone."""
    centre = targets.published(settings).get(tenant)
    return centre or Centre(tenant=tenant, time_zone=meaning.time_zone if meaning else "UTC")


def _needed(path: Path | None) -> Path:
    if path is None:
        raise BadConfig([("--map", "is needed to read an export: docs/feeding.md says how to write one")])
    return path


def _existing(text: str) -> Path:
    path = Path(text)
    if not path.exists():
        raise BadConfig([("--from", f"{text} does not exist: a file, a folder, or the word topic")])
    return path


def _moment(option: str, text: str | None, zone: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no ISO 8601 time, such as 2026-01-20", param_hint=option) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).astimezone(UTC)
