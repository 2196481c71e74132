"""All that belongs to one incident, gathered from what the desk said; pure but for `read`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from response.guard import APPROVABLE
from schemas import topics
from schemas.base import QueueRef
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.decision import CommandResult, OperatorDecision
from schemas.errors import BadMessage
from schemas.incident import Incident
from schemas.notice import Notification
from schemas.topics import Topic
from streams import clock, log_reader
from streams.config import Settings
from streams.log_reader import Record
from streams.values import value_of

SHORT: tuple[Topic, ...] = (topics.INCIDENTS, topics.LOAD_SHIFT_PROPOSALS, topics.LOAD_SHIFT_COMMANDS)
WHOLE: tuple[Topic, ...] = (
    *SHORT,
    topics.STAFFING_ALERTS,
    topics.BULLETINS,
    topics.NOTIFICATIONS,
    topics.OPERATOR_DECISIONS,
    topics.COMMAND_RESULTS,
)
ENDED = {"refused": "refused by the platform", "reverted": "taken back by the platform", "expired": "expired"}


class Dossier(msgspec.Struct, kw_only=True):
    """One incident and what was said and done about it, each list in the order in which it was said.

    `proposals` and `commands` hold the last word on each id.
    """

    incident: Incident
    proposals: dict[str, LoadShiftCommand] = {}
    commands: dict[str, LoadShiftCommand] = {}
    alerts: dict[QueueRef, StaffingAlert] = {}
    bulletins: list[Bulletin] = []
    notices: list[Notification] = []
    decisions: list[OperatorDecision] = []
    results: list[CommandResult] = []

    def inverse_of(self, command: LoadShiftCommand) -> LoadShiftCommand | None:
        """The command that took it back, where one did."""
        return next((one for one in self.commands.values() if one.reverts == command.command_id), None)


class Standing(NamedTuple):
    """How a command or proposal stands: whether it is in force (or may still be approved), and the words for it.
    `blocked`: it is wanted, but something stands in its way that no approval lifts."""

    stands: bool
    text: str
    blocked: bool = False


def read(
    settings: Settings, reading: Sequence[Topic], tenant: str | None, incident_id: str | None = None
) -> dict[str, Dossier]:
    """The dossiers of the incidents wanted, by incident id. Raises Unavailable, BadConfig."""

    def wanted(record: Record) -> bool:
        of_tenant = tenant is None or _tenant(record) in (None, tenant)
        return of_tenant and record.value is not None

    records = log_reader.read_to_end(settings, reading, wanted=wanted)
    return gather(_values(records), incident_id)


def now_of(settings: Settings, found: Iterable[Dossier], tenant: str) -> datetime:
    """What time it is for a tenant: the clock's, or that of its events where its history is played."""
    if settings.tenant(tenant).clock == "system":
        return clock.now()
    said = [one for dossier in found if dossier.incident.tenant == tenant for one in _moments(dossier)]
    return max(said, default=clock.now())


def gather(values: Iterable[tuple[str, Any]], incident_id: str | None = None) -> dict[str, Dossier]:
    """Dossiers from (topic, value) pairs, those of a topic in their order; what belongs to no incident is left out."""
    said = list(values)
    last = {value.incident_id: value for _, value in said if isinstance(value, Incident)}
    found = {
        name: Dossier(incident=incident)
        for name, incident in last.items()
        if incident_id is None or name == incident_id
    }
    owner = {name: name for name in found}
    for topic, value in said:
        if isinstance(value, LoadShiftCommand) and value.incident_id in found:
            owner[value.command_id] = value.incident_id
            dossier = found[value.incident_id]
            proposed = topic == topics.LOAD_SHIFT_PROPOSALS.name
            (dossier.proposals if proposed else dossier.commands)[value.command_id] = value
        elif isinstance(value, StaffingAlert | Bulletin) and value.incident_id in found:
            # people approve an alert, and confirm that they read a bulletin, by its own id
            owner[value.alert_id if isinstance(value, StaffingAlert) else value.bulletin_id] = value.incident_id
    for _, value in said:
        _file(found, owner, value)
    return found


