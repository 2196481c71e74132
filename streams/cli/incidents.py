"""`breakwater incidents`: what is open, and what waits for somebody's yes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.table import Table
from rich.text import Text

from schemas.incident import Incident
from schemas.status import DeskStatus
from streams import config, dossier, statuses
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
    said = statuses.read(settings, tenant)
    for line in stopped(said.values()):
        out.print(line, soft_wrap=True)
    if not shown:
        out.print("There are no incidents." if everything or not found else "There are no open incidents.")
    else:
        out.print(table(shown, now))
    for one in shown:
        for line in to_approve(one, now[one.incident.tenant]):
            out.print(line, soft_wrap=True)
    for line in spent(said.values()):
        out.print(line, soft_wrap=True)
    figures = [_figures(one, now[one.incident.tenant]) for one in shown]
    desks = {name: msgspec.to_builtins(status) for name, status in said.items()}
    write_json(json_path, {"incidents": figures, "desks": desks})


def stopped(desks: Iterable[DeskStatus]) -> Iterator[Text]:
    """What was stopped by hand and not let go on again, with the line that does."""
    for desk in desks:
        for stop in desk.stops:
            head = (f"STOPPED by {stop.by} since {stop.at:%m-%d %H:%M:%S}Z: ", "bold red")
            yield Text.assemble(head, f"{stop.text} of {desk.tenant}" if stop.reach != "tenant" else stop.text)
            yield Text(f"  breakwater unkill {stop.target} --tenant {desk.tenant}", "cyan")


def spent(desks: Iterable[DeskStatus]) -> Iterator[Text]:
    """What of each tenant's budget of false alarms is spent."""
    for desk in desks:
        if (budget := desk.budget) is None:
            continue
        over = budget.spent > budget.stated
        rate = f", {budget.projected:g} at this rate" if budget.projected is not None else ""
        text = f"{desk.tenant}: {budget.spent} of {budget.stated:g} false alarms in 30 days{rate}"
        yield Text(text, "red" if over else "dim")


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
            Text(f"{incident.incident_id} DRILL" if incident.drill else incident.incident_id),
            Text(incident.phase),
            Text(f"{incident.onset:%m-%d %H:%M:%S}Z"),
            Text(incident.severity, "" if quiet else SEVERITY[incident.severity]),
            Text(f"{incident.cause.kind} ({incident.cause.sureness:.0%} sure)"),
            Text(f"{incident.scope.level}: {', '.join(incident.scope.channels)}"),
            Text(_taken_on(incident)),
            Text(str(len(waiting) or "")),
        )
        made.add_row(*cells, style="dim" if quiet else None)
    return made


def _taken_on(incident: Incident) -> str:
    if incident.acknowledged_by:
        return incident.acknowledged_by
    asked = incident.escalation
    if asked is None or incident.phase not in ("open", "easing"):
        return "nobody"
    following = f", {asked.next_rota} at {asked.next_at:%H:%M:%S}Z" if asked.next_at else ""
    return f"nobody; asked: {', '.join(asked.who) or asked.rota}{following}"


def _figures(one: Dossier, now: datetime) -> dict[str, Any]:
    waiting = [msgspec.to_builtins(proposal) for proposal in dossier.waiting(one, now)]
    figures: dict[str, Any] = msgspec.to_builtins(one.incident)
    return figures | {"proposals_waiting": waiting}
