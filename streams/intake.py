"""What other systems write, onto the desk of its tenant, each with where it came from. A fold without memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from schemas.base import Origin
from schemas.centre import Centre, OpenCase
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskEntry
from schemas.fold import Output, digest
from schemas.health import ToolHealth
from schemas.topics import CENTRE, COMMAND_RESULTS, DESK, OPEN_CASES, OPERATOR_DECISIONS, QUEUE_PANES, TOOL_HEALTH
from schemas.topics import WORKFORCE as WORKFORCE_TOPIC
from schemas.workforce import Workforce

Heard = Workforce | ToolHealth | OperatorDecision | CommandResult | Centre | OpenCase

# what each topic carries
KINDS: dict[str, type[Heard]] = {
    WORKFORCE_TOPIC.name: Workforce,
    TOOL_HEALTH.name: ToolHealth,
    OPERATOR_DECISIONS.name: OperatorDecision,
    COMMAND_RESULTS.name: CommandResult,
    CENTRE.name: Centre,
    OPEN_CASES.name: OpenCase,
}


class Arrived(NamedTuple):
    """A message and its record's time."""

    body: Heard
    at: datetime


class Intake:
    """Copies each message to the desk; a centre's model, and what is usual from now on, also to the panes, where the
    detection fold reads them."""

    def step(self, record: Arrived, origin: Origin) -> list[Output]:
        body, tenant = record.body, record.body.tenant
        entry = DeskEntry(tenant=tenant, origin=origin, body=body)
        name = digest(origin.topic, origin.partition, origin.offset)
        outputs = [Output(topic=DESK, key=tenant, value=entry, id=name, time=record.at)]
        if isinstance(body, Centre) or (isinstance(body, OperatorDecision) and body.action == "accept-new-normal"):
            outputs.append(Output(topic=QUEUE_PANES, key=tenant, value=body, id=name, time=record.at))
        return outputs

    def changes(self) -> dict[str, bytes | None]:
        return {}

    def restore(self, entries: Mapping[str, bytes]) -> None:
        assert not entries, "there is nothing to remember"
