"""`breakwater incidents`: what is open, and what waits for somebody's yes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text

from streams import config, dossier
from streams.cli._console import console
from streams.cli._incident_lines import to_approve
from streams.cli._lines import SEVERITY
from streams.cli._options import config_option, json_option, write_json
from streams.dossier import Dossier

PHASES = ("open", "easing", "pending", "watching", "resolved")


@click.command(name="incidents")
@click.option("--tenant", help="Only of this tenant.")
@click.option("--all", "everything", is_flag=True, help="Those that are resolved, too.")
@config_option
@json_option
def command(tenant: str | None, everything: bool, config_path: Path | None, json_path: Path | None) -> None:
    """Lists the incidents that are not resolved, and the proposals that wait for approval.

    A `pending` one is not sure yet; a `watching` one is over and kept under watch, should it come back. Times are UTC.
    """
    settings = config.load(config_path)
    found = dossier.read(settings, dossier.SHORT, tenant)
    shown = [one for one in found.values() if everything or one.incident.phase != "resolved"]
    shown.sort(key=lambda one: (PHASES.index(one.incident.phase), -one.incident.opened_at.timestamp()))
    now = {name: dossier.now_of(settings, shown, name) for name in {one.incident.tenant for one in shown}}
    out = console()
    if not shown:
        out.print("There are no incidents." if everything or not found else "There are no open incidents.")
    else:
        out.print(table(shown, now))
    for one in shown:
        for line in to_approve(one, now[one.incident.tenant]):
            out.print(line, soft_wrap=True)
    write_json(json_path, {"incidents": [_figures(one, now[one.incident.tenant]) for one in shown]})


def table(shown: list[Dossier], now: Mapping[str, datetime]) -> Table:
    """A row an incident; those that need somebody come first."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("incident", "phase", "since", "severity", "likely cause", "reach", "taken on by", "to approve"):
        made.add_column(name, no_wrap=name in ("incident", "phase", "since"), overflow="fold")
    for one in shown:
        incident = one.incident
        quiet = incident.phase in ("pending", "watching", "resolved")
        waiting = dossier.waiting(one, now[incident.tenant])
        cells = (
            Text(incident.incident_id),
            Text(incident.phase),
            Text(f"{incident.onset:%m-%d %H:%M:%S}Z"),
            Text(incident.severity, "" if quiet else SEVERITY[incident.severity]),
            Text(f"{incident.cause.kind} ({incident.cause.sureness:.0%} sure)"),
            Text(f"{incident.scope.level}: {', '.join(incident.scope.channels)}"),
            Text(incident.acknowledged_by or "nobody"),
            Text(str(len(waiting) or "")),
        )
        made.add_row(*cells, style="dim" if quiet else None)
    return made


def _figures(one: Dossier, now: datetime) -> dict[str, Any]:
    waiting = [msgspec.to_builtins(proposal) for proposal in dossier.waiting(one, now)]
    figures: dict[str, Any] = msgspec.to_builtins(one.incident)
    return figures | {"proposals_waiting": waiting}
