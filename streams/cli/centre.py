"""`breakwater centre`: a tenant's model of its contact centre, checked, published and shown."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import msgspec
from rich.console import Console
from rich.text import Text

from schemas import topics
from schemas.centre import Centre
from schemas.errors import BadConfig
from streams import calendar_file, centre_file, centre_rules, clock, config, decide
from streams.calendar_file import Window
from streams.centre_diff import changes
from streams.cli._console import console
from streams.cli._decide import SOURCE, wait_option
from streams.cli._lines import describe
from streams.cli._options import config_option, json_option, write_json
from streams.config import Settings
from streams.publish import publish
from streams.targets import published

file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
calendar_option = click.option(
    "--calendar",
    "calendars",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Days of an iCalendar file too; the model's own go first. May be given again.",
)


@click.group(name="centre")
def command() -> None:
    """A tenant's model of its contact centre: queues, floors, routes, modes.

    It lies in a file (docs/centre.yaml explains every line) and is in force from the moment it is applied. Without one
    a tenant's outages are seen and told, but nothing is planned or moved.
    """


@command.command()
@file_argument
@calendar_option
@config_option
@json_option
def check(file: Path, calendars: tuple[Path, ...], config_path: Path | None, json_path: Path | None) -> None:
    """Tells every mistake in FILE at once, each with its place and the fix.

    Asks no broker and sends nothing.
    """
    settings = config.load(config_path)
    centre = with_days(checked(file), calendars)
    out = console()
    notes = _print_notes(out, centre, settings)
    parts = f"{len(centre.channels)} channels, {len(centre.queues)} queues, {len(centre.routes)} routes"
    out.print(f"Nothing is wrong in {file}: {centre.tenant}, mode {centre.mode}, {parts}.", soft_wrap=True)
    write_json(json_path, {"centre": msgspec.to_builtins(centre), "notes": notes})


@command.command()
@file_argument
@calendar_option
@click.option("--force", is_flag=True, help="Publish whatever version FILE names, as the next one.")
@wait_option
@config_option
@json_option
def apply(
    file: Path,
    calendars: tuple[Path, ...],
    force: bool,
    wait_seconds: float,
    config_path: Path | None,
    json_path: Path | None,
) -> None:
    """Checks FILE, publishes it as its tenant's model, and says what changed.

    A file that names no version gets the next one. One that names a version which is not above the published one is
    refused, as it is older than what is in force. A model that is in force already is left alone.
    """
    settings = config.load(config_path)
    centre = with_days(checked(file), calendars)
    before = published(settings).get(centre.tenant)
    found = changes(before, centre)
    out = console()
    notes = _print_notes(out, centre, settings)
    if before is not None and not found and not force:
        out.print(f"This is in force already, as version {before.version}. Nothing was sent.")
        write_json(json_path, {"published": False, "version": before.version, "changes": [], "notes": notes})
        return
    centre = numbered(centre, before, named="version" in config.read_yaml(file), force=force)
    for line in found:
        out.print(Text(line, style={"+": "green", "-": "red"}.get(line[0], "yellow")), soft_wrap=True)
    heard = _publish(settings, centre, wait_seconds)
    _print_model(out, centre)
    out.print("Published. The desk has it." if heard else _NOT_HEARD, soft_wrap=True)
    figures = {"published": True, "version": centre.version, "changes": found, "notes": notes, "heard": heard}
    write_json(json_path, figures)


_NOT_HEARD = "Published. No worker with role respond has read it yet: it is in force as soon as one does."


@command.command()
@click.argument("tenant", required=False)
@config_option
@json_option
def show(tenant: str | None, config_path: Path | None, json_path: Path | None) -> None:
    """Shows the models in force, or TENANT's as a file that `apply` takes."""
    settings = config.load(config_path)
    found = published(settings)
    if tenant is not None and tenant not in found:
        raise BadConfig([(tenant, f"has no model{centre_file.nearest(tenant, found)}")])
    out = console()
    if not found:
        out.print("No tenant has a model: `breakwater centre apply FILE` publishes one.")
    if tenant is not None:
        click.echo(f"# version {found[tenant].version} of {tenant}, as it is in force")
        click.echo(config.to_yaml(centre_file.tree_of(found[tenant])), nl=False)
    for centre in found.values() if tenant is None else ():
        _print_model(out, centre)
    shown = [centre for name, centre in found.items() if tenant in (None, name)]
    write_json(json_path, {"centres": [msgspec.to_builtins(centre) for centre in shown]})


@command.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--zone", default="UTC", show_default=True, help="The tenant's time zone (IANA name).")
@click.option("--day-type", default="holiday", show_default=True, help="What they are, where no category says it.")
def calendar(file: Path, zone: str, day_type: str) -> None:
    """Shows the days of the iCalendar FILE that lie ahead, as `calendar` lines of a centre's model.

    A year and a month from today on, with what recurs. What an event's category says (holiday, closed, monday) is its
    day type.
    """
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadConfig([("--zone", f"{zone!r} is no zone of the IANA list (Europe/Berlin)")]) from None
    found = calendar_file.read(file, days_ahead(), where, day_type)
    click.echo(config.to_yaml({"calendar": [centre_file.plain(entry) for entry in found]}), nl=False)


def days_ahead() -> Window:
    """From a week ago on, so that a model stays true over a border, for a year and a month."""
    today = clock.now().date()
    return Window(today - timedelta(days=7), today + timedelta(days=396))


def with_days(centre: Centre, calendars: tuple[Path, ...]) -> Centre:
    """The model with the days of iCalendar files; its own entries go first. Raises BadConfig."""
    days = centre.calendar
    for file in calendars:
        days = calendar_file.merged(days, calendar_file.read(file, days_ahead(), ZoneInfo(centre.time_zone)))
    return msgspec.structs.replace(centre, calendar=days)


def checked(file: Path) -> Centre:
    """The file's model. Raises BadConfig with every mistake."""
    centre, draft = centre_file.read(file)
    mistakes = centre_rules.mistakes(draft)
    if mistakes or centre is None:
        raise BadConfig(mistakes)
    return centre


def numbered(centre: Centre, before: Centre | None, *, named: bool, force: bool) -> Centre:
    """The model with the version to publish. Raises BadConfig where the file's own is not above the published one.

    The folds pass over a version below theirs, so that `force` counts on instead of back.
    """
    last = before.version if before else 0
    if named and not force and before is not None and centre.version <= last:
        fix = f"write {last + 1}, leave the line out, or give --force; `breakwater centre show {centre.tenant}` has it"
        raise BadConfig([("version", f"{centre.version} is not above the published {last}: {fix}")])
    version = max(centre.version, last + 1) if named else last + 1
    return msgspec.structs.replace(centre, version=version)


def _publish(settings: Settings, centre: Centre, wait_seconds: float) -> bool:
    """Whether a desk has it, too."""
    place = publish(
        settings,
        topics.CENTRE,
        centre,
        key=centre.tenant,
        id=f"{centre.tenant}.{centre.version}",
        source=SOURCE,
        time=clock.now(),
    )
    return decide.await_heard(settings, place, wait_seconds) is not None


def _print_notes(out: Console, centre: Centre, settings: Settings) -> list[str]:
    notes = centre_rules.notes(centre, settings)
    for note in notes:
        out.print(Text(f"note: {note}", style="yellow"), soft_wrap=True)
    return notes


def _print_model(out: Console, centre: Any) -> None:
    for line in describe(centre):
        out.print(line, soft_wrap=True)
