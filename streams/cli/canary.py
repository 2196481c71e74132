"""`breakwater canary`: one test contact, sent and seen to be counted."""

from __future__ import annotations

from pathlib import Path

import click

from streams import canary, config
from streams.cli._console import console
from streams.cli._options import config_option, json_option, write_json


@click.command("canary")
@config_option
@click.option("--channel", default="voice", show_default=True, help="The channel it goes through.")
@click.option("--wait", "wait_seconds", type=float, default=30.0, show_default=True, help="Seconds to wait for it.")
@json_option
def command(config_path: Path | None, channel: str, wait_seconds: float, json_path: Path | None) -> None:
    """Sends one contact of the tenant `canary` and waits until it is counted.

    Nothing is learned from it and nobody is told. Ends with 3 when it was not counted in time.
    """
    settings = config.load(config_path)
    found = canary.send_and_await(settings, channel, wait_seconds)
    place = f"{found.pane.topic}/{found.pane.partition}/{found.pane.offset}"
    console().print(f"Counted after {found.seconds:.1f} s: {place}.")
    write_json(json_path, {"seconds": found.seconds, "sent": found.sent._asdict(), "pane": found.pane._asdict()})
