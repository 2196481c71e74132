"""How far an incident reaches: queue, channel, site, region, tenant. The narrowest that holds what fails.

What merely follows (customers who turn to other channels) widens a reach from a queue to the tenant, but not beyond a
site or region that all of what fails lies in: a site that is lost stays the loss of a site.
"""

from __future__ import annotations

from collections.abc import Callable

from response.causes import role
from response.state import IncidentState, SymptomState
from schemas.incident import Scope

LEVELS = ("queue", "channel", "site", "region", "tenant")


def of(incident: IncidentState) -> Scope:
    """From all symptoms, over or not: what was once reached stays part of it."""
    symptoms = list(incident.symptoms.values())
    places = sorted({symptom.series.at for symptom in symptoms}, key=str)
    channels = sorted({place.channel for place in places})
    queues = [place for place in places if place.queue is not None]
    failing = [symptom for symptom in symptoms if role(symptom) in ("gone", "slow")]
    sites, regions = names(failing, lambda one: one.site), names(failing, lambda one: one.region)
    level = local_level(failing)
    if level is None:
        level = "tenant" if len(channels) > 1 else "queue" if len(places) == 1 and queues else "channel"
    return Scope(level=level, channels=channels, queues=queues, sites=sites, regions=regions)  # type: ignore[arg-type]


def local_level(failing: list[SymptomState]) -> str | None:
    """Site or region, where several channels fail and all of it is one's; None where that is not so or not known."""
    if len({symptom.series.at.channel for symptom in failing}) < 2:
        return None
    sites, regions = {symptom.site for symptom in failing}, {symptom.region for symptom in failing}
    if len(sites) == 1 and None not in sites:
        return "site"
    return "region" if len(regions) == 1 and None not in regions else None


def names(symptoms: list[SymptomState], of_one: Callable[[SymptomState], str | None]) -> list[str]:
    return sorted({name for symptom in symptoms if (name := of_one(symptom))})


def change(before: Scope, now: Scope) -> tuple[str, str] | None:
    """The reason to report, as code and text, where the level moved."""
    if not before.channels or before.level == now.level:
        return None
    code = "scope-widened" if LEVELS.index(now.level) > LEVELS.index(before.level) else "scope-narrowed"
    where = now.sites if now.level == "site" else now.regions if now.level == "region" else now.channels
    return code, f"from {before.level} to {now.level}: {', '.join(where)}"
