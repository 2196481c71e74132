"""Every topic once. Names here carry no prefix; `streams.config.Settings.topic_name` puts the deployment's in front."""

from __future__ import annotations

from typing import Literal

import msgspec

DAY = 24 * 3600


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic as it should be. `retention_seconds` None with compaction keeps the last value of every key for ever;
    with a retention a key is forgotten so long after it was last written."""

    name: str
    why: str
    key: str
    value: str
    partitions: int
    compacted: bool = False
    retention_seconds: int | None = None
    dead_letter: bool = False
    # LogAppendTime: retention and arrival follow the broker's clock, not the producers'.
    timestamps: Literal["LogAppendTime", "CreateTime"] = "LogAppendTime"
    message_bytes_max: int = 1_048_588
    # A log that is read whole at every start: cleaned often, in small segments, but never what a crash may have torn.
    compact_often: bool = False

    def policies(self) -> list[str]:
        """How Kafka cleans it: by key, by age, or both."""
        if not self.compacted:
            return ["delete"]
        return ["compact"] if self.retention_seconds is None else ["compact", "delete"]

    def config(self) -> dict[str, str]:
        """The topic's Kafka settings."""
        retention = -1 if self.retention_seconds is None else self.retention_seconds * 1000
        often = {
            "segment.bytes": str(32 * 1024 * 1024),
            "segment.ms": str(10 * 60 * 1000),
            "min.cleanable.dirty.ratio": "0.1",
            "min.compaction.lag.ms": str(60 * 60 * 1000),
        }
        return {
            "cleanup.policy": ",".join(self.policies()),
            "retention.ms": str(retention),
            "message.timestamp.type": self.timestamps,
            "max.message.bytes": str(self.message_bytes_max),
            **(often if self.compact_often else {}),
        }


CONTACT_EVENTS = "contact-events"
DEAD_LETTER = ".dead-letter"


def contact_events(channel: str, partitions: int = 4) -> Topic:
    """The topic of one channel's contact events."""
    return Topic(
        name=f"{CONTACT_EVENTS}.{channel}",
        why=f"what happened to the contacts of {channel}, and the heartbeats of their sources",
        key="tenant|queue",
        value="ContactEvent",
        partitions=partitions,
        retention_seconds=7 * DAY,
        dead_letter=True,
        # a record over the limit of one event is read, refused and set aside, not blocked at the door
        message_bytes_max=16 * 1024 * 1024,
    )


def channel_of(name: str) -> str:
    """`contact-events.voice` -> `voice`."""
    return name.removeprefix(f"{CONTACT_EVENTS}.")


def dead_letter(topic: Topic) -> Topic:
    """Where records of `topic` go that cannot be read: their bytes and headers as they came, with the reason."""
    return Topic(
        name=topic.name + DEAD_LETTER,
        why=f"records of {topic.name} that could not be read, with the reason and their place",
        key="topic/partition/offset",
        value="the original bytes",
        partitions=1,
        retention_seconds=30 * DAY,
        message_bytes_max=topic.message_bytes_max,
    )


