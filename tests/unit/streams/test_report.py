"""What a report says where something is missing, open, slow or hostile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from response.impact import Row
from response.params import RespondParams
from schemas import codec, topics
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.incident import Reason
from schemas.signal import Load
from schemas.status import DeskStatus, SlowTool
from schemas.workforce import Workforce
from streams import config, reliability, reliability_page, report
from streams.cli import report as report_command
from streams.report import Report, case, markup, plot, source
from streams.report.plot import Mark
from streams.report.source import Source
from streams.report.timeline import timeline
from tests.desk_builder import START, centre, decision, minute, result, signal, staffed, tick
from tests.told_story import Telling, Told, served, story


def silent(_what: str, _count: int) -> None:
    return None


def made(told: Source, **settings: Any) -> Report:
    (incident_id,) = {one.value.incident_id for one in source.said(told, [topics.INCIDENTS])}
    found = case.read(config.load(environment={}, **settings), told, incident_id, silent)
    return report.written(found, RespondParams())


def begun(mode: Any = "approve", minutes: int = 3, *, people: bool = True, before: int = 5) -> Telling:
    """A telephony outage on the desk, still open after some minutes."""
    telling = Telling()
    telling.say(centre(mode))
    for n in range(-before, minutes + 1):
        if n == 1:
            telling.say(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
        telling.say(served(minute(60 * n, {"voice": float(n <= 0)})), tick(60 * n))
        if people:
            telling.say(*staffed(60 * n, voice_idle=n > 0))
    return telling


def without(told: Told, wanted: Callable[[DeskEntry], bool]) -> Told:
    """The same without those entries of the desk that are not wanted."""
    left = Told()
    left.records = dict(told.records)
    entries = told.records[topics.DESK.name]
    left.records[topics.DESK.name] = [one for one in entries if wanted(codec.decode(DeskEntry, one[1]))]
    return left


def facts(written: Report) -> dict[str, tuple[str, str]]:
    return {
        fact.name: (fact.value, fact.note)
        for block in written.blocks
        if isinstance(block, markup.Facts)
        for fact in block.facts
    }


def test_an_open_incident_is_told_so_far() -> None:
    written = made(begun().told)
    assert "It is not over: everything here is so far, as of 2026-11-24 11:03:00." in written.markdown()
    assert facts(written)["Works again"] == ("not yet", "not back to usual yet")
    assert facts(written)["Acknowledged"] == ("no", "nobody acknowledged it")


def test_without_workforce_snapshots_what_needs_them_is_not_known_and_never_nought() -> None:
    told = without(story(), lambda entry: not isinstance(entry.body, Workforce))
    written = made(told)
    assert facts(written)["Not answered in time"] == ("not known", "no workforce snapshots")
    assert written.figures.what_if.saved is None
    assert "not known: no workforce snapshots" in written.figures.what_if.missing
    assert all(one.level is None for one in written.figures.channels)
    assert any("no workforce snapshots" in one.text for one in written.lessons)


def test_without_the_desks_minutes_nothing_is_counted() -> None:
    written = made(without(story(), lambda entry: not isinstance(entry.body, Load)))
    assert facts(written)["Contacts affected"] == ("not known", "no minute of it was recorded")
    assert facts(written)["Gave up beyond usual"][0] == "not known"
    assert not [name for name in written.files() if name.endswith(".svg")]


def test_what_was_not_kept_is_said() -> None:
    late = START + timedelta(minutes=10)
    told = without(story(), lambda entry: getattr(entry.body, "at", late) >= late)
    text = made(told).markdown()
    assert "The record of the desk begins only at 11:" in text
    whole = story()
    cut = Told()
    cut.records = whole.records | {"incidents": whole.records["incidents"][5:]}
    assert "The first 5 words on this incident are not in the record any more." in made(cut).markdown()
    assert "not in the record" not in made(whole).markdown()


def test_a_tool_that_was_slow_stands_in_the_timeline_and_in_the_ledger() -> None:
    telling = begun()
    last = next(one for one in telling.fold.standing() if isinstance(one, DeskStatus))
    found, over = START + timedelta(seconds=60), START + timedelta(seconds=130)

    def slow(name: str, since: timedelta) -> SlowTool:
        return SlowTool(tool=name, since=START + since, latency_seconds=4.2, usual_seconds=0.6)

    crm, long_ago = slow("crm", timedelta(seconds=-30)), slow("bot", timedelta(hours=-9))
    early = found - timedelta(hours=8)
    words = [(early, [long_ago]), (early + timedelta(hours=1), []), (found, [crm]), (over, [])]
    for n, (at, tools) in enumerate(words, 1):
        status = msgspec.structs.replace(last, revision=last.revision + n, at=at, slow=tools)
        telling.told.put(topics.DESK_STATUS, "shop|desk", status)
    (incident_id,) = {one.value.incident_id for one in source.said(telling.told, [topics.INCIDENTS])}
    looked_at = case.read(config.load(environment={}), telling.told, incident_id, silent)
    steps = [(step.at, step.text) for step in timeline(looked_at) if step.what == "slow"]
    assert steps == [
        (found, f"crm answers in 4.2 s, usually 0.6 s, since {crm.since.astimezone(looked_at.zone):%H:%M}"),
        (over, "crm answers as usual again"),
    ]
    (ledger,) = reliability.read(config.load(environment={}), telling.told, None, (None, None), RespondParams(), silent)
    known = {tool.tool: tool.slow for tool in ledger.tools if tool.slow}
    assert list(known) == ["crm"], "the other was slow before anything of this desk is recorded"
    assert (known["crm"].count, known["crm"].failed_seconds, known["crm"].open) == (1, 160.0, 0)
    row = next(line for line in markup.markdown(reliability_page.page([ledger])).splitlines() if "| crm |" in line)
    assert "| 1 x, 2 min 40 s |" in row


def test_an_incident_that_is_not_there_names_the_command_that_lists_them() -> None:
    with pytest.raises(BadConfig) as raised:
        case.read(config.load(environment={}), story(), "shop-nothing", silent)
    assert "breakwater incidents" in str(raised.value)


def test_a_source_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfig) as raised:
        source.opened(config.load(environment={}), str(tmp_path))
    assert raised.value.problems[0][0] == "--source"


def test_in_a_played_tenant_people_decide_by_its_events_time() -> None:
    telling = begun()
    # by the clock on the wall it was half a year later
    telling.say(decision("acknowledge", telling.incident_id, 180 * 86_400.0))
    telling.say(minute(240, {"voice": 0.0}), tick(240))
    played = made(telling.told, tenants={"shop": {"clock": "event"}})
    took = {one.step: one for one in played.figures.times}
    assert took["Acknowledged"].seconds == 179.0
    assert {one.step: one for one in made(telling.told).figures.times}["Acknowledged"].seconds == 180 * 86_400.0 - 1


def test_a_proposal_that_waited_and_one_that_nobody_answered_are_lessons() -> None:
    telling = begun(minutes=7)
    waiting = next(one for one in _proposals(telling) if one.action == "second-carrier")
    telling.say(decision("approve", waiting.command_id, 425.0, decision_id="d-yes"))
    for n in range(8, 45):
        telling.say(served(minute(60 * n, {"voice": 0.0})), tick(60 * n), *staffed(60 * n, voice_idle=True))
    learned = [one.text for one in made(telling.told).lessons]
    assert any(text.startswith("second-carrier voice/billing") and "for a yes" in text for text in learned), learned
    assert any(text.startswith("Nobody acknowledged it: ") for text in learned)


def _proposals(telling: Telling) -> list[Any]:
    return [codec.decode(LoadShiftCommand, value) for _, value in telling.told.records["load-shift-proposals"]]


def test_what_the_platform_refused_is_a_lesson_and_was_never_in_force() -> None:
    telling = begun("auto", minutes=2)
    command_id = next(iter(made(telling.told).case.dossier.commands))
    telling.say(result(command_id, "refused", 130), minute(180, {"voice": 0.0}), tick(180))
    written = made(telling.told)
    assert any(one.kind == "failed" and "platform refused" in one.text for one in written.lessons)
    assert command_id not in {run.command.command_id for run in written.case.runs}


def test_calling_the_bench_is_an_act_as_well() -> None:
    alert = codec.decode(StaffingAlert, story().records["staffing-alerts"][0][1])
    yes = codec.encode(decision("approve", alert.alert_id, 11, by="bo"))
    told = Told()
    told.records = story().records | {"operator-decisions": [(b"shop", yes), *story().records["operator-decisions"]]}
    acted = next(one for one in made(told).figures.times if one.step == "Acted upon")
    assert (acted.seconds, acted.by) == (10.0, "bo")


def test_words_of_people_mean_nothing_to_the_page() -> None:
    telling = begun()
    note = "<script>alert(1)</script> | **bold** [x](http://evil.example)"
    telling.say(decision("acknowledge", telling.incident_id, 190, note=note), minute(240, {"voice": 0.0}), tick(240))
    files = made(telling.told).files()
    html = files[report.HTML].decode()
    assert "<script>" not in html and "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    text = files[report.MARKDOWN].decode()
    assert "<script>" not in text and r"\*\*bold\*\* \[x\]" in text and r"\|" in text


def test_the_command_prints_writes_and_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "Bus", lambda _settings: story())
    incident_id = made(story()).case.incident.incident_id
    printed = CliRunner().invoke(report_command.command, [incident_id], catch_exceptions=False)
    assert printed.output.startswith("# Telephony was out")
    folder, figures = tmp_path / "out", tmp_path / "figures.json"
    arguments = [incident_id, "--out", str(folder), "--json", str(figures)]
    assert CliRunner().invoke(report_command.command, arguments, catch_exceptions=False).exit_code == 0
    names = {path.name for path in folder.iterdir()}
    assert names == {"report.md", "report.html", "01-voice.svg", "02-chat.svg", "03-email.svg", "04-social.svg"}
    assert '"affected"' in figures.read_text()


def test_a_message_that_could_not_be_filled_in_is_one_lesson_however_many_should_have_had_it() -> None:
    incident = made(story()).case.incident
    notes = [Reason(code="not-sendable", text=f"outage to {who} in en: nothing works") for who in ("agents", "social")]
    cut = Told()
    changed = codec.encode(msgspec.structs.replace(incident, notes=notes, revision=incident.revision + 1))
    cut.records = story().records | {"incidents": [*story().records["incidents"], (b"shop|x", changed)]}
    learned = [one.text for one in made(cut).lessons]
    assert learned.count("2 messages could not be filled in: nothing works.") == 1


# ---- plots


def rows(n: int, known: float = 60.0) -> list[Any]:
    told = [minute(60 * place, known=known) for place in range(n)]
    return [Row(one.at, one.seconds, one.loads[0]) for one in told]


@pytest.mark.parametrize("n", [1, 2, 241, 3000])
def test_a_plot_holds_any_number_of_minutes(n: int) -> None:
    marks = [Mark(START, "onset"), Mark(START + timedelta(days=400), "far away")]
    svg = plot.draw("<voice>", rows(n), [], marks, START.tzinfo)
    assert "far away" not in svg
    assert "<voice>" not in svg and "&lt;voice&gt;" in svg
    assert svg.count("L") < 4 * plot.POINTS_MAX
    assert "nan" not in svg


def test_a_band_that_is_worked_out_below_nothing_is_not_drawn_there() -> None:
    odd = [
        one._replace(load=msgspec.structs.replace(one.load, expected=0.001, expected_low=0.0, expected_high=-5.0))
        for one in rows(10)
    ]
    assert all((point.low, point.high) == (0.0, 0.001) for point in plot.points(odd))


def test_where_nothing_was_delivered_the_line_is_broken() -> None:
    svg = plot.draw("voice", [*rows(5), *rows(5, known=0.0)], [], [], START.tzinfo)
    observed = svg.partition('class="observed" d="')[2].partition('"')[0]
    assert observed.count("L") == 4
