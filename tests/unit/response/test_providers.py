"""Carriers and platforms: who failed, who is trusted again, and a switch that is made once."""

from __future__ import annotations

import itertools
import random
from datetime import timedelta

import msgspec
import pytest
from desk_builder import START, TENANT, Script, centre, minute, ref, signal, staffed, tick

from response import providers
from response.params import RespondParams
from response.state import Clock, Desk
from schemas.base import QueueRef
from schemas.centre import Centre, Provider, Route
from schemas.command import LoadShiftCommand
from schemas.health import ToolHealth

PARAMS = RespondParams()
RUNS = 1_000
VOICE = ref("voice/billing")


def _word(seconds: float, state: str, provider: str = "northline") -> ToolHealth:
    at = START + timedelta(seconds=seconds)
    return ToolHealth(tenant=TENANT, tool="telephony", at=at, state=state, provider=provider)  # type: ignore[arg-type]


def _desk(words: list[ToolHealth], now: float, model: Centre | None = None) -> Desk:
    moment = START + timedelta(seconds=now)
    desk = Desk(clock=Clock(tenant=TENANT, now=moment, at=moment, complete_to=moment), centre=model)
    for word in words:
        desk.tools[f"telephony/{word.provider}/"] = word
        providers.hear(desk, word, PARAMS)
    return desk


def _standing(words: list[ToolHealth], now: float, name: str = "northline") -> str | None:
    said = providers.judged(_desk(words, now), name, PARAMS)
    return said.standing if said else None


def test_nobody_who_was_never_heard_of_is_judged() -> None:
    assert _standing([], 0) is None


def test_a_provider_fails_only_after_a_minute_of_bad_words() -> None:
    assert _standing([_word(0, "down"), _word(30, "down")], 45) == "doubtful"
    assert _standing([_word(0, "down"), _word(30, "down")], 60) == "failed"
    assert _standing([_word(0, "down"), _word(30, "up")], 61) == "up"


def test_it_is_trusted_again_only_after_a_quarter_of_an_hour_without_one() -> None:
    failed = [_word(0, "down"), _word(60, "down"), _word(90, "up")]
    assert _standing([*failed, _word(950, "up")], 960) == "failed"
    assert _standing([*failed, _word(980, "up")], 990) == "up"
    assert _standing([*failed, _word(500, "degraded"), _word(530, "up"), _word(980, "up")], 990) == "failed"


def test_each_further_failure_of_a_day_doubles_the_patience() -> None:
    once = [_word(0, "down"), _word(60, "down"), _word(100, "up"), _word(1000, "up")]
    twice = [*once, _word(1100, "down"), _word(1200, "down"), _word(1210, "up")]
    assert _standing([*twice, _word(2200, "up")], 2200) == "failed"
    assert _standing([*twice, _word(3010, "up")], 3010) == "up"


def test_whoever_is_silent_is_doubtful_and_never_carries() -> None:
    assert _standing([_word(0, "up")], 1000) == "doubtful"


def _model(**more: object) -> Centre:
    second = Route(from_queue=VOICE, to_queue=VOICE, action="second-carrier", share_max=0.8, provider="southline")
    return msgspec.structs.replace(
        centre(),
        routes=[second],
        providers=[
            Provider(name="northline", tool="telephony", channels=["voice"], controls_numbers="cloud"),
            Provider(name="southline", tool="telephony", channels=["voice"], controls_numbers="cloud"),
        ],
        **more,
    )


def _flap(draw: random.Random, name: str) -> list[ToolHealth]:
    """Four hours of a provider that goes up and down at random, probed every half minute."""
    words, up, seconds = [], True, 0.0
    turn = draw.expovariate(1 / draw.choice([60, 200, 900]))
    while seconds < 4 * 3600:
        if seconds >= turn:
            up, turn = not up, seconds + draw.expovariate(1 / draw.choice([60, 200, 900]))
        words.append(_word(seconds, "up" if up else draw.choice(["down", "down", "degraded"]), name))
        seconds += 30
    return words


def test_in_a_thousand_flapping_runs_no_trust_comes_or_goes_twice_within_its_patience() -> None:
    """The switch follows the standing: failed means over to the second, up again means back."""
    draw, turns_seen = random.Random(20261122), 0
    for _ in range(RUNS):
        desk = _desk([], 0)
        failed_at = back_at = None
        before = "up"
        for word in _flap(draw, "northline"):
            desk.clock.now = word.at
            desk.tools["telephony/northline/"] = word
            providers.hear(desk, word, PARAMS)
            said = providers.judged(desk, "northline", PARAMS)
            assert said is not None
            now = "failed" if said.standing == "failed" else "up"
            if now == before:
                continue
            turns_seen += 1
            if now == "failed":
                assert desk.providers["northline"].down_since is not None
                failed_at = word.at
            else:
                assert failed_at is not None
                least = timedelta(seconds=PARAMS.provider_up_seconds)
                assert word.at - failed_at >= least
                assert back_at is None or word.at - back_at >= least
                back_at = word.at
            before = now
    assert turns_seen > RUNS