QUEUE_PANES = Topic(
    name="queue-panes",
    why="the log of what is happening: contacts counted by queue and pane; the detection fold's only input",
    key="tenant",
    value="QueuePane | Progress | SetAside | Centre",
    partitions=4,
    retention_seconds=30 * DAY,
    dead_letter=True,
)
DESK = Topic(
    name="desk",
    why="all that a tenant's desk hears, in one order; the response fold's only input",
    key="tenant",
    value="DeskEntry",
    partitions=4,
    retention_seconds=90 * DAY,
    dead_letter=True,
)
WORKFORCE = Topic(
    name="workforce",
    why="agents staffed and free, by queue",
    key="tenant",
    value="Workforce",
    partitions=4,
    retention_seconds=7 * DAY,
    dead_letter=True,
)
TOOL_HEALTH = Topic(
    name="tool-health",
    why="how tools and providers say they are",
    key="tenant",
    value="ToolHealth",
    partitions=4,
    retention_seconds=7 * DAY,
    dead_letter=True,
)
OPERATOR_DECISIONS = Topic(
    name="operator-decisions",
    why="what people decided: approvals, acknowledgements, the kill switch",
    key="tenant",
    value="OperatorDecision",
    partitions=4,
    retention_seconds=365 * DAY,
    dead_letter=True,
)
COMMAND_RESULTS = Topic(
    name="command-results",
    why="what the routing platform answered to a command",
    key="tenant",
    value="CommandResult",
    partitions=4,
    retention_seconds=90 * DAY,
    dead_letter=True,
)
CENTRE = Topic(
    name="centre",
    why="each tenant's model of its contact centre",
    key="tenant",
    value="Centre",
    partitions=4,
    compacted=True,
    dead_letter=True,
)
OPEN_CASES = Topic(
    name="open-cases",
    why="cases that are open, for triage and follow-up",
    key="case_id",
    value="OpenCase",
    partitions=4,
    compacted=True,
    dead_letter=True,
)
INCIDENTS = Topic(
    name="incidents",
    why="each outage as one event, as last revised",
    key="tenant|incident_id",
    value="Incident",
    partitions=4,
    compacted=True,
    retention_seconds=90 * DAY,
    dead_letter=True,
)
STAFFING_ALERTS = Topic(
    name="staffing-alerts",
    why="who is short by how many, and the lever",
    key="tenant|alert_id",
    value="StaffingAlert",
    partitions=4,
    retention_seconds=90 * DAY,
    dead_letter=True,
)
LOAD_SHIFT_COMMANDS = Topic(
    name="load-shift-commands",
    why="what the routing platform may execute now: automatic or approved, expiring, with its inverse",
    key="tenant|command_id",
    value="LoadShiftCommand",
    partitions=4,
    retention_seconds=90 * DAY,
)
LOAD_SHIFT_PROPOSALS = Topic(
    name="load-shift-proposals",
    why="what may not be executed: dry runs, waiting for approval, too old, blocked",
    key="tenant|command_id",
    value="LoadShiftCommand",
    partitions=4,
    retention_seconds=90 * DAY,
)
BULLETINS = Topic(
    name="bulletins",
    why="approved messages to agents, supervisors, customers and social, filled in",
    key="tenant|bulletin_id",
    value="Bulletin",
    partitions=4,
    retention_seconds=90 * DAY,
)
DESK_STATUS = Topic(
    name="desk-status",
    why="how each tenant's desk stands: what was stopped by hand, who is on call",
    key="tenant|desk",
    value="DeskStatus",
    partitions=4,
    compacted=True,
)
RECOVERIES = Topic(
    name="recoveries",
    why="what is left to do after each outage, and by when it is done",
    key="tenant|incident_id",
    value="Recovery",
    partitions=4,
    compacted=True,
)
NOTIFICATIONS = Topic(
    name="notifications",
    why="what became of each notice to each sink; read back at start, so that none is sent twice",
    key="sink|incident_id, of a staffing alert and a load shift |queue or |command_id behind it; sink|centre|tenant",
    value="Notification",
    partitions=4,
    compacted=True,
    # what goes on longer is written anew by the notifier
    retention_seconds=90 * DAY,
)
LATE_CONTACTS = Topic(
    name="late-contacts",
    why="events that came after their pane had closed: for people",
    key="topic/partition/offset",
    value="LateContact",
    partitions=4,
    retention_seconds=30 * DAY,
)
DEFECTS = Topic(
    name="defects",
    why="records that ended one of our processes; the second attempt sets them aside",
    key="group|topic/partition/offset",
    value="Defect",
    partitions=1,
    compacted=True,
)


def fold_state(role: str, partitions: int) -> Topic:
    """What a fold remembers, by source partition: as many partitions as the widest of its inputs has."""
    return Topic(
        name=f"{role}-state",
        why=f"what the {role} fold remembers, with the offset it follows from; read back when a partition is assigned",
        key="topic|partition|entry|writer",
        value="opaque bytes of the fold",
        partitions=partitions,
        compacted=True,
        compact_often=True,
        timestamps="CreateTime",
    )


# What other systems write and the desk reads.
DESK_INPUTS = (WORKFORCE, TOOL_HEALTH, OPERATOR_DECISIONS, COMMAND_RESULTS, CENTRE, OPEN_CASES)
DESK_OUTPUTS = (
    INCIDENTS,
    STAFFING_ALERTS,
    LOAD_SHIFT_COMMANDS,
    LOAD_SHIFT_PROPOSALS,
    BULLETINS,
    DESK_STATUS,
    RECOVERIES,
)
DETECT_STATE = fold_state("detect", QUEUE_PANES.partitions)
RESPOND_STATE = fold_state("respond", DESK.partitions)
INTAKE_STATE = fold_state("intake", max(topic.partitions for topic in DESK_INPUTS))
# Ours alone: no part of the contract with other systems.
FOLD_STATES = (DETECT_STATE, RESPOND_STATE, INTAKE_STATE)
FIXED = (QUEUE_PANES, DESK, *DESK_INPUTS, *DESK_OUTPUTS, NOTIFICATIONS, LATE_CONTACTS, DEFECTS)


def all_topics(channels: dict[str, int]) -> tuple[Topic, ...]:
    """Every topic of a deployment; `channels` maps each channel to its number of partitions."""
    wanted = [contact_events(channel, partitions) for channel, partitions in sorted(channels.items())]
    wanted += (*FIXED, *FOLD_STATES)
    return tuple(wanted + [dead_letter(topic) for topic in wanted if topic.dead_letter])
