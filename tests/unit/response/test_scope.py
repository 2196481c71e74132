"""How far it reaches: a site's loss is the loss of a site, whatever customers do about it; widening is reported."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from desk_builder import Script, centre, minute, ref, signal, staffed, tick

from schemas.centre import Bot
from schemas.signal import Signal, SignalKind


def _at(place: str, kind: SignalKind, seconds: float, ratio: float, **where: Any) -> Signal:
    return msgspec.structs.replace(signal(place, kind, seconds, ratio=ratio, onset=0), **where)


def _heard(*signals: Signal) -> Script:
    script = Script(first=centre("auto"))
    script.hear(tick(10), *signals, tick(100))
    return script


def test_all_channels_of_one_site_silent_is_a_site_or_network_outage_of_that_site() -> None:
    script = _heard(
        _at("voice", "drop", 20, 0.4, site="east"),
        _at("chat", "drop", 25, 0.5, site="east"),
        _at("email", "drop", 60, 0.5, site="east"),
        _at("social", "surge", 90, 2.0),
    )
    incident = script.incident
    assert incident.cause.kind == "power-or-site"
    assert (incident.scope.level, incident.scope.sites) == ("site", ["east"])
    assert " at east" in incident.title
    assert incident.playbook == "site_loss"


def test_one_channel_of_one_site_is_still_that_channels_outage() -> None:
    incident = _heard(
        _at("voice", "drop", 20, 0.4, site="east"), _at("voice/orders", "drop", 25, 0.4, site="east")
    ).incident
    assert incident.scope.level == "channel"
    assert incident.scope.sites == ["east"]
    assert incident.cause.kind == "telephony"


def test_two_sites_of_one_region_are_the_loss_of_a_region() -> None:
    incident = _heard(
        _at("voice", "drop", 20, 0.4, site="east", region="south"),
        _at("chat", "drop", 25, 0.5, site="west", region="south"),
    ).incident
    assert (incident.scope.level, incident.scope.regions) == ("region", ["south"])
    assert incident.scope.sites == ["east", "west"]


def test_widening_from_a_site_is_reported_with_its_reason() -> None:
    script = _heard(_at("voice", "drop", 20, 0.4, site="east"), _at("chat", "drop", 25, 0.5, site="east"))
    script.hear(_at("email", "silence", 120, 0.0), tick(130))
    (widened,) = [move for move in script.incident.moves if "from site" in move.reason.text]
    assert widened.reason.code == "scope-widened"
    assert script.incident.scope.level == "tenant"


def test_a_surge_before_the_site_is_named_does_not_hide_it() -> None:
    script = _heard(_at("social", "surge", 20, 2.0), _at("chat", "surge", 22, 2.0))
    assert script.incident.scope.level == "tenant"
    script.hear(_at("voice", "drop", 40, 0.4, site="east"), _at("email", "drop", 45, 0.4, site="east"), tick(110))
    assert script.incident.scope.level == "site"
    assert "scope-narrowed" in {move.reason.code for move in script.incident.moves}


def test_a_bot_that_hands_on_more_than_usual_is_a_bot_outage() -> None:
    script = Script(first=centre("auto", bots=[Bot(at=ref("chat/bot"))]))
    script.hear(tick(10), _at("chat/bot", "escalation-wave", 60, 2.5), signal("chat/orders", "surge", 70, ratio=1.8))
    script.hear(*[tick(second) for second in range(100, 700, 60)])
    assert script.incident.cause.kind == "chat-platform"
    assert "the bot resolves less than usual" in script.incident.cause.because


def test_handle_time_up_on_all_queues_without_more_contacts_is_the_crm() -> None:
    script = _heard(
        *[signal(at, "metric-shift", 60, ratio=1.8, measure="handle_seconds") for at in ("voice", "chat", "email")]
    )
    assert script.incident.cause.kind == "crm"


def test_complaints_and_other_questions_alone_have_no_known_cause() -> None:
    script = _heard(
        signal("voice", "mix-shift", 60, ratio=2.0, measure="reason"),
        signal("social", "sentiment-wave", 70, ratio=2.0, measure="negative"),
    )
    script.hear(*[tick(second) for second in range(100, 700, 60)])
    assert {incident.cause.kind for incident in script.incidents.values()} == {"unknown"}


# exercises


def _exercise() -> Script:
    script = Script(first=centre("auto"))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(_at("voice", "silence", 20, 0.0, drill="spring"))
    for second in range(60, 400, 60):
        script.hear(*staffed(second, voice_idle=True), minute(second, {"voice": 0}), tick(second))
    return script


def test_an_exercise_is_marked_and_moves_no_real_contact() -> None:
    script = _exercise()
    assert script.incident.drill == "spring"
    assert script.proposals
    assert not script.commands
    assert {p.blocked_by.code for p in script.proposals if p.blocked_by} == {"drill"}


def test_an_exercise_tells_neither_customers_nor_the_public_and_says_drill_to_the_others() -> None:
    script = _exercise()
    audiences = {bulletin.audience for bulletin in script.bulletins}
    assert audiences
    assert audiences <= {"supervisors", "agents"}
    assert all("DRILL" in bulletin.text for bulletin in script.bulletins)


def test_an_exercise_and_a_real_outage_at_the_same_time_are_two_incidents() -> None:
    script = _heard(_at("voice", "silence", 20, 0.0, drill="spring"), _at("chat", "silence", 25, 0.0))
    assert {incident.drill for incident in script.incidents.values()} == {"spring", None}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_exercise_never_wakes_a_real_person_without_saying_so(order: tuple[int, int]) -> None:
    both = (_at("voice", "silence", 20, 0.0, drill="spring"), _at("chat", "silence", 25, 0.0))
    script = _heard(*[both[n] for n in order])
    for incident in script.incidents.values():
        assert (incident.drill is not None) == (incident.scope.channels == ["voice"])


def test_real_contacts_make_an_exercises_incident_real_and_an_exercise_that_ends_does_not() -> None:
    script = Script(first=centre("auto"))
    surge = signal("chat", "surge", 80, ratio=2.5, onset=40)
    script.hear(minute(0), *staffed(0), tick(0), msgspec.structs.replace(surge, drill="spring"), tick(90))
    assert (script.incident.drill, script.incident.pages) == ("spring", False)
    # over again as the exercise's: nothing becomes real by that
    over = signal("chat", "surge", 140, ratio=1.0, opened=80, revision=2, state="cleared")
    ended = Script(first=centre("auto"))
    ended.hear(minute(0), *staffed(0), tick(0), msgspec.structs.replace(surge, drill="spring"), over, tick(150))
    assert ended.incident.drill == "spring"
    # far more come than the exercise sends
    script.hear(signal("chat", "surge", 140, ratio=6.0, opened=80, revision=2, state="revised"), tick(150))
    assert (script.incident.drill, script.incident.pages) == (None, True)


def test_an_exercise_proposes_a_way_once_and_not_with_every_message() -> None:
    script = _exercise()
    ways = [(one.action, one.from_queue, one.to_queue) for one in script.proposals]
    assert len(ways) < 3 * len(set(ways))
    before = len(script.proposals)
    script.hear(*[tick(second) for second in range(400, 460)])
    assert len(script.proposals) <= before + len(set(ways))