def waiting(dossier: Dossier, now: datetime) -> list[LoadShiftCommand]:
    """The proposals that a person may approve now, as far as the bus says; the desk has the last word."""
    return [one for one in dossier.proposals.values() if how_proposed(dossier, one, now).stands]


def how_proposed(dossier: Dossier, proposal: LoadShiftCommand, now: datetime) -> Standing:
    """Whether a proposal may still be approved, or what became of it."""
    why = proposal.blocked_by
    if proposal.command_id in dossier.commands:
        return Standing(False, "approved")
    if why is None or proposal.closed:
        return Standing(False, why.text if why else "not waiting")
    if dossier.incident.phase != "open":
        return Standing(False, f"over: the incident is {dossier.incident.phase}")
    later = _later_step(dossier, proposal)
    if later is not None:
        return Standing(False, f"superseded by step {later}")
    if proposal.expires_at <= now:
        return Standing(False, "expired")
    if why.code not in APPROVABLE:
        return Standing(False, why.text, blocked=True)
    return Standing(True, f"waits for approval, {left(proposal.expires_at, now)} left")


def how_commanded(dossier: Dossier, command: LoadShiftCommand, now: datetime) -> Standing:
    """Whether a command is in force, or what ended it."""
    answers = [one for one in dossier.results if one.command_id == command.command_id]
    if answers and answers[-1].state in ENDED:
        text = f": {answers[-1].text}" if answers[-1].text else ""
        return Standing(False, ENDED[answers[-1].state] + text)
    inverse = dossier.inverse_of(command)
    if inverse is not None:
        return Standing(False, f"taken back at {inverse.issued_at:%H:%M:%S}")
    if command.reverts:
        return Standing(False, "takes back")
    later = _later_step(dossier, command, issued=True)
    if later is not None:
        return Standing(False, f"replaced by step {later}")
    if command.expires_at <= now:
        return Standing(False, "expired")
    applied = ", applied" if answers else ""
    return Standing(True, f"runs{applied}, {left(command.expires_at, now)} left")


def left(until: datetime, now: datetime) -> str:
    """A countdown: `12 min 30 s`."""
    seconds = max(0, int((until - now).total_seconds()))
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


def _later_step(dossier: Dossier, command: LoadShiftCommand, *, issued: bool = False) -> int | None:
    """The last step after this one on the same way; with `issued`, among those that were sent."""
    every = [*dossier.commands.values()] + ([] if issued else [*dossier.proposals.values()])
    way = (command.action, command.from_queue, command.to_queue)
    steps = [one.step for one in every if (one.action, one.from_queue, one.to_queue) == way and not one.reverts]
    return max((step for step in steps if step > command.step), default=None)


def _file(found: dict[str, Dossier], owner: dict[str, str], value: Any) -> None:
    named = (getattr(value, field, None) for field in ("incident_id", "target", "command_id"))
    about: str = next((name for name in named if name), "")
    dossier = found.get(owner.get(about, ""))
    if dossier is None:
        return
    match value:
        case StaffingAlert():
            dossier.alerts[value.queue] = value
        case Bulletin():
            dossier.bulletins.append(value)
        case Notification():
            dossier.notices.append(value)
        case OperatorDecision():
            dossier.decisions.append(value)
        case CommandResult():
            dossier.results.append(value)


def _moments(dossier: Dossier) -> list[datetime]:
    shifts = (*dossier.commands.values(), *dossier.proposals.values())
    alerts, bulletins = dossier.alerts.values(), dossier.bulletins
    return [dossier.incident.at, *(s.issued_at for s in shifts), *(a.at for a in alerts), *(b.at for b in bulletins)]


def _tenant(record: Record) -> str | None:
    """A record's tenant by its key; None where the key does not say."""
    if record.topic == topics.NOTIFICATIONS.name:
        return None
    return (record.key or b"").decode(errors="replace").rpartition("|")[0] or (record.key or b"").decode() or None


def _values(records: Iterable[Record]) -> Iterable[tuple[str, Any]]:
    for record in records:
        try:
            yield record.topic, value_of(record.topic, record.value)
        except BadMessage:
            continue  # of another release: the desk has read it, or has set it aside
