"""`breakwater feed` as it is typed: what it prints, what it refuses, what it writes for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas import codec
from schemas.contact import ContactEvent
from streams.__main__ import main

EXPORT = "id,team,opened,closed\n1,a,2015-01-20T07:00,2015-01-20T08:00\n2,b,soon,\n3,b,2015-01-20T09:00,\n"
MAPPING = """
tenant: acme
time_zone: America/New_York
times: {opened: opened, closed: closed}
fields: {channel: voice, queue: "{team}", contact_id: "{id}"}
events: {offered: {at: opened}, finished: {at: closed}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "export.csv").write_text(EXPORT, encoding="utf-8")
    (tmp_path / "map.yaml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["feed", str(folder / "export.csv"), "--map", str(folder / "map.yaml"), *arguments])
    return int(ended.value.code or 0)


def test_a_dry_run_shows_events_and_refusals_and_sends_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--dry-run", "--json", str(folder / "figures.json")) == 0
    said, asides = capsys.readouterr()
    events = [codec.decode(ContactEvent, line.encode()) for line in said.splitlines() if line.startswith("{")]
    assert [(e.contact_id, e.type) for e in events] == [("1", "offered"), ("1", "finished"), ("3", "offered")]
    assert "read 3 rows" in said
    assert "bad-time" in asides and "opened=soon" in asides
    figures = json.loads((folder / "figures.json").read_text())
    assert {name: figures[name] for name in ("read", "sent", "refused")} == {
        "read": 3,
        "sent": 0,
        "refused": {"bad-time": 1},
    }


def test_a_window_is_by_the_mappings_clock_unless_it_carries_an_offset(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "--dry-run", "--from", "2015-01-20T08:00", "--to", "2015-01-20T14:00Z") == 0
    assert capsys.readouterr().out.count('"type"') == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--speed", "fast"), "--speed"),
        (("--speed", "-3"), "--speed"),
        (("--from", "tomorrow"), "--from"),
        ((), "tenants.acme"),
    ],
)
def test_wrong_use_ends_with_2_and_names_what_is_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], named: str
) -> None:
    assert run(folder, *arguments) == 2
    assert named in capsys.readouterr().err


def test_every_mistake_of_a_mapping_is_on_a_line_of_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "map.yaml").write_text(MAPPING.replace("{team}", "{teem}").replace("closed: closed", "closed: shut"))
    assert run(folder, "--dry-run") == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == ["times.closed.column", "fields.queue"]
