"""`breakwater recovery`: what is left to do after an outage, by when it is done, whom to ask how they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import click
import msgspec
from rich.text import Text

from response import cases, triage
from schemas import topics
from schemas.centre import OpenCase
from schemas.errors import BadConfig, BadMessage
from schemas.incident import Incident
from schemas.recovery import Between, BurnDown, Recovery, TriagedCase
from streams import config, log_reader, targets
from streams.cli._console import console
from streams.cli._options import config_option, json_option, write_json
from streams.config import Settings
from streams.dossier import left
from streams.values import value_of

SHOWN_CASES, SHOWN_CUSTOMERS = 20, 20


@click.command(name="recovery")
@click.argument("incident_id", metavar="ID")
@click.option("--tenant", help="Only look there.")
@config_option
@json_option
def command(incident_id: str, tenant: str | None, config_path: Path | None, json_path: Path | None) -> None:
    """Shows how an incident's recovery stands: backlogs with their end, the wave that may come, open cases by urgency,
    the customers to follow up with, and whether the watch may end.

    The whole lists of cases and customers are in --json. Times are UTC.
    """
    settings = config.load(config_path)
    target = targets.find(settings, incident_id, tenant)
    incident = target.value
    if not isinstance(incident, Incident):
        raise BadConfig([(incident_id, f"is no incident: {targets.FIX}")])
    said, known = _read(settings, target.tenant, incident.incident_id)
    out = console()
    if said is None:
        text = f"{incident.incident_id} is {incident.phase}: a recovery is said once it eases."
        out.print(text)
        write_json(json_path, {"recovery": None})
        return
    touched = list(cases.touched_by(incident.scope, _ended_at(incident), known))
    still = [case for case in touched if case.closed_at is None]
    rates = {str(one.queue): one.finished_per_hour / 3600 for one in said.burn_down}
    urgent = triage.triage(still, said.at, rates)
    # who was served since was affected as well
    affected = [case for case in touched if case.closed_at is None or case.closed_at >= incident.onset]
    followed_up = cases.customers(affected)
    for line in lines(said, urgent[:SHOWN_CASES], len(urgent), followed_up):
        out.print(line, soft_wrap=True)
    write_json(
        json_path,
        {
            "recovery": msgspec.to_builtins(said),
            "cases": [msgspec.to_builtins(case) for case in urgent],
            "customers": followed_up,
        },
    )


def _read(settings: Settings, tenant: str, incident_id: str) -> tuple[Recovery | None, list[OpenCase]]:
    """The last word on the recovery, and every case that the platform told of."""
    said: Recovery | None = None
    known: dict[str, OpenCase] = {}
    for record in log_reader.read_to_end(settings, [topics.RECOVERIES, topics.OPEN_CASES]):
        try:
            value = value_of(record.topic, record.value)
        except BadMessage:
            continue
        if isinstance(value, Recovery) and (value.tenant, value.incident_id) == (tenant, incident_id):
            said = value
        elif isinstance(value, OpenCase) and value.tenant == tenant:
            known[value.case_id] = value
    return said, list(known.values())


def _ended_at(incident: Incident) -> datetime | None:
    """When it first eased: what came later did not suffer from the outage."""
    return min((move.at for move in incident.moves if move.phase in ("easing", "watching", "resolved")), default=None)


def lines(said: Recovery, urgent: list[TriagedCase], cases_open: int, customers: list[str]) -> Iterator[Text]:
    """For a person, what to act upon last."""
    yield Text.assemble((f"{said.incident_id} is {said.phase}", "bold"), f", as of {said.at:%m-%d %H:%M}Z")
    if said.wave_total is not None:
        yield Text(f"escalations beyond the usual ones, in all: {_between(said.wave_total)}")
    for one in said.wave:
        seen = "" if one.observed is None else f", {one.observed:.0f} seen"
        if one.forecast.high >= 1 or one.observed:
            yield Text(f"  {one.start:%m-%d %H:%M}Z +{one.hours} h  {_between(one.forecast)}{seen}", "dim")
    yield Text("")
    yield Text("Backlogs", "bold")
    for burn in said.burn_down:
        yield Text(f"  {burn.queue}: {_burn(burn, said.at)}")
    if not said.burn_down:
        yield Text("  all as usual, as far as anybody said", "dim")
    yield Text("")
    yield Text(f"Open cases that waited because of it: {cases_open}", "bold")
    for case in urgent:
        due = f", due {case.due_at:%m-%d %H:%M}Z" if case.due_at else ""
        yield Text(f"  {case.score:5.1f}  {case.case_id} {case.queue}{due}: {', '.join(case.because)}")
    yield Text("")
    more = len(customers) - SHOWN_CUSTOMERS
    also = f" and {more} more (--json)" if more > 0 else ""
    yield Text(f"Customers to follow up with: {len(customers)}", "bold")
    if customers:
        yield Text(f"  {', '.join(customers[:SHOWN_CUSTOMERS])}{also}")
    yield Text("")
    verdict = ("may be stood down", "bold green") if said.stand_down.ready else ("Do not stand down yet", "bold yellow")
    yield Text(*verdict)
    yield from (Text(f"  {reason.text}") for reason in said.stand_down.missing)


def _between(band: Between) -> str:
    return f"{band.expected:.0f} ({band.low:.0f} to {band.high:.0f})"


def _burn(burn: BurnDown, now: datetime) -> str:
    pace = f"{burn.finished_per_hour:.0f} finished, {burn.arrivals_per_hour:.0f} come an hour"
    can = f", its people can do {burn.capacity_per_hour:.0f}" if burn.capacity_per_hour is not None else ""
    head = f"{burn.backlog} wait, usual are {burn.usual}; {pace}{can}"
    if burn.eta is None:
        return f"{head}; not falling at this pace"
    late = f"{burn.eta_late:%H:%M}" if burn.eta_late else "never"
    early = f"{burn.eta_early:%H:%M}" if burn.eta_early else "now"
    return f"{head}; usual in {left(burn.eta, now)}, {burn.eta:%m-%d %H:%M}Z ({early} to {late})"
