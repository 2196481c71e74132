"""Raw values to events: each on its own, whatever its neighbours are."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.contact import ContactEvent
from schemas.errors import BadMessage
from streams.ingest.contacts import UnknownType, decode_batch


def raw(**fields: Any) -> bytes:
    given = {"type": "offered", "occurred_at": "2026-11-22T08:00:00Z", "source": "acd", "tenant": "acme"}
    return json.dumps(given | fields).encode()


def what(value: bytes | None) -> Any:
    (found,) = decode_batch([value], 500)
    return (found.reason, found.path) if isinstance(found, BadMessage) else found


def test_every_kind_of_bad_value_has_its_reason_and_path() -> None:
    assert what(None) == ("empty", "$")
    assert what(b"") == ("empty", "$")
    assert what(b"\xff\xfe") == ("not-json", "$")
    assert what(b"{") == ("not-json", "$")
    assert what(b"[]") == ("wrong-shape", "$")
    assert what(raw(occurred_at="yesterday")) == ("wrong-shape", "$.occurred_at")
    assert what(raw(occurred_at="2026-11-22T08:00:00")) == ("wrong-shape", "$.occurred_at")
    assert what(raw(wait_seconds=-1)) == ("wrong-shape", "$.wait_seconds")
    assert what(raw(type=5)) == ("wrong-shape", "$.type")
    assert what(b'{"type":"offered"}') == ("missing-field", "$.occurred_at")
    assert what(raw(schema_version=9, type="new")) == ("newer-version", "$.schema_version")
    assert what(raw(reason="x" * 600)) == ("too-large", "$")


def test_endless_nesting_in_a_field_that_nobody_reads_is_no_json() -> None:
    (found,) = decode_batch([b'{"x":' + b"[" * 60_000], 65_536)
    assert isinstance(found, BadMessage)
    assert found.reason == "not-json"


def test_an_unknown_type_is_no_fault_and_an_unknown_field_is_ignored() -> None:
    assert isinstance(what(raw(type="teleported")), UnknownType)
    assert isinstance(what(raw(colour="blue")), ContactEvent)


fragments = st.lists(
    st.sampled_from(['{"a":"}', '{"}', "{", "}", "[", "]", '"', ",", raw().decode(), '"a":1', "null", " ", "\n"]),
    max_size=4,
).map("".join)


@given(st.lists(fragments, max_size=8))
def test_no_value_is_mistaken_for_a_part_of_its_neighbours(values: list[str]) -> None:
    encoded = [value.encode() for value in values]
    found = decode_batch(encoded, 1000)
    assert len(found) == len(encoded)
    for value, event in zip(encoded, found, strict=True):
        (alone,) = decode_batch([value], 1000)
        assert type(alone) is type(event)
        try:
            whole = json.loads(value)
        except ValueError:
            whole = None
        assert isinstance(event, ContactEvent) == (isinstance(whole, dict) and whole.get("type") == "offered")
