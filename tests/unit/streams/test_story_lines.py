"""The story tells what the bus says beside the truth of the scenario, and judges only what is timed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drills.scenarios import telephony_outage
from schemas.base import Message, Origin, QueueRef
from schemas.command import Guard, Inverse, LoadShiftCommand
from schemas.desk import DeskEntry
from schemas.incident import Cause, Incident, Move, Reason, Scope
from schemas.signal import Evidence, Series, Signal
from schemas.tick import Tick
from schemas.workforce import Workforce
from streams.story import Line, Story, Told

BROKE = datetime(2025, 12, 16, 16, 12, tzinfo=UTC)
HERE = Origin(topic="queue-panes", partition=0, offset=0)


@pytest.fixture
def story() -> Story:
    return Story("demo", telephony_outage.build(BROKE))


def after(seconds: float) -> datetime:
    return BROKE + timedelta(seconds=seconds)


def desk(body: Any, tenant: str = "demo") -> DeskEntry:
    return DeskEntry(tenant=tenant, origin=HERE, body=body)


def signal(channel: str, kind: str, seconds: float, queue: str | None = None, **changes: Any) -> Signal:
    plain: dict[str, Any] = {
        "signal_id": f"{channel}/{queue}/{kind}",
        "tenant": "demo",
        "series": Series(at=QueueRef(channel=channel, queue=queue)),
        "signal_kind": kind,
        "state": "opened",
        "revision": 1,
        "at": after(seconds),
        "pane_start": after(seconds - 10),
        "onset": after(seconds - 10),
        "observed": 38.0,
        "expected": 10.0,
        "ratio": 3.8,
        "usual_low": 5.0,
        "usual_high": 15.0,
        "rarity_days": 300.0,
        "evidence": Evidence(statistic=9.0, threshold=8.0, tolerance=0.2, level=1.0, learned_weeks=2.0),
        "text": "…",
        "origin": HERE,
    }
    return Signal(**(plain | changes))


def incident(seconds: float, **changes: Any) -> Incident:
    plain: dict[str, Any] = {
        "incident_id": "demo-1",
        "tenant": "demo",
        "revision": 1,
        "phase": "open",
        "severity": "critical",
        "title": "Telephony is out",
        "cause": Cause(kind="telephony", sureness=0.9),
        "scope": Scope(level="tenant", channels=["voice"]),
        "opened_at": after(30),
        "onset": BROKE,
        "at": after(seconds),
        "symptoms": [],
        "moves": [Move(at=after(seconds), phase="open", reason=Reason(code="x", text="evidence"))],
        "origin": HERE,
    }
    return Incident(**(plain | changes))


def command(seconds: float, origin: str = "chat", **changes: Any) -> LoadShiftCommand:
    there, here = QueueRef(channel=origin, queue="orders"), QueueRef(channel="voice", queue="orders")
    plain: dict[str, Any] = {
        "command_id": f"c{seconds}",
        "dedup_key": "d",
        "incident_id": "demo-1",
        "tenant": "demo",
        "action": "overflow",
        "from_queue": there,
        "to_queue": here,
        "share": 0.25,
        "share_before": 0.0,
        "share_cap": 0.5,
        "step": 1,
        "issued_at": after(seconds),
        "expires_at": after(seconds + 1800),
        "mode": "auto",
        "guard": Guard(donor=here, stop_if_service_level_below=0.7, stop_if_agents_below=10, check_after_seconds=120),
        "inverse": Inverse(command_id="i", from_queue=here, to_queue=there, share=0.25),
        "evidence": ["s-1"],
        "text": "25 % of chat/orders to voice agents",
        "origin": HERE,
    }
    return LoadShiftCommand(**(plain | changes))


def told(story: Story, what: str) -> Told:
    return next(row for row in story.table() if row.row.what == what)


def texts(lines: list[Line]) -> str:
    return "\n".join(line.text for line in lines)


def hear_all(story: Story, *messages: Message) -> list[Line]:
    return [line for message in messages for line in story.hear(message)]  # type: ignore[arg-type]


def every_timed_row(story: Story, seconds: float = 100) -> None:
    hear_all(
        story,
        desk(signal("voice", "silence", seconds)),
        desk(signal("chat", "surge", 60 + seconds)),
        desk(signal("social", "surge", 120 + seconds)),
        desk(signal("email", "surge", 150 + seconds)),
        desk(signal("app", "surge", 240 + seconds, queue="refunds")),
        incident(seconds),
    )


def test_a_row_is_detected_at_the_signals_own_time_and_the_earliest_counts(story: Story) -> None:
    lines = hear_all(
        story,
        desk(signal("chat", "surge", 130, queue="billing")),
        desk(signal("chat", "surge", 110)),
        desk(signal("chat", "surge", 150, queue="orders")),
    )
    assert told(story, "chat +280 %").detected_at == after(110)
    assert told(story, "chat +280 %").delay_seconds == 50
    assert len(lines) == 1 and "+280%" in lines[0].text


def test_a_signal_before_the_break_or_of_another_kind_shows_nothing(story: Story) -> None:
    hear_all(
        story, desk(signal("chat", "surge", 30)), desk(signal("chat", "drop", 120)), desk(signal("sms", "surge", 120))
    )
    assert told(story, "chat +280 %").detected_at is None


def test_a_queue_that_is_not_the_rows_does_not_show_it(story: Story) -> None:
    hear_all(story, desk(signal("app", "surge", 300, queue="account")))
    assert told(story, "refunds x3").detected_at is None
    hear_all(story, desk(signal("app", "surge", 310)))
    assert told(story, "refunds x3").detected_at == after(310)


def test_all_rows_in_time_and_one_incident_is_no_problem(story: Story) -> None:
    every_timed_row(story)
    assert story.problems() == []


def test_a_timed_row_over_its_limit_or_missed_is_a_problem_and_a_shown_one_is_not(story: Story) -> None:
    every_timed_row(story, seconds=181)
    assert any("181 s, limit 180 s" in problem for problem in story.problems())
    empty = Story("demo", story.scenario)
    assert sum("not detected" in problem for problem in empty.problems()) == 5
    assert told(empty, "voice agents idle").held


def test_two_incidents_are_a_problem_unless_one_was_merged_into_the_other(story: Story) -> None:
    every_timed_row(story)
    story.hear(incident(200, incident_id="demo-2"))
    assert story.problems() == ["2 incidents, 1 expected"]
    story.hear(incident(260, incident_id="demo-2", revision=2, merged_into="demo-1"))
    assert story.problems() == []


def test_idle_agents_are_told_once_when_nine_of_ten_are_free_after_the_break(story: Story) -> None:
    def report(queue: str, seconds: float, free: int) -> DeskEntry:
        at = QueueRef(channel="voice", queue=queue)
        return desk(
            Workforce(tenant="demo", at=after(seconds), queue=at, staffed=100, available=free, on_contact=100 - free)
        )

    quiet = (report("orders", -60, 100), report("billing", -60, 100), report("billing", 0, 50))
    assert hear_all(story, *quiet, report("orders", 60, 100)) == []
    lines = hear_all(story, report("billing", 120, 90), report("billing", 180, 95))
    assert texts(lines) == "190 of 200 voice agents are idle"
    assert told(story, "voice agents idle").seen_in == "workforce"


@pytest.mark.parametrize(
    ("channel", "kind", "measure", "row"),
    [
        ("email", "backlog-growth", "backlog", "e-mail backlog growing"),
        ("chat", "escalation-wave", "escalated", "escalations rising"),
    ],
)
def test_a_growing_backlog_and_escalations_are_told_by_their_signals(
    story: Story, channel: str, kind: str, measure: str, row: str
) -> None:
    series = Series(at=QueueRef(channel=channel), measure=measure)
    early = signal(channel, kind, -60, series=series)
    late = signal(channel, kind, 900, series=series, signal_id="later", text="6 % of contacts")
    assert hear_all(story, desk(early)) == []
    assert texts(hear_all(story, desk(late))) == f"{row} ({channel} {measure}): 6 % of contacts"
    assert told(story, row).detected_at == after(900)
    assert told(story, row).seen_in == "signal"


def test_an_incident_is_told_at_its_opening_and_when_its_phase_or_cause_moves(story: Story) -> None:
    assert "Telephony is out" in texts(story.hear(incident(60)))
    assert story.hear(incident(90, revision=2)) == []
    assert "easing" in texts(story.hear(incident(3000, revision=3, phase="easing")))
    assert story.hear(incident(60)) == []  # an old revision that came again
    changed = incident(3100, revision=4, phase="easing", cause=Cause(kind="routing", sureness=0.6))
    assert "cause routing" in texts(story.hear(changed))


def test_a_command_counts_once_and_stands_beside_the_rows_of_its_channels(story: Story) -> None:
    hear_all(story, command(200), command(200), command(300))
    assert len(story.commands) == 2
    assert told(story, "chat +280 %").command_at == after(200)
    assert told(story, "voice silent").command_at == after(200)
    assert told(story, "e-mail arrivals x2").command_at is None


def test_each_route_and_the_first_step_back_are_told_once(story: Story) -> None:
    back = {"reverts": "c200"}
    lines = hear_all(
        story, command(200), command(300), command(320, "email"), command(900, **back), command(901, **back)
    )
    assert [line.at for line in lines] == [after(200), after(320), after(900)]
    assert len(story.commands) == 5


def test_a_surge_is_told_again_when_it_has_grown_by_a_fifth(story: Story) -> None:
    def revised(seconds: float, revision: int, ratio: float) -> DeskEntry:
        return desk(signal("chat", "surge", seconds, state="revised", revision=revision, ratio=ratio))

    hear_all(story, desk(signal("chat", "surge", 110, ratio=2.0)))
    assert hear_all(story, revised(120, 2, 2.3)) == []
    assert "+210%" in texts(hear_all(story, revised(130, 3, 3.1)))
    assert hear_all(story, revised(140, 4, 3.6)) == []


def test_usual_again_is_told_of_what_was_told_before(story: Story) -> None:
    hear_all(story, desk(signal("chat", "surge", 110)), desk(signal("chat", "surge", 120, queue="orders")))
    again: dict[str, Any] = {"state": "cleared", "revision": 2}
    assert hear_all(story, desk(signal("chat", "surge", 3000, queue="orders", **again))) == []
    assert texts(hear_all(story, desk(signal("chat", "surge", 3010, **again)))) == "chat is usual again"


def test_a_proposal_says_why_it_may_not_run(story: Story) -> None:
    blocked = command(200, blocked_by=Reason(code="cap", text="over the cap"))
    assert "over the cap" in texts(story.hear_proposal(blocked))
    assert story.hear_proposal(blocked) == [] and not story.commands


def test_another_tenants_messages_are_not_ours(story: Story) -> None:
    assert hear_all(story, desk(signal("chat", "surge", 110), tenant="other"), command(200, tenant="other")) == []
    assert told(story, "chat +280 %").detected_at is None


def test_how_far_the_desk_has_come_never_goes_back(story: Story) -> None:
    for seconds in (10, 30, 20):
        story.hear(desk(Tick(tenant="demo", at=after(99), read_to=after(99), complete_to=after(seconds))))
    assert story.complete_to == after(30)
