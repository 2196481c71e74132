"""What an outage leaves behind: what failed works again, customers' anger arrives, its own playbook answers."""

from __future__ import annotations

import msgspec

from response.playbook import Playbook, playbook_against, playbook_of
from response.state import IncidentState, SymptomState


class Wave(msgspec.Struct, frozen=True, kw_only=True):
    """The waves of an incident, over or not, and the playbook against them."""

    name: str
    playbook: Playbook
    symptoms: list[SymptomState]


def wave_of(incident: IncidentState) -> Wave | None:
    """The earliest wave that a playbook answers, with all others of its kinds; those still open, if there are any."""
    symptoms = sorted(incident.symptoms.values(), key=lambda symptom: (symptom.onset, symptom.signal_id))
    for symptom in symptoms:
        found = playbook_against(symptom.kind)
        if found is not None:
            name, playbook = found
            waves = [other for other in symptoms if other.kind in playbook.waves]
            still = [other for other in waves if other.open]
            return Wave(name=name, playbook=playbook, symptoms=still or waves)
    return None


def is_on(incident: IncidentState, wave: Wave) -> bool:
    """Whether it is answered now: not before the outage is over, at once where nobody saw an outage."""
    unseen = incident.phase == "open" and incident.cause.kind == "unknown"
    return (incident.phase == "easing" or unseen) and any(symptom.open for symptom in wave.symptoms)


def playbook_name(incident: IncidentState) -> str | None:
    """The playbook to work by now: against the wave, or for the cause."""
    wave = wave_of(incident)
    if wave is not None and is_on(incident, wave):
        return wave.name
    found = playbook_of(incident.cause.kind)
    return found[0] if found else None
