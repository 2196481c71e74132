"""The contracts as documents, made from the values and topics: a JSON Schema a message, one AsyncAPI 3 document."""

from __future__ import annotations

from typing import Any

import msgspec

from schemas import codec, topics
from schemas.base import Message, kind_of
from schemas.centre import Centre, OpenCase
from schemas.command import Bulletin, LoadShiftCommand, StaffingAlert
from schemas.contact import ContactEvent
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskEntry
from schemas.health import ToolHealth
from schemas.incident import Incident
from schemas.notice import Defect, LateContact, Notification
from schemas.pane import Progress, QueuePane, SetAside
from schemas.recovery import Recovery
from schemas.signal import Load, Signal
from schemas.status import DeskStatus
from schemas.tick import Tick
from schemas.workforce import Workforce

# Every message that has a record of its own, or stands on the desk.
MESSAGES: tuple[type[Message] | type[ContactEvent], ...] = (
    ContactEvent,
    QueuePane,
    Progress,
    SetAside,
    DeskEntry,
    Signal,
    Load,
    Tick,
    Workforce,
    ToolHealth,
    OperatorDecision,
    CommandResult,
    Centre,
    OpenCase,
    Incident,
    StaffingAlert,
    LoadShiftCommand,
    Bulletin,
    DeskStatus,
    Recovery,
    Notification,
    LateContact,
    Defect,
)
BY_KIND = {kind_of(message.__name__): message for message in MESSAGES}
DRAFT = "https://json-schema.org/draft/2020-12/schema"
EXAMPLE_CHANNEL = "{channel}"


def json_schema(message: type[Message] | type[ContactEvent]) -> dict[str, Any]:
    """The JSON Schema of one message. Unknown fields are allowed: readers ignore them."""
    (schema,), parts = msgspec.json.schema_components([message], ref_template="#/$defs/{name}")
    return {
        "$schema": DRAFT,
        "title": f"{codec.TYPE_PREFIX}{kind_of(message.__name__)}.v{codec.VERSION}",
        **schema,
        "$defs": dict(sorted(parts.items())),
    }


def asyncapi() -> dict[str, Any]:
    """One AsyncAPI 3.0.0 document of all topics: who writes what where, with keys, partitions and retention."""
    _, parts = msgspec.json.schema_components(MESSAGES, ref_template="#/components/schemas/{name}")
    wanted = (topics.contact_events(EXAMPLE_CHANNEL), *topics.FIXED)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Breakwater",
            "version": f"{codec.VERSION}.0.0",
            "description": "What flows between a contact centre's platforms and Breakwater, and inside it.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": codec.CONTENT_TYPE,
        "channels": {_channel_id(topic): _channel(topic) for topic in wanted},
        "operations": {
            f"{action}-{_channel_id(topic)}": {
                "action": action,
                "channel": {"$ref": f"#/channels/{_channel_id(topic)}"},
            }
            for topic in wanted
            for action in _actions(topic)
        },
        "components": {
            "messages": {kind_of(message.__name__): _message(message) for message in MESSAGES},
            "schemas": {name: _without_mappings(part) for name, part in sorted(parts.items())},
        },
    }


def _without_mappings(schema: Any) -> Any:
    """AsyncAPI's discriminator is the property's name alone; the mapping stands in the kinds' own tags."""
    if isinstance(schema, list):
        return [_without_mappings(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value["propertyName"] if name == "discriminator" and isinstance(value, dict) else _without_mappings(value)
        for name, value in schema.items()
    }


def _channel_id(topic: topics.Topic) -> str:
    return topic.name.replace(f".{EXAMPLE_CHANNEL}", "")


def _actions(topic: topics.Topic) -> tuple[str, ...]:
    if topic.name.startswith(topics.CONTACT_EVENTS) or topic in topics.DESK_INPUTS:
        return ("receive",)
    return ("send", "receive") if topic in (topics.QUEUE_PANES, topics.DESK, topics.NOTIFICATIONS) else ("send",)


def _channel(topic: topics.Topic) -> dict[str, Any]:
    names = [kind_of(name.strip()) for name in topic.value.split("|")]
    binding: dict[str, Any] = {"topic": topic.name, "partitions": topic.partitions, "bindingVersion": "0.5.0"}
    binding["topicConfiguration"] = {
        "cleanup.policy": topic.policies(),
        "retention.ms": -1 if topic.retention_seconds is None else topic.retention_seconds * 1000,
        "max.message.bytes": topic.message_bytes_max,
    }
    channel: dict[str, Any] = {
        "address": topic.name,
        "summary": topic.why,
        "description": f"Key: {topic.key}."
        + (f" What cannot be read goes to {topic.name}{topics.DEAD_LETTER}." if topic.dead_letter else ""),
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"kafka": binding},
    }
    if EXAMPLE_CHANNEL in topic.name:
        channel["parameters"] = {"channel": {"description": "voice, chat, email, social, sms, app, web, internal"}}
    return channel


def _message(message: type[Message] | type[ContactEvent]) -> dict[str, Any]:
    return {
        "name": f"{codec.TYPE_PREFIX}{kind_of(message.__name__)}.v{codec.VERSION}",
        "title": message.__name__,
        "summary": (message.__doc__ or "").split("\n\n")[0].replace("\n    ", " ").strip(),
        "contentType": codec.CONTENT_TYPE,
        "payload": {"$ref": f"#/components/schemas/{message.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": "0.5.0"}},
    }
