"""How the desks stand, as they last said on the bus."""

from __future__ import annotations

from schemas import topics
from schemas.errors import BadMessage
from schemas.status import DeskStatus
from streams import log_reader
from streams.config import Settings
from streams.values import value_of


def read(settings: Settings, tenant: str | None = None) -> dict[str, DeskStatus]:
    """The last word of each tenant's desk. Raises Unavailable, BadConfig."""
    found: dict[str, DeskStatus] = {}
    for record in log_reader.read_to_end(settings, [topics.DESK_STATUS]):
        try:
            value = value_of(record.topic, record.value)
        except BadMessage:
            continue  # of another release
        if isinstance(value, DeskStatus) and tenant in (None, value.tenant):
            found[value.tenant] = value
    return dict(sorted(found.items()))
