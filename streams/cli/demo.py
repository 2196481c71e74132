"""`breakwater demo`: a telephony outage from the first silent call to the command, on this machine, in a minute."""

from __future__ import annotations

import logging
import signal
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from drills import retailer
from streams import demo, telemetry
from streams.cli._options import json_option, write_json
from streams.story import Line, Story

TONES = {
    "broke": "bold red",
    "seen": "yellow",
    "incident": "bold red",
    "people": "cyan",
    "command": "green",
    "calm": "dim",
}
ZONE = ZoneInfo(retailer.TIME_ZONE)


@click.command()
@click.option("--once", is_flag=True, help="End after the play; exit 1 when a timed row misses its limit.")
@click.option(
    "--speed", type=click.FloatRange(1, 100_000), default=demo.SPEED, show_default=True, help="Event time a second."
)
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Of the status page; 0 takes a free one.")
@click.option("--brokers", help="HOST:PORT of a Kafka to use instead of the embedded broker.")
@json_option
def command(once: bool, speed: float, port: int, brokers: str | None, json_path: Path | None) -> None:
    """Play a retailer's peak-season Tuesday with a 47-minute telephony outage, and watch it being understood.

    Needs nothing but this machine: the broker runs inside, in memory. Two ordinary weeks are learned first; then the
    day is played faster than life. The status page stays up until Ctrl-C.
    """
    console = Console(highlight=False)
    telemetry.configure_logging("console", logging.ERROR)  # the story says what else would be logged
    signal.signal(signal.SIGTERM, _interrupt)
    with demo.Demo(
        lambda text: console.print(Text(text, style="dim"), soft_wrap=True),
        lambda line: console.print(_line(line), soft_wrap=True),
        brokers=brokers,
        port=port,
        speed=speed,
    ) as running:
        try:
            outcome = running.run()
            console.print(_table(outcome.story))
            _summary(console, outcome)
            write_json(json_path, outcome.figures())
            problems = outcome.story.problems()
            for problem in problems:
                console.print(Text(f"missed: {problem}", style="bold red"))
            if not once:
                console.print(f"\nstatus page: {running.url} · Ctrl-C ends the demo")
                running.stay()
        except KeyboardInterrupt:
            console.print("\nending the worker and the broker …")
            return
    raise SystemExit(1 if problems else 0)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _line(line: Line) -> Text:
    return Text.assemble((f"{_clock(line.at)}  ", "dim"), (line.text, TONES[line.tone]))


def _clock(moment: datetime | None) -> str:
    return moment.astimezone(ZONE).strftime("%H:%M:%S") if moment else "-"


def _table(story: Story) -> Table:
    table = Table(title="What broke when, when it was seen, when a command was on the bus", title_justify="left")
    for name in ("what", "broke at", "detected at", "delay", "limit", "command at"):
        table.add_column(name, justify="right" if name in ("delay", "limit") else "left")
    for told in story.table():
        delay = "-" if told.delay_seconds is None else f"{told.delay_seconds:.0f} s"
        limit = "shown" if told.row.limit_seconds is None else f"{told.row.limit_seconds:.0f} s"
        style = "" if told.held else "bold red"
        table.add_row(
            told.row.what,
            _clock(told.broke_at),
            _clock(told.detected_at),
            delay,
            limit,
            _clock(told.command_at),
            style=style,
        )
    return table


def _summary(console: Console, outcome: demo.Outcome) -> None:
    story = outcome.story
    for incident in story.whole_incidents():
        channels = ", ".join(incident.scope.channels)
        console.print(
            f"incident {incident.incident_id}: {incident.title} · cause {incident.cause.kind} "
            f"({incident.cause.sureness:.0%}) · {channels} · {len(incident.symptoms)} signals · {incident.phase}",
            soft_wrap=True,
        )
    console.print(
        f"{len(story.alerts)} staffing alerts · {len(story.commands)} load-shift commands · "
        f"{len(story.proposals)} proposals · {story.dead_letters} dead letters · "
        f"{outcome.contacts:,} contacts, {outcome.events:,} events · {outcome.wall_seconds:.0f} s",
        soft_wrap=True,
    )
