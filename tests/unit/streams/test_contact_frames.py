"""Contacts as frames: every field there and back, what may be missing, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import polars as pl
import pytest

from schemas.contact import ContactEvent
from schemas.errors import BadConfig
from streams.frames import contacts
from streams.frames.contacts import CONTACTS, LOG, PLACES

AT = datetime(2026, 11, 24, 14, 2, 3, 456789, tzinfo=UTC)
FULL = ContactEvent(
    type="escalated",
    occurred_at=AT,
    source="acd",
    event_id="e1",
    contact_id="c1",
    tenant="acme",
    channel="voice",
    queue="billing",
    transfer=True,
    reason="login",
    site="north",
    region="eu",
    provider="telco",
    vip=True,
    sentiment=-0.5,
    wait_seconds=1.5,
    handle_seconds=90.25,
    customer="k1",
    drill="d1",
    queues=["billing", "orders"],
    last=True,
    schema_version=1,
)


def test_the_columns_are_the_fields_of_an_event_in_their_order() -> None:
    assert tuple(CONTACTS) == ContactEvent.__struct_fields__
    assert not set(PLACES) & set(CONTACTS)
    default = {field.name: getattr(FULL, field.name) for field in msgspec.structs.fields(ContactEvent) if field.default}
    assert all(getattr(FULL, name) != contacts.DEFAULTS[name] for name in default if name != "schema_version")


def test_every_field_comes_back_from_parquet_as_it_was(tmp_path: Path) -> None:
    bare = ContactEvent(type="offered", occurred_at=AT, source="acd")
    contacts.of_events([FULL, None, bare]).write_parquet(tmp_path / "contacts.parquet")
    frame = pl.read_parquet(tmp_path / "contacts.parquet")
    assert frame.schema == pl.Schema(CONTACTS)
    assert list(contacts.events_of(frame)) == [FULL, None, bare]


def test_what_an_event_need_not_say_may_be_missing() -> None:
    needed = contacts.of_events([FULL]).select(contacts.NEEDED)
    frame = contacts.checked(needed)
    assert frame.schema == pl.Schema(CONTACTS)
    (event,) = contacts.events_of(frame)
    assert event is not None
    assert (event.queue, event.event_id, event.vip, event.reason, event.schema_version) == (
        "billing",
        "",
        False,
        None,
        1,
    )


def test_missing_columns_and_other_types_are_named() -> None:
    frame = contacts.of_events([FULL])
    with pytest.raises(BadConfig, match=r"day\.parquet: lacks tenant, queue"):
        contacts.checked(frame.drop("queue", "tenant"), name="day.parquet")
    with pytest.raises(BadConfig, match="lacks topic, partition, offset, arrived_at"):
        contacts.checked(frame, LOG)
    with pytest.raises(BadConfig, match="another type"):
        contacts.checked(frame.with_columns(occurred_at=pl.lit("at noon")))
