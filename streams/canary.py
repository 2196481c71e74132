"""One contact of nobody's through the ingest: does this deployment count?

Its tenant is `canary`, of which detection learns nothing and nobody is told.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from schemas import codec, topics
from schemas.contact import CANARY, ContactEvent
from schemas.errors import BadConfig, Unavailable
from schemas.pane import QueuePane
from streams import clock, log_reader
from streams.config import Settings
from streams.log_reader import Record, Start
from streams.publish import Place, publish

FIX = "look at the ingest workers: `breakwater doctor` says whether they are there and how far they have read"


class Counted(NamedTuple):
    """The contact, and the pane record that counted it after so many seconds."""

    sent: Place
    pane: Place
    seconds: float


def send_and_await(settings: Settings, channel: str, wait_seconds: float) -> Counted:
    """Raises BadConfig (no such channel), Unavailable (no broker, or nobody counted it in time)."""
    if channel not in settings.channels:
        raise BadConfig([("--channel", f"{channel} is none of the settings' channels: {', '.join(settings.channels)}")])
    began = clock.elapsed()
    queue = f"canary-{secrets.token_hex(4)}"
    sent = _send(settings, channel, queue)
    found = log_reader.follow(
        settings, [topics.QUEUE_PANES], Start(since=sent.at), lambda record: _counts(record, queue), wait_seconds
    )
    for record in found:
        place = Place(record.topic, record.partition, record.offset, record.at)
        return Counted(sent, place, clock.elapsed() - began)
    why = f"the contact at {sent.topic}/{sent.partition}/{sent.offset} was not counted within {wait_seconds:g} s"
    raise Unavailable("the ingest", why, FIX)


def _send(settings: Settings, channel: str, queue: str) -> Place:
    now = clock.now()
    event = ContactEvent(
        type="offered",
        occurred_at=now,
        source=CANARY,
        event_id=queue,
        contact_id=queue,
        tenant=CANARY,
        channel=channel,
        queue=queue,
    )
    topic = topics.contact_events(channel, settings.channels[channel].partitions)
    return publish(settings, topic, event, key=event.key().decode(), id=queue, source="breakwater/canary", time=now)


def _counts(record: Record, queue: str) -> bool:
    if record.key != CANARY.encode() or record.value is None or queue.encode() not in record.value:
        return False
    return queue in codec.decode(QueuePane, record.value).queues
