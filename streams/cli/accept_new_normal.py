"""`breakwater accept-new-normal`."""

from __future__ import annotations

from pathlib import Path

import click

from schemas.errors import BadConfig
from schemas.incident import Incident
from streams import config, targets
from streams.cli import _decide
from streams.cli._options import config_option, json_option
from streams.cli._token import decider, token_option
from streams.targets import Target


@click.command()
@click.argument("name", metavar="ID")
@_decide.tenant_option
@_decide.by_option
@token_option
@_decide.note_option
@_decide.wait_option
@config_option
@json_option
def command(
    name: str,
    tenant: str | None,
    by: str | None,
    token_path: Path | None,
    note: str | None,
    wait_seconds: float,
    config_path: Path | None,
    json_path: Path | None,
) -> None:
    """Takes what a series gets now for its usual from here on.

    ID is a queue (voice/orders), a channel with all of its queues (voice), or an incident, for each of its places that
    gets more or less than usual. Its signals are cleared as accepted; the season is scaled, not learned anew. Silence
    is never usual.
    """
    settings = config.load(config_path)
    decided_by = decider(settings, by, token_path)
    for target in places(settings, name, tenant):
        made = _decide.made(settings, "accept-new-normal", target, decided_by, note)
        _decide.carry_out(settings, made, target, wait_seconds, json_path)


def places(settings: config.Settings, name: str, tenant: str | None) -> list[Target]:
    """What is to be accepted: a place by its name, or those of an incident. Raises BadConfig."""
    channel = name.partition("/")[0]
    if channel in settings.channels:
        return [targets.find(settings, None, tenant)._replace(id=name)]
    target = targets.find(settings, name, tenant)
    if not isinstance(target.value, Incident):
        raise BadConfig([(name, "is neither a channel of the settings nor an incident")])
    return of_incident(target, target.value)


def of_incident(target: Target, incident: Incident) -> list[Target]:
    """Its places that get more or less than usual. Raises BadConfig where there are none."""
    moved = {
        str(symptom.series.at)
        for symptom in incident.symptoms
        if symptom.signal_kind in ("surge", "drop") and symptom.state != "cleared"
    }
    if not moved:
        raise BadConfig([(target.id, "has no open surge or drop: there is nothing to accept")])
    return [target._replace(id=place) for place in sorted(moved)]
