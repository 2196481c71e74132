"""What may go out: leave, caps, two people, effects, harm, containment; and what the schema itself forbids."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from desk_builder import START, Script, agents, centre, decision, load, minute, ref, result, signal, staffed, tick

from response import bot_mode
from response.params import RespondParams
from response.state import Clock, Desk, Flow
from schemas import codec
from schemas.centre import Bot, Centre, CriticalReason, Route
from schemas.command import LoadShiftCommand
from schemas.errors import BadMessage


def _outage(model: Centre, last: int = 240) -> Script:
    script = Script(first=model)
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    script.hear(*staffed(60, voice_idle=True), minute(60, {"voice": 0}), tick(60))
    script.hear(signal("chat", "surge", 100, ratio=3.0, onset=60, expected=14))
    _go_on(script, 120, last)
    return script


def _go_on(script: Script, first: int, last: int, **more: Any) -> None:
    """The outage goes on; nearly half of those who write e-mails have nothing to do."""
    for second in range(first, last + 1, 60):
        people = [*staffed(second, voice_idle=True)[:3], agents("email/orders", second, 300, 140)]
        script.hear(minute(second, {"voice": 0, "chat": 3.0}, **more), *people, tick(second))


def _codes(commands: list[LoadShiftCommand]) -> set[str]:
    return {c.blocked_by.code for c in commands if c.blocked_by}


# what the schema forbids


@pytest.fixture(scope="module")
def command() -> LoadShiftCommand:
    return next(c for c in _outage(centre()).commands if c.action == "skill-flex")


@pytest.mark.parametrize(
    ("over", "says"),
    [
        ({"evidence": []}, "signals"),
        ({"expires_at": START}, "runs out"),
        ({"share": 0.9}, "above its cap"),
        ({"mode": "off"}, "off"),
        ({"mode": "approve"}, "without an approval"),
        ({"mode": "dry-run"}, "without an approval"),
    ],
)
def test_a_command_that_is_not_safe_can_neither_be_made_nor_read(
    command: LoadShiftCommand, over: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        msgspec.structs.replace(command, **over)
    plain = msgspec.json.decode(codec.encode(command))
    shown = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in over.items()}
    with pytest.raises(BadMessage):
        codec.decode(LoadShiftCommand, msgspec.json.encode(plain | shown))


@pytest.mark.parametrize("field", ["mode", "share_cap", "expires_at", "inverse", "evidence", "guard"])
def test_a_command_without_mode_cap_expiry_inverse_evidence_or_guard_cannot_be_read(
    command: LoadShiftCommand, field: str
) -> None:
    plain = msgspec.json.decode(codec.encode(command))
    del plain[field]
    with pytest.raises(BadMessage, match=field):
        codec.decode(LoadShiftCommand, msgspec.json.encode(plain))


def test_the_inverse_must_have_an_id_of_its_own(command: LoadShiftCommand) -> None:
    own = msgspec.structs.replace(command.inverse, command_id=command.command_id)
    with pytest.raises(ValueError, match="id of its own"):
        msgspec.structs.replace(command, inverse=own)


# leave


def test_what_would_move_too_much_of_the_centre_waits_for_a_person() -> None:
    script = _outage(centre(blast_radius_max=0.08))
    assert "blast-radius" in _codes(script.proposals)
    lent = {(c.from_queue, c.to_queue): c.agents for c in script.commands if c.action == "skill-flex"}
    everybody = 120 + 90 + 63 + 300  # as the feed reports them, in people
    assert sum(lent.values()) <= 0.08 * everybody
    waiting = next(p for p in script.proposals if p.blocked_by and p.blocked_by.code == "blast-radius")
    assert waiting.mode == "approve"
    before = len(script.commands)
    script.hear(decision("approve", waiting.command_id, 250))
    assert script.commands[before].command_id == waiting.command_id
    assert script.commands[before].approved_by == "ana"


def test_two_different_people_approve_where_the_model_wants_it() -> None:
    script = _outage(centre("auto", two_person=["skill-flex"]))
    proposal = [p for p in script.proposals if p.action == "skill-flex" and not p.closed][-1]
    assert "two people decide" in str(proposal.blocked_by)
    before = len(script.commands)
    script.hear(decision("approve", proposal.command_id, 250, by="ana"))
    half = script.proposals[-1]
    assert (half.approvals, half.blocked_by.code if half.blocked_by else "") == (["ana"], "waiting-for-second")
    script.hear(decision("approve", proposal.command_id, 251, by="ana"))
    assert "another person has to" in script.bulletins[-2].text
    assert len(script.commands) == before
    script.hear(decision("approve", proposal.command_id, 252, by="ben"))
    assert (script.commands[-1].command_id, script.commands[-1].approved_by) == (proposal.command_id, "ana, ben")
    script.hear(decision("approve", proposal.command_id, 253, by="eve"))
    assert len(script.commands) == before + 1


def test_all_incidents_of_a_tenant_share_one_rate_limit() -> None:
    script = Script(params=RespondParams(tenant_commands_an_hour_max=1), first=centre())
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    _go_on(script, 60, 300)
    assert len([c for c in script.commands if c.reverts is None]) == 1
    assert any("of all incidents" in p.blocked_by.text for p in script.proposals if p.blocked_by)


def test_critical_reasons_are_never_moved_but_to_their_team() -> None:
    routes = [
        Route(from_queue=ref("chat/orders"), to_queue=ref("email/orders"), action="deflect", share_max=0.3),
        Route(
            from_queue=ref("chat/orders"), to_queue=ref("voice/billing"), action="skill-flex", reasons=["fraud"],
        ),
        Route(
            from_queue=ref("chat/orders"), to_queue=ref("email/orders"), action="overflow", reasons=["fraud"],
        ),
    ]  # fmt: skip
    critical = [CriticalReason(reason="fraud", team=ref("email/orders"), share=0.1)]
    script = _outage(centre(routes=routes, critical=critical))
    (deflect,) = [c for c in script.commands if c.action == "deflect"][:1]
    assert deflect.except_reasons == ["fraud"]
    specialist = [c for c in script.commands if c.action == "overflow"]
    assert specialist
    assert {tuple(c.reasons) for c in specialist} == {("fraud",)}
    assert "about fraud" in specialist[0].text


def test_vip_contacts_hold_no_more_of_a_helper_than_is_fair() -> None:
    helper, chat = ref("email/orders"), ref("chat/orders")
    vip = Route(from_queue=chat, to_queue=helper, action="overflow", share_max=1.0, only="vip")
    model = centre(routes=[vip], vip_share_max=0.05)
    queues = [msgspec.structs.replace(q, share_max=1.0, vip_share=0.5 if q.at == chat else 0.0) for q in model.queues]
    script = _outage(msgspec.structs.replace(model, queues=queues), 900)
    last = script.commands[-1]
    assert last.only == "vip"
    # 300 slots, of which VIP chats (half of at most 60 a minute, 480 s each) may hold a twentieth
    assert 0 < last.share * 0.5 * 1.0 * 480 <= 0.05 * 300 + 0.025 * 0.5 * 480
    assert "VIP contacts hold at most 5%" in last.text


# effects


def test_a_shift_whose_application_the_platform_never_confirms_is_taken_back() -> None:
    script = _outage(centre())
    script.hear(result(script.commands[0].command_id, "applied", 245))  # it does answer
    _go_on(script, 300, 1020)
    lent = [c for c in script.commands if c.action == "skill-flex"]
    assert [c for c in lent if c.reverts and "the platform never said" in c.text]
    assert "not-confirmed" in {note.code for note in script.incident.notes}


def test_a_shift_that_makes_its_donor_lose_contacts_is_taken_back() -> None:
    deflect = [Route(from_queue=ref("chat/orders"), to_queue=ref("voice/orders"), action="sms", share_max=0.5)]
    script = Script(first=centre(routes=deflect))
    script.hear(minute(0), *staffed(0), agents("voice/orders", 1, 220, 100), tick(0))
    script.hear(signal("chat", "surge", 100, ratio=3.0, onset=60, expected=14))
    calm = {"answered": 20, "abandoned": 0}
    for second in range(120, 301, 60):
        script.hear(minute(second, {"chat": 3.0}, **calm), tick(second))
    running = script.commands[-1]
    assert running.action == "sms"
    for second in range(360, 661, 60):
        script.hear(load(second, {"voice/orders": (20, 20)}, answered=14, abandoned=6), tick(second))
    backs = [c for c in script.commands if c.reverts]
    assert backs
    assert "loses" in backs[0].text
    assert "harm" in {note.code for note in script.incident.notes}


def test_a_shift_without_effect_is_taken_back_and_left_alone_for_a_while() -> None:
    flex = [Route(from_queue=ref("voice/orders"), to_queue=ref("chat/orders"), action="skill-flex", share_max=0.5)]
    script = Script(first=centre(routes=flex))
    script.hear(minute(0), *staffed(0), tick(0))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=1, expected=10))
    script.hear(*staffed(60, voice_idle=True), minute(60, {"voice": 0}), tick(60))
    script.hear(signal("chat", "surge", 100, ratio=3.0, onset=60, expected=14))
    lost = {"answered": 20, "abandoned": 40}  # of sixty that come a minute, as many as without any help
    for second in range(120, 1201, 60):
        # the feed says that the lent people sit there and wait
        script.hear(
            minute(second, {"voice": 0, "chat": 3.0}, **lost),
            *staffed(second, voice_idle=True)[:2],
            agents("chat/orders", second, 189, 90),
            tick(second),
        )
    backs = [c for c in script.commands if c.reverts]
    assert backs
    assert "was promised" in backs[0].text
    again = [c.issued_at for c in script.commands if c.reverts is None and c.issued_at > backs[0].issued_at]
    rest = timedelta(seconds=RespondParams().refused_route_rest_seconds)
    assert all(at - backs[0].issued_at >= rest for at in again)


def test_a_shift_that_helps_stays() -> None:
    script = _outage(centre())
    _go_on(script, 300, 1500, answered=57, abandoned=3)
    flex = [c for c in script.commands if c.action == "skill-flex"]
    assert not [c for c in flex if c.reverts]


# bot mode


BOT = Bot(at=ref("bot/orders"), containment_usual=0.7, containment_floor=0.5)


def _bot_desk(finished: int, escalated: int) -> tuple[Desk, Route]:
    route = Route(from_queue=ref("chat/orders"), to_queue=ref("chat/orders"), action="bot", share_max=0.5)
    desk = Desk(clock=Clock(tenant="shop", now=START, at=START), centre=centre(routes=[route], bots=[BOT]))
    desk.flows["bot/orders"] = Flow(at=START, seconds=60, finished=finished, escalated=escalated)
    return desk, route


@pytest.mark.parametrize(
    ("finished", "escalated", "fails"),
    [(0, 0, False), (20, 20, False), (100, 30, False), (100, 55, False), (100, 70, True), (2000, 1060, True)],
)
def test_a_bot_steps_back_only_when_it_is_surely_below_its_floor(finished: int, escalated: int, fails: bool) -> None:
    assert (bot_mode.fails(*_bot_desk(finished, escalated)) is not None) is fails


def test_what_a_bot_does_not_contain_stays_work_for_people() -> None:
    assert bot_mode.work_ratio(*_bot_desk(0, 0)) == pytest.approx(0.3)
    assert bot_mode.work_ratio(*_bot_desk(980, 490)) == pytest.approx(0.496)


def test_bot_mode_starts_helps_and_ends_by_itself_below_its_floor() -> None:
    bot = Route(from_queue=ref("chat/orders"), to_queue=ref("chat/orders"), action="bot", share_max=0.5)
    script = _outage(centre(routes=[bot], bots=[BOT]))
    running = script.commands[-1]
    assert running.text.startswith("Let the bot answer")
    good = [load(s, {"bot/orders": (40, 5)}, finished=40, escalated=10) for s in range(300, 601, 60)]
    for second, body in zip(range(300, 601, 60), good, strict=True):
        script.hear(body)
        _go_on(script, second, second)
    assert not [c for c in script.commands if c.reverts]
    for second in range(660, 1501, 60):
        script.hear(load(second, {"bot/orders": (40, 5)}, finished=40, escalated=32))
        _go_on(script, second, second)
    (back,) = [c for c in script.commands if c.reverts][:1]
    assert "its floor is 50%" in back.text
    assert "containment" in {note.code for note in script.incident.notes}
    later = [c for c in script.commands if c.issued_at > back.issued_at]
    assert not later  # it stays off while it contains too little


def test_steps_of_one_way_never_repeat_an_id() -> None:
    script = _outage(centre(), 4000)
    ids = [c.command_id for c in script.commands]
    assert len(ids) == len(set(ids))
    assert all(a.issued_at <= b.issued_at for a, b in itertools.pairwise(script.commands))
