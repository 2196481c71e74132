"""What `breakwater tail` shows: every message that flows has its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from schemas import topics
from schemas.contact import ContactEvent
from schemas.desk import DeskBody
from streams import config
from streams.cli._lines import describe, lines
from streams.values import VALUES

EXAMPLES = sorted((Path(__file__).parents[3] / "schemas" / "examples").glob("*.json"))
KINDS: dict[str, Any] = {
    kind.__struct_config__.tag: kind for value in (*VALUES.values(), DeskBody) for kind in (get_args(value) or (value,))
}


def decoded(path: Path) -> Any:
    import msgspec

    raw = path.read_bytes()
    return msgspec.json.decode(raw, type=KINDS.get(json.loads(raw).get("kind"), ContactEvent))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_has_a_line_that_names_its_tenant(path: Path) -> None:
    value = decoded(path)
    first, *more = describe(value)
    assert first.plain.strip()
    assert (getattr(value, "tenant", None) or "") in first.plain
    assert "\n" not in first.plain
    assert all(line.plain.startswith("    ") for line in more)


def test_every_topic_that_people_write_or_read_can_be_shown() -> None:
    shown = {topic.name for topic in topics.FIXED}
    assert shown <= set(VALUES)


def test_every_kind_on_the_bus_has_an_example_here() -> None:
    seen = {type(decoded(path)) for path in EXAMPLES}
    assert set(KINDS.values()) <= seen


def test_a_tombstone_and_a_bad_record_are_lines_too() -> None:
    assert lines("incidents", b"northwind|i-1", None)[0].plain == "removed northwind|i-1"
    assert "cannot be read k: wrong-shape" in lines("incidents", b"k", b"[]")[0].plain


def test_a_contact_event_is_shown_on_any_channel() -> None:
    raw = next(path for path in EXAMPLES if path.stem == "contact-event.v1").read_bytes()
    name = topics.contact_events(next(iter(config.CHANNELS))).name
    assert "offered northwind chat/billing" in lines(name, b"k", raw)[0].plain
