"""What would have been without our load shifts, by the exact queues."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from response import runs, whatif
from response.impact import Span
from response.whatif import Quarter
from response.workload import Target, erlang_a
from schemas import codec  # isort takes tests for third party
from schemas.command import LoadShiftCommand
from schemas.decision import CommandResult
from tests.desk_builder import START, centre, ref, result
from tests.told_story import story


def quarter(at: str = "chat/orders", **more: object) -> Quarter:
    given: dict[str, object] = {
        "seconds": 900.0, "rate": 1.0, "usual_rate": 0.3, "handle_seconds": 480.0, "usual_handle_seconds": 480.0,
        "slots": 400.0, "patience_seconds": 240.0, "target": Target(share=0.8, seconds=45.0),
    }  # fmt: skip
    return Quarter(queue=ref(at), start=START, **(given | more))  # type: ignore[arg-type]


def test_lent_people_are_taken_back() -> None:
    (found,) = whatif.without([quarter(lent=200.0)])
    with_them = erlang_a(400, 1.0, 480.0, 240.0).abandoned_share * 900
    without = erlang_a(200, 1.0, 480.0, 240.0).abandoned_share * 900
    assert (found.lost_with, found.lost_without) == (round(with_them, 1), round(without, 1))
    assert found.saved.expected == pytest.approx(without - with_them, abs=0.1)


def test_what_nobody_touched_is_the_same_with_and_without_us() -> None:
    (found,) = whatif.without([quarter()])
    assert found.saved.expected == 0


def test_the_band_is_wider_by_what_the_model_missed() -> None:
    (near,) = whatif.without([quarter(lent=200.0, abandoned=150)])
    (far,) = whatif.without([quarter(lent=200.0, abandoned=650)])
    assert far.saved.low == pytest.approx(near.saved.low - 500, abs=30)
    assert far.saved.low < near.saved.low <= near.saved.expected <= near.saved.high < far.saved.high


def test_contacts_that_only_our_way_in_brought_would_have_been_lost() -> None:
    (found,) = whatif.without([quarter("voice/orders", rate=0.2, brought=0.2)])
    assert found.lost_without == 180


def test_helping_others_costs_who_helps() -> None:
    (found,) = whatif.without([quarter("voice/orders", rate=0.6, slots=250.0, lent=-100.0)])
    assert found.saved.expected < 0


def test_a_backlog_that_lent_people_would_not_have_worked_off_goes_on() -> None:
    common = {"deferred": True, "target": Target(share=0.9, seconds=1800.0), "rate": 1.0, "handle_seconds": 240.0}
    first = quarter("email/orders", slots=240.0, lent=200.0, **common)
    second = msgspec.structs.replace(first, start=START + timedelta(seconds=900), slots=40.0, lent=0.0)
    (found,) = whatif.without([first, second])
    (alone,) = whatif.without([second])
    assert found.measured is None
    assert found.lost_without > found.lost_with + alone.lost_without - 1
    # 750 contacts are left over where 40 work: the second quarter is late without a new reason
    assert whatif.without([second, first])[0].lost_without == found.lost_without


def test_the_level_counts_who_is_usually_answered_in_time() -> None:
    crowded, quiet = quarter(slots=300.0), quarter(rate=0.0)
    found = whatif.level([crowded, quiet])
    assert found is not None
    was = erlang_a(300, 1.0, 480.0, 240.0).service_level(45.0)
    assert found.was == pytest.approx(was, abs=1e-4)
    assert found.usual > 0.99
    assert found.late == pytest.approx(900 * (found.usual - was), abs=0.2)
    assert whatif.level([quiet]) is None


# ---- when each command was in force


@pytest.fixture(scope="module")
def commands() -> list[LoadShiftCommand]:
    told = [codec.decode(LoadShiftCommand, value) for _, value in story().records["load-shift-commands"]]
    return [one for one in told if one.action == "skill-flex" and one.from_queue == ref("voice/orders")]


END = START + timedelta(hours=3)


def ran(commands: list[LoadShiftCommand], *answers: CommandResult) -> list[Span]:
    return [run.span for run in runs.runs({one.command_id: one for one in commands}, answers, END)]


def seconds(command: LoadShiftCommand, later: float = 0.0) -> float:
    return (command.issued_at - START).total_seconds() + later


def test_a_command_is_in_force_from_the_platforms_word_to_its_expiry(commands: list[LoadShiftCommand]) -> None:
    first = commands[0]
    applied = result(first.command_id, "applied", seconds(first, 120))
    assert ran([first]) == [Span(first.issued_at, first.expires_at)]
    assert ran([first], applied) == [Span(applied.at, first.expires_at)]


def test_a_refused_command_never_was_in_force(commands: list[LoadShiftCommand]) -> None:
    first = commands[0]
    assert ran([first], result(first.command_id, "refused", seconds(first, 5))) == []


def test_the_next_step_and_the_inverse_end_a_command(commands: list[LoadShiftCommand]) -> None:
    first, second = commands[:2]
    assert ran([first, second])[0].ends == second.issued_at
    back = next(one for one in commands if one.reverts)
    renewed = next(one for one in commands if one.command_id == back.reverts)
    assert ran([renewed, back]) == [Span(renewed.issued_at, back.issued_at)]
    late = result(back.command_id, "applied", seconds(back, 60))
    assert ran([renewed, back], late)[0].ends == late.at


def test_lent_people_stand_in_both_queues_by_the_part_of_the_quarter(commands: list[LoadShiftCommand]) -> None:
    (run,) = runs.runs({commands[0].command_id: commands[0]}, [], END)
    start = run.span.begins - timedelta(seconds=450)
    quarters = [quarter("chat/orders"), quarter("voice/orders"), quarter("email/orders")]
    at = [msgspec.structs.replace(one, start=start) for one in quarters]
    chat, voice, email = runs.placed(at, [run], centre())
    assert chat.lent == pytest.approx(0.5 * run.command.agents * 3)
    assert voice.lent == pytest.approx(-0.5 * run.command.agents)
    assert not email.touched


@pytest.mark.parametrize(
    ("action", "giver", "taker"),
    [
        ("overflow", {"relieved": 0.4}, {"guests": 0.4}),
        ("deflect", {"kept_away": 0.4 / 0.6}, {"moved_in": 0.4 / 0.6}),
        ("call-back", {"relieved": 0.4}, {}),
    ],
)
def test_moved_contacts_are_counted_where_they_are_offered(
    commands: list[LoadShiftCommand], action: str, giver: dict[str, float], taker: dict[str, float]
) -> None:
    command = msgspec.structs.replace(
        commands[0],
        action=action,
        from_queue=ref("chat/orders"),
        to_queue=ref("email/orders"),
        share=0.4,
        share_cap=0.5,
    )
    (run,) = runs.runs({command.command_id: command}, [], END)
    at = [msgspec.structs.replace(quarter(name), start=run.span.begins) for name in ("chat/orders", "email/orders")]
    gave, took = runs.placed(at, [run], centre())
    for one, expected in ((gave, giver), (took, taker)):
        for field in ("relieved", "guests", "kept_away", "moved_in", "brought", "lent"):
            assert getattr(one, field) == pytest.approx(expected.get(field, 0.0)), field


def test_what_is_bound_to_some_contacts_moves_nothing_that_is_known(commands: list[LoadShiftCommand]) -> None:
    command = msgspec.structs.replace(commands[0], only="vip")
    (run,) = runs.runs({command.command_id: command}, [], END)
    assert not any(one.touched for one in runs.placed([quarter(), quarter("voice/orders")], [run], centre()))
