"""A mapping's mistakes are told at once, each with its path and what to write instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.errors import BadConfig
from streams import mapping

GOOD: dict[str, Any] = {
    "tenant": "acme",
    "times": {"opened": "opened_at"},
    "fields": {"channel": "voice", "queue": "{team}", "contact_id": "{id}"},
    "events": {"offered": {"at": "opened"}},
}


def load(folder: Path, **changes: Any) -> mapping.Mapping:
    file = folder / "mapping.yaml"
    file.write_text(yaml.safe_dump(GOOD | changes), encoding="utf-8")
    return mapping.load(file)


def problems(folder: Path, **changes: Any) -> dict[str, str]:
    with pytest.raises(BadConfig) as refused:
        load(folder, **changes)
    return dict(refused.value.problems)


def test_the_mappings_of_the_docs_can_be_read() -> None:
    found = sorted((Path(__file__).parents[3] / "docs" / "mappings").glob("*.yaml"))
    assert len(found) >= 3
    for path in found:
        assert mapping.load(path).events


def test_a_short_moment_is_a_column_and_one_moment_needs_no_list(tmp_path: Path) -> None:
    read = load(tmp_path)
    assert read.times["opened"].column == "opened_at"
    assert read.events["offered"].at == ["opened"]


def test_every_mistake_is_told_at_once_with_its_path(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        time_zone="Mars/Olympus",
        ambigous="latest",
        times={"opened": {"date": "d"}},
        keep=[{"column": "state", "in": ["a"], "present": True}],
        events={"offered": {"at": "opened"}, "opened": {"at": "opened"}},
    )
    assert {"time_zone", "ambigous", "times.opened", "keep.0", "events.opened"} <= set(found)
    assert "America/New_York" in found["time_zone"]
    assert "answered" in found["events.opened"]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    found = problems(tmp_path, fields={"channel": "voice"})
    assert found == {"fields.queue": "is missing", "fields.contact_id": "is missing"}


def test_an_event_at_a_moment_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    found = problems(tmp_path, events={"offered": {"at": "openend", "wait_seconds": {"from": "opened", "to": "shut"}}})
    assert "there are opened" in found["events.offered.at"]
    assert "'shut'" in found["events.offered.wait_seconds"]


def test_a_broken_template_is_refused(tmp_path: Path) -> None:
    assert "brace" in problems(tmp_path, fields=GOOD["fields"] | {"contact_id": "{id"})["fields.contact_id"]


def test_a_yaml_truth_value_in_a_value_list_asks_for_quotes(tmp_path: Path) -> None:
    found = problems(tmp_path, keep=[{"column": "vip", "in": [True]}])
    assert any("quotes" in text for text in found.values())


def test_a_value_map_with_a_misspelt_key_names_its_place(tmp_path: Path) -> None:
    found = problems(tmp_path, fields=GOOD["fields"] | {"queue": {"column": "team", "valeus": {"a": "b"}}})
    assert list(found) == ["fields.queue.valeus"]


def test_formats_with_and_without_offset_do_not_mix(tmp_path: Path) -> None:
    found = problems(tmp_path, times={"opened": {"column": "o", "format": ["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d"]}})
    assert "offset" in found["times.opened"]


def test_a_file_that_is_no_mapping_or_not_there_says_so(tmp_path: Path) -> None:
    (tmp_path / "list.yaml").write_text("- a\n", encoding="utf-8")
    for name in ("list.yaml", "nothing.yaml"):
        with pytest.raises(BadConfig) as refused:
            mapping.load(tmp_path / name)
        assert refused.value.problems[0][0].endswith(name)


def test_every_column_it_reads_is_known_with_its_place(tmp_path: Path) -> None:
    read = load(
        tmp_path,
        tenant={"column": "firm"},
        keep=[{"column": "state", "in": ["a"]}],
        fields=GOOD["fields"] | {"vip": [{"column": "rank", "in": [1]}]},
        events={"finished": {"at": "opened", "handle_seconds": {"column": "secs"}}},
    )
    assert {column: place for place, column in read.columns()} == {
        "firm": "tenant.column",
        "opened_at": "times.opened.column",
        "state": "keep.0.column",
        "team": "fields.queue",
        "id": "fields.contact_id",
        "rank": "fields.vip.0.column",
        "secs": "events.finished.handle_seconds.column",
    }
