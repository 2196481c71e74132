"""The committed examples and documents are what the code reads and makes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import orjson
import pytest

from schemas import codec, documents, topics
from schemas.base import Origin
from schemas.contact import ContactEvent
from schemas.desk import DeskEntry
from schemas.errors import BadMessage
from schemas.pane import PaneRecord, QueueCounts, QueuePane
from schemas.tick import Tick
from tools import generate

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "schemas/examples").glob("*.json"))
NOW = datetime(2026, 3, 3, 14, 2, tzinfo=UTC)


def kind_of(path: Path) -> str:
    return path.name.split(".")[0]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_every_example_is_decoded_and_survives_the_round_trip(path: Path) -> None:
    message = documents.BY_KIND[kind_of(path)]
    value = codec.decode(message, path.read_bytes())
    assert codec.decode(message, codec.encode(value)) == value


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_every_example_fulfils_its_json_schema(path: Path) -> None:
    schema = orjson.loads((ROOT / f"schemas/json/{kind_of(path)}.v1.json").read_bytes())
    jsonschema.Draft202012Validator(schema).validate(orjson.loads(path.read_bytes()))


def test_every_message_has_an_example() -> None:
    assert {kind_of(path) for path in EXAMPLES} == set(documents.BY_KIND)


def test_the_committed_documents_are_what_the_code_generates() -> None:
    assert generate.differing() == []


@pytest.mark.real_data
def test_the_asyncapi_document_fulfils_the_published_schema(shared_data: Path) -> None:
    schema = orjson.loads((shared_data / "specs/asyncapi/asyncapi-3.0.0.schema.json").read_bytes())
    errors = list(jsonschema.Draft7Validator(schema).iter_errors(documents.asyncapi()))
    assert errors == []


def test_the_asyncapi_document_names_every_topic_once() -> None:
    addresses = [channel["address"] for channel in documents.asyncapi()["channels"].values()]
    assert len(addresses) == len(set(addresses))
    assert {topic.name for topic in topics.FIXED} < set(addresses)


def test_unknown_fields_are_kept_out_but_are_no_error() -> None:
    raw = b'{"type":"offered","occurred_at":"2026-03-03T14:02:00Z","source":"a","name":"Ada","phone":"555"}'
    assert b"Ada" not in codec.encode(codec.decode(ContactEvent, raw))


@pytest.mark.parametrize(
    ("raw", "reason", "path"),
    [
        (None, "empty", "$"),
        (b"", "empty", "$"),
        (b"{", "not-json", "$"),
        (b"\xff\xfe", "not-json", "$"),
        (b"[" * 5000, "wrong-shape", "$"),
        (b"[1]", "wrong-shape", "$"),
        (b'{"type":"offered","source":"a"}', "missing-field", "$.occurred_at"),
        (b'{"type":"sung","source":"a","occurred_at":"2026-03-03T14:02:00Z"}', "wrong-shape", "$.type"),
        (b'{"type":"offered","source":"a","occurred_at":"2026-03-03T14:02:00"}', "wrong-shape", "$.occurred_at"),
        (b'{"type":"offered","source":"a","occurred_at":"2026-13-03T14:02:00Z"}', "wrong-shape", "$.occurred_at"),
        (
            b'{"type":"rated","source":"a","occurred_at":"2026-03-03T14:02:00Z","sentiment":7}',
            "wrong-shape",
            "$.sentiment",
        ),
        (b'{"type":"new-type","schema_version":2}', "newer-version", "$.schema_version"),
        (
            b'{"type":"offered","source":"a","occurred_at":"2026-03-03T14:02:00Z","schema_version":9}',
            "newer-version",
            "$.schema_version",
        ),
    ],
)
def test_what_cannot_be_read_is_a_bad_message_with_reason_and_path(raw: bytes | None, reason: str, path: str) -> None:
    with pytest.raises(BadMessage) as caught:
        codec.decode(ContactEvent, raw)
    assert (caught.value.reason, caught.value.path) == (reason, path)


def test_times_are_written_in_utc_whatever_zone_they_came_in() -> None:
    berlin = timezone(timedelta(hours=1))
    event = ContactEvent(type="offered", occurred_at=NOW.astimezone(berlin), source="a")
    assert orjson.loads(codec.encode(event))["occurred_at"] == "2026-03-03T14:02:00Z"


def test_encoding_is_canonical_whatever_order_the_maps_were_filled_in() -> None:
    def pane(names: str) -> bytes:
        return codec.encode(
            QueuePane(
                tenant="t",
                channel="voice",
                pane_start=NOW,
                pane_seconds=10,
                partition=0,
                version=1,
                complete_to=NOW,
                queues={name: QueueCounts(offered=1) for name in names},
            )
        )

    assert pane("abc") == pane("cba")


def test_a_union_is_told_apart_by_its_kind() -> None:
    tick = Tick(tenant="t", at=NOW, read_to=NOW, complete_to=NOW)
    entry = DeskEntry(tenant="t", origin=Origin(topic="queue-panes", partition=0, offset=1), body=tick)
    assert codec.decode(DeskEntry, codec.encode(entry)).body == tick
    with pytest.raises(BadMessage, match="wrong-shape"):
        codec.decode(PaneRecord, codec.encode(tick))


def test_headers_are_cloudevents_in_binary_mode() -> None:
    tick = Tick(tenant="t", at=NOW, read_to=NOW, complete_to=NOW)
    headers = dict(codec.headers(tick, id="7", source="breakwater/detect", time=NOW))
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_type": b"breakwater.tick.v1",
        "ce_source": b"breakwater/detect",
        "ce_id": b"7",
        "ce_time": b"2026-03-03T14:02:00Z",
        "content-type": b"application/json",
    }


def test_topics_have_one_name_each_and_those_that_we_read_have_a_dead_letter() -> None:
    names = [topic.name for topic in topics.all_topics({"voice": 2, "chat": 4})]
    assert len(names) == len(set(names))
    assert {"contact-events.voice", "contact-events.voice.dead-letter", "centre.dead-letter"} <= set(names)
    assert "desk.dead-letter" in names
    assert "late-contacts.dead-letter" not in names