def _switches(script: Script) -> list[LoadShiftCommand]:
    said = [c for c in script.commands if c.action == "second-carrier"]
    # a renewal or a larger step switches nothing
    return [c for c in said if c.reverts is not None or c.share_before == 0]


@pytest.mark.parametrize("seed", range(2))
def test_a_flapping_carrier_is_switched_once_each_way_however_its_customers_come_and_go(seed: int) -> None:
    """The whole fold: the outage's signal opens and clears as the second carrier brings calls again."""
    draw = random.Random(seed)
    script = Script(first=_model())
    script.hear(minute(0), *staffed(0), _word(0, "down"), _word(1, "up", "southline"), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=11))
    cleared, revision = False, 1
    for second in range(60, 5400, 60):
        script.hear(_word(second, draw.choice(["down", "up", "degraded"])), _word(second, "up", "southline"))
        if second % 600 == 0:  # calls come again over the second carrier, or stop
            cleared, revision = not cleared, revision + 1
            state = "cleared" if cleared else "revised"
            script.hear(
                signal("voice", "silence", second, ratio=0.0, onset=1, opened=20, state=state, revision=revision)
            )
        script.hear(minute(second, {"voice": 0.5 if cleared else 0.0}), *staffed(second, voice_idle=True), tick(second))
    assert len([c for c in _switches(script) if c.reverts is None]) >= 1
    turns = [c.issued_at for c in _switches(script)]
    gaps = [after - before for before, after in itertools.pairwise(turns)]
    assert all(gap >= timedelta(seconds=PARAMS.provider_up_seconds) for gap in gaps)


def test_the_way_back_waits_until_the_first_carrier_is_trusted_although_calls_come_again() -> None:
    script = Script(first=_model())
    script.hear(minute(0), *staffed(0), _word(0, "down"), _word(1, "up", "southline"), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=11))
    for second in range(60, 600, 60):
        script.hear(_word(second, "down"), _word(second, "up", "southline"), tick(second))
    assert script.commands[-1].provider == "southline"
    assert script.commands[-1].text.startswith("Switch")
    script.hear(signal("voice", "silence", 600, ratio=0.0, onset=1, opened=20, state="cleared", revision=2))
    for second in range(600, 1800, 60):
        script.hear(_word(second, "down"), _word(second, "up", "southline"), minute(second), tick(second))
    assert script.incident.phase in ("easing", "watching")
    assert not [c for c in script.commands if c.reverts]
    assert "primary-not-trusted" in {note.code for note in script.incident.notes}
    for second in range(1800, 3600, 60):
        script.hear(_word(second, "up"), _word(second, "up", "southline"), minute(second), tick(second))
    (back,) = [c for c in script.commands if c.reverts]
    # the probe's word of that minute comes before the tick that moves the desk's time to it
    assert back.issued_at >= START + timedelta(seconds=1800 + PARAMS.provider_up_seconds - 60)
    runs = [c for c in script.commands if c.action == "second-carrier" and c.reverts is None]
    assert all(b.issued_at < a.expires_at for a, b in itertools.pairwise(runs))  # renewed in time


def test_nothing_is_switched_to_a_carrier_that_is_down_itself() -> None:
    script = Script(first=_model())
    script.hear(minute(0), *staffed(0), _word(0, "down"), _word(0, "down", "southline"), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=11), tick(80))
    assert not script.commands
    assert not script.proposals


def test_numbers_that_the_carrier_holds_are_switched_by_a_person() -> None:
    held = Provider(name="northline", tool="telephony", channels=["voice"], controls_numbers="carrier")
    model = msgspec.structs.replace(_model(), providers=[held, _model().providers[1]])
    script = Script(first=model)
    script.hear(minute(0), *staffed(0), _word(0, "down"), _word(0, "up", "southline"), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=11))
    assert not script.commands
    (proposal,) = script.proposals
    assert proposal.blocked_by is not None
    assert "northline holds the numbers" in proposal.blocked_by.text
    assert proposal.mode == "approve"


def test_contacts_are_not_sent_to_a_channel_whose_provider_failed() -> None:
    model = msgspec.structs.replace(
        centre(),
        routes=[Route(from_queue=ref("voice/orders"), to_queue=ref("chat/orders"), action="sms")],
        providers=[Provider(name="parley", tool="chat", channels=["chat"])],
    )
    desk = _desk([_word(0, "down", "parley")], 100, model)
    assert not providers.may_carry(desk, model.routes[0], PARAMS)
    assert providers.may_carry(_desk([_word(0, "up", "parley")], 100, model), model.routes[0], PARAMS)
    assert providers.of_channel(desk, QueueRef(channel="chat").channel)[0].name == "parley"
