"""What sinks are told of: incidents, staffing alerts, load shifts ordered, new models of a centre. Pure."""

from __future__ import annotations

from datetime import datetime

import msgspec

from schemas import topics
from schemas.centre import Centre
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.incident import Incident
from schemas.notice import Notification


class Published(msgspec.Struct, frozen=True):
    """A tenant's model of its centre, and when it was published."""

    centre: Centre
    at: datetime

    @property
    def tenant(self) -> str:
        return self.centre.tenant


Subject = Incident | StaffingAlert | LoadShiftCommand | Published
Change = LoadShiftCommand | Published
# what each topic carries
KINDS: dict[str, type[Incident] | type[StaffingAlert] | type[LoadShiftCommand] | type[Centre]] = {
    topics.INCIDENTS.name: Incident,
    topics.STAFFING_ALERTS.name: StaffingAlert,
    topics.LOAD_SHIFT_COMMANDS.name: LoadShiftCommand,
    topics.CENTRE.name: Centre,
}


def subject_id(subject: Subject) -> str:
    """One incident, one queue's staffing in it, one load shift of it, or one tenant's centre: a later revision replaces
    the one before."""
    match subject:
        case Incident():
            return subject.incident_id
        case StaffingAlert():
            return f"{subject.incident_id}|{subject.queue}"
        case LoadShiftCommand():
            return f"{subject.incident_id}|{subject.command_id}"
        case Published():
            return f"centre|{subject.tenant}"


def record_id(record: Notification) -> str:
    """The same of a record about the subject."""
    if record.incident_id is None:
        return f"centre|{record.tenant}"
    part = record.command_id if record.queue is None else str(record.queue)
    return record.incident_id if part is None else f"{record.incident_id}|{part}"


def revision(subject: Subject) -> int:
    """Rises with what is said of the subject; a load shift is said once."""
    match subject:
        case Incident() | StaffingAlert():
            return subject.revision
        case LoadShiftCommand():
            return 0
        case Published():
            return subject.centre.version


def incident_id(subject: Subject) -> str | None:
    """The incident it is, or belongs to."""
    return None if isinstance(subject, Published) else subject.incident_id


def moment(subject: Subject) -> datetime:
    """When it became as it is."""
    return subject.issued_at if isinstance(subject, LoadShiftCommand) else subject.at


def is_over(subject: Subject) -> bool:
    match subject:
        case Incident():
            return subject.phase == "resolved"
        case StaffingAlert():
            return subject.state == "closed"
        case _:
            return False


def step(subject: Subject) -> int:
    """How often it climbed because nobody acknowledged it: who is asked first (its step 1) is so by the first page."""
    return subject.escalation.step - 1 if isinstance(subject, Incident) and subject.escalation is not None else 0
