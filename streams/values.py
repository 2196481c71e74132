"""What each topic carries, for readers of several topics."""

from __future__ import annotations

from typing import Any

from schemas import topics
from schemas.centre import Centre, OpenCase
from schemas.codec import decode
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.contact import ContactEvent
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskEntry
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.notice import Defect, LateContact, Notification
from schemas.pane import PaneRecord
from schemas.recovery import Recovery
from schemas.status import DeskStatus
from schemas.workforce import Workforce

VALUES: dict[str, Any] = {
    topics.QUEUE_PANES.name: PaneRecord,
    topics.DESK.name: DeskEntry,
    topics.WORKFORCE.name: Workforce,
    topics.TOOL_HEALTH.name: ToolHealth,
    topics.OPERATOR_DECISIONS.name: OperatorDecision,
    topics.COMMAND_RESULTS.name: CommandResult,
    topics.CENTRE.name: Centre,
    topics.OPEN_CASES.name: OpenCase,
    topics.INCIDENTS.name: Incident,
    topics.STAFFING_ALERTS.name: StaffingAlert,
    topics.LOAD_SHIFT_COMMANDS.name: LoadShiftCommand,
    topics.LOAD_SHIFT_PROPOSALS.name: LoadShiftCommand,
    topics.BULLETINS.name: Bulletin,
    topics.DESK_STATUS.name: DeskStatus,
    topics.RECOVERIES.name: Recovery,
    topics.NOTIFICATIONS.name: Notification,
    topics.LATE_CONTACTS.name: LateContact,
    topics.DEFECTS.name: Defect,
}


def value_of(topic: str, raw: bytes | None) -> Any:
    """The typed value of a record; None for a tombstone. Raises BadMessage."""
    if raw is None:
        return None
    kind = ContactEvent if topic.startswith(topics.CONTACT_EVENTS) else VALUES[topic]
    return decode(kind, raw)
