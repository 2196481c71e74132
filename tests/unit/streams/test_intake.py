"""What other systems write comes to the desk as it is, with where it came from."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from schemas import codec, topics
from schemas.base import Origin
from schemas.centre import Centre
from schemas.desk import DeskEntry
from streams.intake import KINDS, Arrived, Intake

AT = datetime(2026, 3, 3, 14, 2, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[3] / "schemas/examples"


@pytest.mark.parametrize("topic", topics.DESK_INPUTS, ids=lambda topic: topic.name)
def test_every_input_of_the_desk_is_copied_with_its_origin(topic: topics.Topic) -> None:
    kind = KINDS[topic.name]
    tag = kind.__struct_config__.tag
    body = codec.decode(kind, (EXAMPLES / f"{tag}.v1.json").read_bytes())
    origin = Origin(topic=topic.name, partition=2, offset=41)
    output, *others = Intake().step(Arrived(body, AT), origin)
    assert output.value == DeskEntry(tenant=body.tenant, origin=origin, body=body)
    assert (output.topic, output.key, output.time) == (topics.DESK, body.tenant, AT)
    assert [other.topic.name for other in others] == (["queue-panes"] if kind is Centre else [])


def test_the_centres_model_reaches_the_detection_fold_in_its_own_log() -> None:
    centre = Centre(tenant="retailer", version=3)
    outputs = Intake().step(Arrived(centre, AT), Origin(topic="centre", partition=0, offset=7))
    assert [(output.topic.name, output.key) for output in outputs] == [
        ("desk", "retailer"),
        ("queue-panes", "retailer"),
    ]
    assert outputs[1].value == centre


def test_a_copy_made_again_is_the_same_copy() -> None:
    centre = Centre(tenant="retailer", version=3)
    origin = Origin(topic="centre", partition=0, offset=7)
    assert Intake().step(Arrived(centre, AT), origin) == Intake().step(Arrived(centre, AT), origin)
