"""`breakwater doctor`: what is wrong with this deployment, and what to do about it."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.text import Text

from streams import config, doctor
from streams.cli._console import console
from streams.cli._options import config_option, json_option, write_json

SOMETHING_WRONG = 1
SIGNS = {"right": ("ok", "green"), "wrong": ("WRONG", "bold red"), "unknown": ("?", "yellow")}


@click.command("doctor")
@config_option
@click.option("--channel", default=None, help="Also send a test contact through this channel and await its count.")
@click.option("--page", is_flag=True, help="Also send every sink a test page, and resolve it.")
@json_option
def command(config_path: Path | None, channel: str | None, page: bool, json_path: Path | None) -> None:
    """Looks at broker, topics, rights, workers, lag, clocks and sinks, and says what to fix.

    Changes nothing by itself. Ends with 1 when something is wrong.
    """
    settings = config.load(config_path)
    out = console()
    found = []
    for finding in doctor.examine(settings, test_channel=channel, page=page):
        found.append(finding)
        sign, style = SIGNS[finding.state]
        out.print(Text.assemble((f"{sign:>6}  ", style), (f"{finding.what}: ", "bold"), finding.text))
        if finding.fix and finding.state == "wrong":
            out.print(Text.assemble(" " * 8, ("fix: ", "cyan"), finding.fix))
    wrong = sum(finding.state == "wrong" for finding in found)
    out.print()
    out.print(f"{len(found)} looked at, {wrong} wrong.")
    write_json(json_path, {"wrong": wrong, "findings": [finding._asdict() for finding in found]})
    if wrong:
        sys.exit(SOMETHING_WRONG)
