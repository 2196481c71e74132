"""A whole outage as it lies on the topics: what a desk heard and said, and what people and the platform said to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache

import msgspec

from response.pipeline import ResponseFold
from schemas import codec, topics
from schemas.base import Message
from schemas.centre import Centre
from schemas.command import LoadShiftCommand
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskBody
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.signal import Load, QueueLoad
from schemas.topics import Topic
from schemas.workforce import Workforce
from streams.faust_handler import Arrival
from tests.desk_builder import START, centre, decision, entries, telephony_outage

INPUTS: dict[type[Message], Topic] = {
    OperatorDecision: topics.OPERATOR_DECISIONS,
    CommandResult: topics.COMMAND_RESULTS,
    Centre: topics.CENTRE,
    Workforce: topics.WORKFORCE,
    ToolHealth: topics.TOOL_HEALTH,
}
HANDLE = {"voice": 300.0, "chat": 480.0, "email": 240.0, "social": 240.0}
CONCURRENCY = {"chat": 3}
APPLIED_AFTER = timedelta(minutes=2)
ACKNOWLEDGED_AT = 740.0


class Told:
    """Records by topic, as a bus of one partition each has them: a source to look back on."""

    def __init__(self) -> None:
        self.records: dict[str, list[tuple[bytes, bytes]]] = {}

    def put(self, topic: Topic, key: str, value: Message) -> None:
        self.records.setdefault(topic.name, []).append((key.encode(), codec.encode(value)))

    def arrivals(self, wanted: Sequence[Topic], since: datetime | None = None) -> Iterator[Arrival]:
        del since
        for topic in wanted:
            for offset, (key, value) in enumerate(self.records.get(topic.name, ())):
                yield Arrival(topic.name, 0, offset, key, value, (), START)


class Telling:
    """A desk that hears, and the topics that keep what it heard and said."""

    def __init__(self) -> None:
        self.told = Told()
        self.platform = Platform()
        self.fold = ResponseFold()
        self._heard = 0

    def say(self, *bodies: DeskBody) -> None:
        for entry, origin in entries(bodies, self._heard):
            self.told.put(topics.DESK, entry.tenant, entry)
            if type(entry.body) in INPUTS:
                self.told.put(INPUTS[type(entry.body)], entry.tenant, entry.body)
            for output in self.fold.step(entry, origin):
                self.told.put(output.topic, output.key, output.value)
                if output.topic is topics.LOAD_SHIFT_COMMANDS:
                    self.platform.hear(output.value)
        self._heard += len(bodies)

    @property
    def incident_id(self) -> str:
        """Of the only one that is open."""
        (incident,) = (one for one in self.fold.standing() if isinstance(one, Incident))
        return incident.incident_id


@cache
def story() -> Told:
    """A telephony outage of 47 minutes: the platform applies each command two minutes later, lent people work where
    they were sent, and somebody acknowledges it twelve minutes after the first signal. Told once for all tests."""
    telling = Telling()
    telling.say(centre("auto"))
    acknowledged = False
    for body in telephony_outage():
        if isinstance(body, Load):
            telling.say(*telling.platform.until(body.at))
            if not acknowledged and (body.at - START).total_seconds() >= ACKNOWLEDGED_AT:
                acknowledged = True
                telling.say(decision("acknowledge", telling.incident_id, ACKNOWLEDGED_AT, decision_id="d-ack"))
        telling.say(telling.platform.staffed(body) if isinstance(body, Workforce) else served(body))
    return telling.told


class Platform:
    """Does what it is told two minutes later, and says so."""

    def __init__(self) -> None:
        self._due: list[LoadShiftCommand] = []
        self._running: dict[str, LoadShiftCommand] = {}

    def hear(self, command: LoadShiftCommand) -> None:
        self._due.append(command)

    def until(self, now: datetime) -> list[CommandResult]:
        due = [one for one in self._due if one.issued_at + APPLIED_AFTER <= now]
        self._due = [one for one in self._due if one not in due]
        for one in due:
            way = f"{one.action} {one.from_queue} {one.to_queue}"
            self._running[way] = one
        return [_applied(one) for one in due]

    def staffed(self, report: Workforce) -> Workforce:
        """Its people, with those who were sent there and without those who were sent away."""
        here, each = report.queue, CONCURRENCY.get(report.queue.channel, 1)
        lent = [one for one in self._running.values() if one.action == "skill-flex" and one.reverts is None]
        moved = sum(one.agents * each * ((one.to_queue == here) - (one.from_queue == here)) for one in lent)
        slots = max(0, report.staffed + moved)
        return msgspec.structs.replace(report, staffed=slots, available=min(report.available, slots))


def _applied(one: LoadShiftCommand) -> CommandResult:
    at = one.issued_at + APPLIED_AFTER
    return CommandResult(command_id=one.command_id, tenant=one.tenant, at=at, state="applied")


def served(body: DeskBody) -> DeskBody:
    """Minutes in which contacts are also answered, or give up: a quarter of them where far more come than usual."""
    if not isinstance(body, Load):
        return body
    return msgspec.structs.replace(body, loads=[_served(one) for one in body.loads])


def _served(load: QueueLoad) -> QueueLoad:
    crowded = load.arrivals > 1.5 * load.expected and load.at.channel == "chat"
    abandoned = load.arrivals // 4 if crowded else int(load.at.channel in ("voice", "chat") and load.arrivals >= 20)
    answered = load.arrivals - abandoned
    handle = HANDLE[load.at.channel] if answered else None
    return msgspec.structs.replace(
        load, answered=answered, abandoned=abandoned, finished=answered, handle_seconds_mean=handle
    )
