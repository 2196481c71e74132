"""Which incident does a signal belong to? All symptoms of one outage are one incident; independent ones stay apart.

What joins: the same series again; an onset near the incident's; what an outage leaves behind (escalations, backlog,
waits where it crowds); the same thing on a channel that is already part of it. What keeps apart: onsets that lie
further from each other with none of that; customers' and internal queues; a lost data feed and anything else; an
exercise and what is real.
"""

from __future__ import annotations

from datetime import timedelta

import msgspec

from response import causes, witnesses
from response.causes import role
from response.params import RespondParams
from response.state import Desk, IncidentState, SymptomState
from schemas.incident import Reason
from schemas.signal import Signal

ACTIVE = ("pending", "open", "easing")


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """How strongly a signal belongs to an incident, and why."""

    rank: int
    reason: Reason


def is_feed(signal: Signal) -> bool:
    return signal.signal_kind == "telemetry-lost"


def drill_of(desk: Desk, signal: Signal) -> str | None:
    """The exercise that a signal belongs to: its own, or that of the whole tenant."""
    return signal.drill or (desk.centre.drill if desk.centre else None)


def find(
    desk: Desk, signal: Signal, symptom: SymptomState, params: RespondParams
) -> tuple[IncidentState, Reason] | None:
    """The incident that an opening signal joins, or None if it is something of its own."""
    best: tuple[int, float, str] | None = None
    chosen: tuple[IncidentState, Reason] | None = None
    for incident in desk.incidents.values():
        link = _link(desk, incident, signal, symptom, params)
        if link is None:
            continue
        order = (-link.rank, _seconds_from_front(incident, signal), incident.incident_id)
        if best is None or order < best:
            best, chosen = order, (incident, link.reason)
    return chosen


def _link(
    desk: Desk, incident: IncidentState, signal: Signal, symptom: SymptomState, params: RespondParams
) -> Link | None:
    if incident.phase == "resolved" or signal.signal_id in incident.apart:
        return None
    if (
        incident.audience != signal.audience
        or incident.feed != is_feed(signal)
        or incident.drill != drill_of(desk, signal)
    ):
        return None
    known = list(incident.symptoms.values())
    kind, channel = role(symptom), signal.series.at.channel
    # what was a crowd and is over does not fall silent days later: that is something of its own
    turned = incident.phase == "watching" and kind == "gone"
    if any(other.series == signal.series and not (turned and role(other) != kind) for other in known):
        return _because(5, "same-series", f"{signal.series} is already part of it")
    if _seconds_from_front(incident, signal) <= params.joins_within_seconds:
        return _because(
            4, "onset-near", f"{signal.series} began within {params.joins_within_seconds / 60:g} minutes of it"
        )
    here = {(role(other), other.series.measure) for other in known if other.series.at.channel == channel}
    thing = (kind, signal.series.measure)
    if kind == "wave" and (here or _is_outage(known)) and _follows(desk, incident, signal, symptom, params):
        return _because(3, "after-wave", f"{signal.series} is what such an incident leaves behind")
    if incident.phase in ACTIVE and thing in here:
        return _because(3, "same-channel", f"{channel} is already part of it")
    if incident.phase in ("easing", "watching") and here and (kind == "up" or thing in here):
        return _because(2, "came-back", f"{channel} had a part in it and is watched")
    return None


def _follows(desk: Desk, incident: IncidentState, signal: Signal, symptom: SymptomState, params: RespondParams) -> bool:
    """Whether a wave this late is what the incident leaves behind, and not the first that is seen of another one.

    Escalations, backlogs and complaints come hours later and anywhere. Waits, and people who give up, come at once:
    later ones follow only where the incident crowds or slows that channel, or people were lent. And nothing follows
    where agents or tools changed meanwhile as the incident does not account for (a crowd does for slow tools).
    """
    window = (signal.onset - timedelta(seconds=params.witness_before_seconds), desk.now)
    seen = (*witnesses.agents(desk, window, params), *witnesses.tools(desk, window, params))
    crowd = any(role(one) == "up" for one in incident.symptoms.values())
    for name, present in seen:
        if present and not causes.accounts_for(incident, name):
            slow = witnesses.slow(desk, name.removeprefix(witnesses.TOOL), window)
            if slow is None or not crowd:
                return False
    if symptom.kind in ("escalation-wave", "backlog-growth", "sentiment-wave"):
        return True
    channel = signal.series.at.channel
    lent = (end.channel for shift in incident.shifts.values() for end in (shift.from_queue, shift.to_queue))
    crowded = (one.series.at.channel for one in incident.symptoms.values() if role(one) in ("up", "slow"))
    return channel in (*lent, *crowded)


def _because(rank: int, code: str, text: str) -> Link:
    return Link(rank=rank, reason=Reason(code=code, text=text))


def _is_outage(symptoms: list[SymptomState]) -> bool:
    return any(role(symptom) in ("gone", "slow") for symptom in symptoms)


def _seconds_from_front(incident: IncidentState, signal: Signal) -> float:
    return min(abs((front - signal.onset) / timedelta(seconds=1)) for front in incident.fronts)
