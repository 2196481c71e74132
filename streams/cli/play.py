"""`breakwater play`: the demo's weeks and its outage as traffic for a deployment that is already running."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from drills import retailer
from schemas import topics
from streams import broker, config, demo, player
from streams.cli._options import config_option

PARTITIONS = 1
TOLD_EVERY = timedelta(minutes=15)


@click.command()
@config_option
@click.option(
    "--speed", type=click.FloatRange(1, 100_000), default=60.0, show_default=True, help="Event time a second."
)
def command(config_path: Path | None, speed: float) -> None:
    """Play the retailer's Tuesday of `demo` onto the bus of a running deployment.

    Two ordinary weeks go to the worker as pane records, then the day follows, at --speed. The settings must give the
    tenant `demo` the event clock, and each of its channels one partition.
    """
    settings = config.load(config_path)
    player.check_event_clock(settings, [retailer.TENANT])
    channels = {plan.at.channel for plan in retailer.QUEUES}
    config.require(
        (f"channels.{name}.partitions", f"must be {PARTITIONS} for the weeks that are learned as panes")
        for name in sorted(channels)
        if name not in settings.channels or settings.channels[name].partitions != PARTITIONS
    )
    broker.refuse_without_topics(settings)
    day = demo.tuesday()
    demo.publish(settings, topics.CENTRE, [retailer.centre()])
    demo.publish(settings, topics.QUEUE_PANES, demo.ordinary_weeks(day))
    click.echo(f"two ordinary weeks are on the bus; {day.start:%A %H:%M} UTC begins, {speed:g} times as fast as life")
    lanes = [player.lane(retailer.TENANT, name, settings.channels[name]) for name in sorted(channels)]
    records = player.sendings(demo.happenings_of(day), lanes, demo.SOURCE, day.start, day.end)
    played = player.Player(settings, player.Pace(speed)).play(records, Clock().tell)
    click.echo(f"played {played.contacts:,} contacts, {played.events:,} events")


class Clock:
    """Says where the play is, every quarter of an hour of event time."""

    def __init__(self) -> None:
        self._told: datetime | None = None

    def tell(self, played: player.Played) -> None:
        if played.last is None or (self._told is not None and played.last - self._told < TOLD_EVERY):
            return
        self._told = played.last
        click.echo(f"{played.last:%H:%M} UTC: {played.contacts:,} contacts")
