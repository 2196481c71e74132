"""What every value on the bus has in common."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated

import msgspec

Utc = Annotated[datetime, msgspec.Meta(tz=True, description="ISO 8601 with a zone; written in UTC")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


def kind_of(class_name: str) -> str:
    """`QueuePane` -> `queue-pane`: the word that stands in `kind`, in `ce_type` and in the examples' file names."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", class_name).lower()


class Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A value inside a message."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag=kind_of):
    """A value with a record of its own. `kind` names it on topics that carry several.

    Fields that we do not know are ignored, a `schema_version` above `codec.VERSION` is refused.
    """

    schema_version: int = 1


class Origin(Part, frozen=True, kw_only=True, order=True):
    """The record that caused a value, and its index among the outputs of that step: a page leads back to events."""

    topic: str
    partition: int
    offset: int
    n: int = 0


class QueueRef(Part, frozen=True, kw_only=True, order=True):
    """A queue of a channel; `queue` None is the whole channel."""

    channel: Name
    queue: Name | None = None

    def __str__(self) -> str:
        return self.channel if self.queue is None else f"{self.channel}/{self.queue}"
