"""How often something fails, how much of their time channels were as expected, and what false alarms cost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from click.testing import CliRunner

from response.impact import Row, Span
from response.params import RespondParams
from response.reliability import Felt, Probes, Service, clipped, failures
from schemas.centre import CalendarDay, CentreChannel, Provider
from schemas.errors import BadConfig
from schemas.health import ToolHealth
from schemas.incident import Move, Reason
from streams import config, reliability, reliability_page
from streams.cli import ledger as ledger_command
from streams.reliability import Ledger
from streams.report import markup, source
from tests.desk_builder import START, centre, decision, load, minute, signal, tick
from tests.told_story import Telling, story


def span(begins: float, ends: float) -> Span:
    return Span(START + timedelta(hours=begins), START + timedelta(hours=ends))


def probe(hours: float, state: str, site: str | None = None) -> ToolHealth:
    at = START + timedelta(hours=hours)
    return ToolHealth(tenant="shop", tool="telephony", at=at, state=state, site=site)  # type: ignore[arg-type]


def account(*words: ToolHealth) -> Any:
    probes = Probes(settles_seconds=900)
    for word in words:
        probes.hear(word)
    return probes.account()


def test_mtbf_mttr_and_repeats_by_their_definitions() -> None:
    found = failures([span(10, 12), span(100, 101), span(400, 403)], 0, span(0, 506))
    assert (found.count, found.repeats, found.open) == (3, 1, 0)
    assert found.mtbf_seconds == 500 / 3 * 3600
    assert found.mttr_seconds == 2 * 3600
    assert found.longest_seconds == 3 * 3600
    assert found.up_share == pytest.approx(500 / 506)


def test_what_is_still_down_counts_but_has_no_time_to_repair() -> None:
    found = failures([span(10, 12)], 1, span(0, 12))
    assert (found.count, found.open, found.mttr_seconds) == (1, 1, None)
    assert failures([], 0, span(0, 12)).mtbf_seconds is None


def test_a_tool_that_flaps_fails_once() -> None:
    found = account(
        probe(0, "up"), probe(1, "down"), probe(1.1, "up"), probe(1.2, "down"), probe(2, "up"), probe(9, "up")
    )
    assert (found.count, found.failed_seconds) == (1, 3600.0)


def test_a_tool_of_two_sites_fails_while_either_is_down() -> None:
    found = account(
        probe(0, "up", "a"), probe(1, "down", "a"), probe(1.5, "down", "b"), probe(2, "up", "a"), probe(3, "up", "b")
    )
    assert (found.count, found.failed_seconds) == (1, 2 * 3600.0)


def test_a_tool_whose_last_word_is_that_it_is_down_is_down() -> None:
    found = account(probe(0, "up"), probe(1, "down"))
    assert (found.count, found.open) == (1, 1)


def test_degraded_is_no_failure() -> None:
    assert account(probe(0, "up"), probe(1, "degraded"), probe(2, "up")).count == 0


def test_incidents_are_clipped_to_the_stretch() -> None:
    at = span(0, 10)
    inside = clipped(
        [(span(-5, 0).begins, span(0, 2).ends), (span(8, 8).begins, None), (span(20, 20).begins, None)], at
    )
    assert inside.spans == [span(0, 2), span(8, 10)]
    assert inside.still_open == 1
    assert clipped([(span(-5, 0).begins, span(0, 0).begins)], at).spans == []


# ---- service hours


def local(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def test_only_service_hours_count() -> None:
    model = centre(calendar=[CalendarDay(date="2026-11-25", name="stocktaking", day_type="closed")])
    hours = {"monday-friday": "08:00-20:10"}
    channels = model.channels | {"voice": CentreChannel(opening_hours=hours)}
    service = Service(msgspec.structs.replace(model, channels=channels), "voice")

    def share(text: str) -> float:
        return service.share(local(text), local(text) + 60)

    assert [share(f"2026-11-24 {at}") for at in ("07:59", "08:00", "20:09", "20:10", "20:16")] == [0, 1, 1, 0, 0]
    assert share("2026-11-25 12:00") == 0
    assert share("2026-11-28 12:00") == 0
    assert Service(None, "chat").share(local("2026-11-25 03:00"), local("2026-11-25 03:01")) == 1


def test_felt_availability_is_weighted_by_what_is_expected() -> None:
    felt = Felt()
    quiet, busy = (load(60, {"voice": usual}).loads[0] for usual in ((10, 10.0), (0, 30.0)))
    felt.hear(Row(START, 60, quiet), 1.0, False, False)
    felt.hear(Row(START, 60, busy), 1.0, True, True)
    felt.hear(Row(START, 60, quiet), 0.0, False, False)
    unseen = load(60, {"voice": (0, 20.0)}, known=0.0).loads[0]
    felt.hear(Row(START, 60, unseen), 1.0, True, True)
    assert (felt.share, felt.weighted, felt.reachable) == (0.5, 0.25, 0.5)
    assert (felt.minutes, felt.unseen) == (2.0, 1.0)
    assert (Felt().share, Felt().weighted) == (None, None)


# ---- of what was recorded


def read(told: Any, window: Any = (None, None), tenant: str | None = None) -> list[Ledger]:
    return reliability.read(
        config.load(environment={}), told, tenant, window, RespondParams(), lambda _what, _count: None
    )


def test_the_ledger_of_an_outage() -> None:
    (found,) = read(story())
    assert (found.tenant, found.time_zone) == ("shop", "Europe/Berlin")
    (cause,) = found.causes
    assert (cause.cause, cause.failures.count, cause.failures.mttr_seconds) == ("telephony", 1, 2919.0)
    voice = next(one for one in found.channels if one.name == "voice")
    seen = (found.seen.ends - found.seen.begins) / timedelta(minutes=1)
    assert voice.felt.minutes == seen
    # silent from 11:00:01 to 11:47:40: 48 minutes whose middle lies in it
    assert voice.felt.share == pytest.approx((seen - 48) / seen)
    chat = next(one for one in found.channels if one.name == "chat")
    assert chat.felt.share is not None and chat.felt.share < 1 and chat.felt.reachable == 1
    text = markup.markdown(reliability_page.page([found]))
    assert "| telephony | — | 1 (1 goes on) |" in text


def test_a_relapse_is_a_failure_of_its_own_and_a_repeat() -> None:
    incident = next(one.value for one in source.said(story(), reliability.WANTED) if hasattr(one.value, "moves"))

    def move(hours: float, phase: str) -> Move:
        return Move(at=START + timedelta(hours=hours), phase=phase, reason=Reason(code="c", text="t"))  # type: ignore[arg-type]

    phases = [(0, "pending"), (0, "open"), (0.5, "open"), (1, "easing"), (2, "watching"), (5, "open"), (7, "easing")]
    moved = msgspec.structs.replace(incident, onset=START, moves=[move(*one) for one in phases])
    ends = [(START, START + timedelta(hours=1)), (START + timedelta(hours=5), START + timedelta(hours=7))]
    assert reliability.outages(moved) == ends
    again = msgspec.structs.replace(moved, moves=[*moved.moves, move(9, "open")])
    assert reliability.outages(again) == [*ends, (START + timedelta(hours=9), None)]


def test_a_stretch_holds_only_its_minutes() -> None:
    before = START - timedelta(minutes=2)
    (found,) = read(story(), (None, before))
    assert found.seen.ends == before
    assert found.causes == []
    with pytest.raises(BadConfig) as raised:
        read(story(), (START + timedelta(days=3), None))
    assert raised.value.problems[0][0] == "--from"
    with pytest.raises(BadConfig):
        read(story(), tenant="nobody")


def test_a_false_alarm_is_spent_and_no_failure() -> None:
    telling = Telling()
    telling.say(
        centre(providers=[Provider(name="a", tool="telephony", channels=["voice"], promised_availability=0.999)])
    )
    telling.say(minute(0), tick(0), signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    telling.say(minute(60, {"voice": 0.0}), tick(60))
    incident_id = telling.incident_id
    telling.say(decision("not-an-incident", incident_id, 70), minute(120), tick(120))
    (found,) = read(telling.told)
    assert (found.account.false, found.account.opened) == ([incident_id], 1)
    assert found.causes == []
    voice = next(one for one in found.channels if one.name == "voice")
    assert voice.felt.share == 1
    assert voice.promised == {"a": 0.999}
    text = markup.markdown(reliability_page.page([found]))
    assert "1 of" in text and "a 99.90%" in text
    assert "| telephony | a | no probe | — | — | — | — | — | — | 99.90% |" in text


def test_the_command_prints_and_counts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "Bus", lambda _settings: story())
    arguments = ["--json", str(tmp_path / "ledger.json"), "--out", str(tmp_path / "ledger.md")]
    done = CliRunner().invoke(ledger_command.command, arguments, catch_exceptions=False)
    assert done.exit_code == 0
    assert "What customers felt" in done.output and "telephony" in done.output
    assert '"reachable_share"' in (tmp_path / "ledger.json").read_text()
    assert (tmp_path / "ledger.md").read_text().startswith("# Ledger of shop")


def test_times_are_those_of_the_tenant() -> None:
    (found,) = read(story())
    begins = found.seen.begins.astimezone(ZoneInfo("Europe/Berlin"))
    assert f"{begins:%Y-%m-%d %H:%M} to" in markup.markdown(reliability_page.page([found]))
