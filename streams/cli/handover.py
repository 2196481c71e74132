"""`breakwater handover`: what the next shift has to know, at any time."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
import msgspec

from response import handover, on_call
from response.handover import Handover
from schemas.command import Bulletin
from schemas.status import DeskStatus
from streams import config, dossier, statuses, targets
from streams.cli._console import console
from streams.cli._options import config_option, json_option, write_json
from streams.config import Settings
from streams.dossier import Dossier


@click.command(name="handover")
@click.option("--tenant", help="Only of this tenant.")
@config_option
@json_option
def command(tenant: str | None, config_path: Path | None, json_path: Path | None) -> None:
    """Shows the notes for the next shift: open incidents and who has them, what runs and until when, what waits for a
    yes, what not everybody has read, what is stopped, who is on call.

    The desk writes the same notes to the supervisors whenever a turn of a tenant's first rota ends.
    """
    settings = config.load(config_path)
    found = dossier.read(settings, dossier.WHOLE, tenant)
    said = statuses.read(settings, tenant)
    zones = {name: centre.time_zone for name, centre in targets.published(settings).items()}
    tenants = sorted({one.incident.tenant for one in found.values()} | set(said))
    out, figures = console(), {}
    for name in tenants:
        notes = of_tenant(settings, name, found, said.get(name))
        zone = on_call.zone_of(zones.get(name, "UTC"))
        out.print(f"{name}, {notes.at.astimezone(zone):%Y-%m-%d %H:%M} ({zone.key})", style="bold")
        for line in handover.lines(notes, zone):
            out.print(f"  {line}", soft_wrap=True)
        figures[name] = msgspec.to_builtins(notes)
    if not tenants:
        out.print("There is nothing on the bus yet.")
    write_json(json_path, {"tenants": figures})


def of_tenant(settings: Settings, tenant: str, found: dict[str, Dossier], said: DeskStatus | None) -> Handover:
    """The notes, from what is on the bus."""
    own = [one for one in found.values() if one.incident.tenant == tenant]
    now = dossier.now_of(settings, own, tenant)
    live = sorted((one for one in own if one.incident.phase != "resolved"), key=lambda one: handover.rank(one.incident))
    return Handover(
        at=now,
        incidents=[one.incident for one in live],
        running=[c for one in live for c in one.commands.values() if dossier.how_commanded(one, c, now).stands],
        waiting=[proposal for one in live for proposal in dossier.waiting(one, now)],
        unread=[bulletin for one in live for bulletin in unread(one, now)],
        stopped=said.stops if said else [],
        on_duty=said.on_duty if said else [],
    )


def unread(one: Dossier, now: datetime) -> list[Bulletin]:
    """Bulletins that are still in force, are to be confirmed, and were not confirmed by all whom they name."""
    readers: dict[str, set[str]] = {}
    for decision in one.decisions:
        if decision.action == "read":
            readers.setdefault(decision.target, set()).add(decision.by)
    found = []
    for bulletin in one.bulletins:
        read_by = readers.get(bulletin.bulletin_id, set())
        whole = set(bulletin.to) <= read_by if bulletin.to else bool(read_by)
        if bulletin.read_by is not None and bulletin.expires_at > now and not whole:
            found.append(bulletin)
    return found
