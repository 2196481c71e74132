"""`breakwater incident`: all about one of them, for the person who has to decide."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from schemas.errors import BadConfig
from streams import config, dossier, targets
from streams.cli._console import console
from streams.cli._incident_lines import page
from streams.cli._options import config_option, json_option, write_json
from streams.dossier import Dossier


@click.command(name="incident")
@click.argument("incident_id", metavar="ID")
@click.option("--tenant", help="Only look there.")
@config_option
@json_option
def command(incident_id: str, tenant: str | None, config_path: Path | None, json_path: Path | None) -> None:
    """Shows one incident: what happened when and why, what is short, what runs, what waits for a yes.

    Commands to type stand under what they concern. Times are UTC.
    """
    settings = config.load(config_path)
    found = dossier.read(settings, dossier.WHOLE, tenant, incident_id)
    if incident_id not in found:
        where = f" of {tenant}" if tenant else ""
        raise BadConfig([(incident_id, f"is no incident{where} on the bus: {targets.FIX}")])
    one: Dossier = found[incident_id]
    now = dossier.now_of(settings, [one], one.incident.tenant)
    out = console()
    for line in page(one, now):
        out.print(line, soft_wrap=True)
    write_json(json_path, figures(one, now))


def figures(one: Dossier, now: datetime) -> dict[str, Any]:
    """The dossier as plain values; each command and proposal with how it stands."""

    def shifts(commands: Any, how: Any) -> list[dict[str, Any]]:
        return [
            msgspec.to_builtins(c) | {"stands": how(one, c, now).stands, "how": how(one, c, now).text} for c in commands
        ]

    return {
        "incident": msgspec.to_builtins(one.incident),
        "proposals": shifts(one.proposals.values(), dossier.how_proposed),
        "commands": shifts(one.commands.values(), dossier.how_commanded),
        "staffing_alerts": [msgspec.to_builtins(alert) for alert in one.alerts.values()],
        "bulletins": [msgspec.to_builtins(bulletin) for bulletin in one.bulletins],
        "notices": [msgspec.to_builtins(notice) for notice in one.notices],
        "decisions": [msgspec.to_builtins(decision) for decision in one.decisions],
        "results": [msgspec.to_builtins(result) for result in one.results],
    }
