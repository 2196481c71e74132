"""The dashboards of this checkout in a Grafana with state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result
from standing import Running

from schemas.errors import BadConfig, Unavailable
from streams import dashboards
from streams.__main__ import breakwater
from streams.cli.dashboards import HERE
from streams.stand_in import Fault

COUNT = len(list(HERE.glob("*.json")))


@pytest.fixture
def grafana(stand_in: Running, token_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Running:
    file = tmp_path / "breakwater.yaml"
    file.write_text(
        f"notify: {{grafana: {{url: '{stand_in.address}', token_file: {token_file}, deadline_seconds: 2}}}}\n"
    )
    monkeypatch.setattr(dashboards, "WAIT_SECONDS", 0.01)
    monkeypatch.chdir(tmp_path)
    return stand_in


def run(*arguments: str) -> Result:
    command = ["dashboards", *arguments, "--config", "breakwater.yaml"]
    return CliRunner().invoke(breakwater, command, catch_exceptions=False)


def test_applying_makes_folder_source_and_dashboards_and_twice_changes_nothing(grafana: Running) -> None:
    first = run("apply", "--prometheus-url", "http://prometheus:9090")
    state = orjson.dumps([grafana.grafana.dashboards, grafana.grafana.sources, grafana.grafana.folders])
    second = run("apply", "--prometheus-url", "http://prometheus:9090")

    assert first.output.count(": applied") == COUNT
    assert list(grafana.grafana.folders) == ["breakwater"]
    assert grafana.grafana.sources["breakwater-prometheus"]["url"] == "http://prometheus:9090"
    assert {kept["folderUid"] for kept in grafana.grafana.dashboards.values()} == {"breakwater"}
    assert second.output.count(": same") == COUNT + 1
    assert orjson.dumps([grafana.grafana.dashboards, grafana.grafana.sources, grafana.grafana.folders]) == state
    run("apply", "--prometheus-url", "http://another:9090")
    assert grafana.grafana.sources["breakwater-prometheus"]["url"] == "http://another:9090"


def test_what_somebody_changed_there_is_shown_line_by_line_and_put_right(grafana: Running) -> None:
    assert run("diff").exit_code == 1  # nothing is there yet
    run("apply")
    clean = run("diff")
    assert (clean.exit_code, clean.output.count(": same")) == (0, COUNT)

    grafana.grafana.dashboards["breakwater-now"]["dashboard"]["refresh"] = "1d"
    grafana.grafana.dashboards["own"] = {
        "dashboard": {"uid": "own", "title": "Ours", "id": 99},
        "folderUid": "breakwater",
    }
    changed = run("diff")

    assert changed.exit_code == 1
    assert '-  "refresh": "1d",' in changed.output
    assert "Ours: is only in Grafana" in changed.output
    assert run("apply").output.count(": applied") == 1
    assert run("diff").exit_code == 0


def test_what_is_exported_is_what_was_applied(grafana: Running, tmp_path: Path) -> None:
    run("apply")

    run("export", "--to", str(tmp_path / "out"))

    exported = {path.name: orjson.loads(path.read_bytes()) for path in (tmp_path / "out").iterdir()}
    assert exported == {path.name: orjson.loads(path.read_bytes()) for path in HERE.glob("*.json")}


def test_trouble_is_waited_out_a_little_and_then_said(grafana: Running) -> None:
    grafana.faults = [Fault(status=503, times=2)]
    assert run("apply").exit_code == 0

    grafana.faults = [Fault(status=503, body="starting", times=9)]
    with pytest.raises(Unavailable, match=r"notify\.grafana\.url.*503: starting"):
        run("diff")


@pytest.mark.parametrize(
    ("break_it", "setting", "why"),
    [
        (lambda one: setattr(one, "token", "another"), "token_file", "not accepted"),
        (lambda one: setattr(one, "may_write", False), "token_file", "dashboards:write"),
    ],
)
def test_a_token_without_the_rights_is_one_line_that_says_which(
    grafana: Running, break_it: Any, setting: str, why: str
) -> None:
    break_it(grafana.grafana)

    with pytest.raises(BadConfig) as raised:
        run("apply")

    ((path, text),) = raised.value.problems
    assert path == f"notify.grafana.{setting}"
    assert why in text


def test_files_that_are_no_dashboards_are_named_all_at_once(grafana: Running, tmp_path: Path) -> None:
    folder = tmp_path / "boards"
    folder.mkdir()
    with pytest.raises(BadConfig, match="holds no dashboards"):
        run("apply", "--from", str(folder))

    for name, text in (
        ("a", '{"uid": "x", "title": "A"}'),
        ("b", '{"uid": "x", "title": "B"}'),
        ("c", "[]"),
        ("d", "{"),
    ):
        (folder / f"{name}.json").write_text(text)
    with pytest.raises(BadConfig) as raised:
        run("apply", "--from", str(folder))

    assert [Path(path).name for path, _ in raised.value.problems] == ["b.json", "c.json", "d.json"]
    assert grafana.requests == []


def test_without_a_grafana_the_missing_setting_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("breakwater.yaml").write_text("{}")

    with pytest.raises(BadConfig, match=r"notify\.grafana: is not set"):
        run("diff")
