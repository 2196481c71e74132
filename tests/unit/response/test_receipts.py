"""Who has read what agents were told, and who of the customers gets a text message."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from desk_builder import START, TENANT, Script, centre, decision, minute, ref, signal, staffed, tick

from response import sms
from schemas.centre import Centre, OpenCase, SmsRules, Team
from schemas.command import Bulletin

TEAMS = [
    Team(name="orders", lead="lead-1", queues=[ref("voice/orders")], agents=["a1", "a2"]),
    Team(name="chat", lead="lead-2", queues=[ref("chat/orders")], agents=["a3"]),
]


def _script(model: Centre, *cases: OpenCase) -> Script:
    script = Script(first=model)
    script.hear(minute(0), *staffed(0), tick(0), *cases)
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=0))
    return script


def _unread(script: Script) -> list[Bulletin]:
    return [b for b in script.bulletins if b.template == "unread" and b.language == "en"]


def test_who_has_not_read_after_five_minutes_is_named_to_the_team_lead_once() -> None:
    script = _script(centre(teams=TEAMS))
    told = next(b for b in script.bulletins if b.audience == "agents" and b.language == "de")
    assert told.read_by == START + timedelta(seconds=320)
    script.hear(decision("read", told.bulletin_id, 60, by="a1"), decision("read", told.bulletin_id, 61, by="a1"))
    script.pass_time(70, 310)
    assert not _unread(script)
    script.pass_time(320, 600)
    assert [(b.to, b.text) for b in _unread(script)] == [
        (["lead-2"], "Not read yet: telephony_outage, chat (1): a3"),
        (["lead-1"], "Not read yet: telephony_outage, orders (1): a2"),
    ]


def test_reading_it_in_one_language_is_enough() -> None:
    script = _script(centre(teams=TEAMS))
    english = next(b for b in script.bulletins if b.audience == "agents" and b.language == "en")
    script.hear(*(decision("read", english.bulletin_id, 60, by=name) for name in ("a1", "a2", "a3")))
    script.pass_time(70, 600)
    assert not _unread(script)


def test_a_receipt_for_a_bulletin_nobody_sent_is_refused_with_a_reason() -> None:
    script = _script(centre(teams=TEAMS))
    answers = script.hear(decision("read", "nothing", 60, by="a1"))
    assert [output.topic.name for output in answers] == ["bulletins"] * 2
    assert "nothing is not known" in script.bulletins[-2].text


def test_without_teams_nobody_is_waited_for() -> None:
    script = _script(centre())
    script.pass_time(70, 600)
    assert all(b.read_by is None for b in script.bulletins)
    assert not _unread(script)


def _case(name: str, at: str = "voice/orders", consent: tuple[str, ...] = ("sms",)) -> OpenCase:
    opened = START - timedelta(hours=1)
    return OpenCase(
        case_id=f"case-{name}-{at}",
        tenant=TENANT,
        queue=ref(at),
        opened_at=opened,
        customer=name,
        consent=list(consent),
    )


def _texts(script: Script) -> list[tuple[list[str], bool]]:
    return [(b.to, b.next_update_at is None) for b in script.bulletins if b.audience == "sms"]


OPEN_ALL_DAY = SmsRules(quiet_from="03:00", quiet_to="04:00")


def test_a_text_goes_to_customers_who_asked_for_it_and_are_touched_once_a_state() -> None:
    cases = (_case("c1"), _case("c1", "voice/billing"), _case("c2", consent=()), _case("c3", "email/orders"))
    script = _script(centre(sms=OPEN_ALL_DAY), *cases)
    assert _texts(script) == [(["c1"], False)]
    script.pass_time(30, 3000)  # three updates: no news to who knows
    assert _texts(script) == [(["c1"], False)]
    script.hear(signal("voice", "silence", 3010, ratio=0.0, onset=0, opened=20, state="cleared", revision=2))
    script.hear(_case("c9"))
    script.pass_time(3020, 4000)
    # whoever was never told that it began does not hear that it is over
    assert _texts(script) == [(["c1"], False), (["c1"], True)]


def test_in_the_quiet_hours_nobody_is_texted_and_later_only_what_is_true_then() -> None:
    # 11:00 in Berlin
    script = _script(centre(sms=SmsRules(quiet_from="10:00", quiet_to="11:30")), _case("c1"))
    script.pass_time(30, 1790)
    assert not _texts(script)
    script.pass_time(1800, 1830)
    assert _texts(script) == [(["c1"], False)]


def test_an_outage_that_is_over_before_the_quiet_hours_are_is_not_texted_at_all() -> None:
    script = _script(centre(sms=SmsRules(quiet_from="10:00", quiet_to="12:30")), _case("c1"))
    script.pass_time(30, 600)
    script.hear(signal("voice", "silence", 610, ratio=0.0, onset=0, opened=20, state="cleared", revision=2))
    script.pass_time(620, 7200, 60)
    assert not _texts(script)


def test_nobody_gets_more_texts_a_day_than_allowed() -> None:
    script = _script(centre(sms=msgspec.structs.replace(OPEN_ALL_DAY, a_day_max=1)), _case("c1"))
    script.hear(signal("voice", "silence", 310, ratio=0.0, onset=0, opened=20, state="cleared", revision=2))
    script.pass_time(320, 1200)
    assert _texts(script) == [(["c1"], False)]


@pytest.mark.parametrize(
    ("hour", "quiet"), [(20, False), (21, True), (23, True), (0, True), (7, True), (8, False), (12, False)]
)
def test_quiet_hours_span_midnight_by_the_wall_clock(hour: int, quiet: bool) -> None:
    zone = ZoneInfo("Europe/Berlin")
    at = datetime(2026, 11, 24, hour, 0, tzinfo=zone).astimezone(UTC)
    assert sms.quiet(SmsRules(), at, zone) is quiet
