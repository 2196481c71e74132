"""The page's view model: what the bus says, folded into what a person sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from response.guard import WAITING
from schemas import topics
from schemas.base import QueueRef
from schemas.centre import Centre
from schemas.decision import CommandResult, OperatorDecision
from schemas.desk import DeskBody, DeskEntry
from schemas.health import ToolHealth
from schemas.incident import Reason
from schemas.notice import Notification
from schemas.signal import Load, QueueLoad, Series
from schemas.status import Budget, DeskStatus, SlowTool, Stop
from schemas.tick import Tick
from schemas.workforce import Workforce
from streams.web.board import Board
from streams.web.tenant import Limits
from streams.web.view import Account, IncidentCard, Row, TenantLine, TenantView
from tests import scripted_outage as outage

WALL = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
CHAT = QueueRef(channel="chat")
BILLING = QueueRef(channel="chat", queue="billing")


def board(clock: Any = "event", **limits: Any) -> Board:
    made = Board(Limits(**limits), lambda tenant: clock)
    made.seeing()
    made.reading = False
    return made


def played(last: int, first: int = -30) -> Board:
    """The scripted outage up to `last` minutes after the break."""
    made = board()
    for name, value in [*outage.opening(), *outage.minutes(first, last)]:
        made.fold(value, name, WALL)
    return made


def hear(made: Board, body: DeskBody, arrived_at: datetime = WALL) -> None:
    tenant = getattr(body, "tenant", outage.TENANT)
    made.fold(DeskEntry(tenant=tenant, origin=outage.ORIGIN, body=body), topics.DESK.name, arrived_at)


def load(at: datetime, *loads: QueueLoad, seconds: float = 60.0) -> Load:
    return Load(tenant=outage.TENANT, at=at, seconds=seconds, loads=list(loads), origin=outage.ORIGIN)


def minute(at: QueueRef, arrivals: int, known_seconds: float = 60.0) -> QueueLoad:
    return QueueLoad(
        at=at, known_seconds=known_seconds, arrivals=arrivals, expected=20.0, expected_low=10.0, expected_high=30.0
    )


def tick(at: datetime) -> Tick:
    return Tick(tenant=outage.TENANT, at=at, read_to=at, complete_to=at)


def seen(made: Board, wall: datetime = WALL) -> TenantView:
    view = made.snapshot(outage.TENANT, wall)
    assert view is not None
    return view


def sentence(made: Board, wall: datetime = WALL) -> str:
    head = seen(made, wall).head
    assert head is not None
    return head.headline.text


def level(made: Board, wall: datetime = WALL) -> str:
    head = seen(made, wall).head
    assert head is not None
    return head.headline.level


def row(made: Board, key: str, wall: datetime = WALL) -> Row:
    found = seen(made, wall).rows[key]
    assert found is not None
    return found


def card(made: Board) -> IncidentCard:
    found = seen(made).incidents[outage.INCIDENT]
    assert found is not None
    return found


class TestTheSentence:
    def test_an_outage_is_said_with_its_cause_its_hour_and_what_runs_against_it(self) -> None:
        assert sentence(played(22)) == "Telephony is out since 10:12. 1 incident. 2 commands running."
        assert level(played(22)) == "incident"

    def test_a_cause_that_is_not_sure_is_called_probable(self) -> None:
        assert sentence(played(3)).startswith("Telephony is probably out since 10:12.")

    def test_easing_is_no_longer_an_alarm(self) -> None:
        made = played(50)
        assert sentence(made).startswith("Telephony was out since 10:12 and is easing.")
        assert level(made) == "notice"

    def test_after_the_incident_all_is_usual_again(self) -> None:
        made = played(110)
        for channel in outage.SEEN:
            hear(made, outage.signal(channel, outage.BACK_AT, state="cleared", revision=999))
        assert sentence(made) == "All is usual."
        assert level(made) == "usual"

    def test_an_open_signal_without_an_incident_is_mentioned_without_alarm(self) -> None:
        made = board()
        hear(made, load(outage.BROKE_AT, minute(CHAT, 80)))
        hear(made, outage.signal("chat", outage.BROKE_AT))
        assert sentence(made) == "No incident. 1 series out of the usual range."
        assert level(made) == "notice"

    def test_before_anything_is_counted_the_page_waits(self) -> None:
        made = board()
        hear(made, tick(outage.BROKE_AT))
        assert level(made) == "waiting"

    def test_a_proposal_counts_as_waiting_only_when_nothing_but_a_yes_is_missing(self) -> None:
        made = played(9)
        assert "proposal" not in sentence(made)
        asked = Reason(code=WAITING, text="a person decides")
        ref = QueueRef(channel="email", queue="returns")
        shift = outage.load_shift("p-1", outage.BROKE_AT, ref, outage.voice("returns"), blocked=asked)
        made.fold(shift, topics.LOAD_SHIFT_PROPOSALS.name, WALL)
        assert sentence(made).endswith("1 proposal waiting for a decision.")


class TestBlindness:
    def test_a_bus_that_never_answered_is_said_plainly(self) -> None:
        made = Board(Limits(), lambda tenant: "system")
        assert made.bus is not None
        assert made.bus.since is None

    def test_a_lost_bus_keeps_what_was_known_and_says_since_when(self) -> None:
        made = played(22)
        made.blind(datetime(2026, 11, 24, 20, 2, tzinfo=UTC), "the bus does not answer")
        head = seen(made).head
        assert head is not None
        assert head.headline.level == "blind"
        assert head.headline.text == "Blind since 14:02."
        assert "Telephony is out since 10:12" in head.headline.more
        assert len(card(made).symptoms) == 5

    def test_detection_that_falls_silent_makes_a_live_tenant_blind(self) -> None:
        made = board(clock="system", blind_after_seconds=30.0)
        hear(made, load(WALL, minute(CHAT, 20)))
        hear(made, tick(WALL), arrived_at=WALL)
        assert level(made, WALL + timedelta(seconds=29)) == "usual"
        assert level(made, WALL + timedelta(seconds=31)) == "blind"

    def test_played_history_that_ends_is_no_blindness(self) -> None:
        assert level(played(22), WALL + timedelta(days=1)) == "incident"

    def test_counts_that_lag_behind_the_wall_clock_are_called_old(self) -> None:
        made = board(clock="system")
        hear(made, load(WALL - timedelta(minutes=12), minute(CHAT, 20)))
        hear(made, tick(WALL - timedelta(minutes=12)), arrived_at=WALL)
        head = seen(made).head
        assert head is not None
        assert "The counts are 12 minutes old." in head.headline.more


class TestRows:
    def test_a_minute_that_was_not_delivered_is_unknown_and_not_zero(self) -> None:
        made = board()
        hear(made, load(WALL, minute(CHAT, 0, known_seconds=0.0)))
        assert row(made, "chat").points[-1].observed is None
        assert row(made, "chat").status == "unknown"

    def test_a_delivered_minute_without_contacts_is_a_zero(self) -> None:
        made = board()
        hear(made, load(WALL, minute(CHAT, 0)))
        assert row(made, "chat").points[-1].observed == 0

    def test_the_weightiest_signal_names_the_row(self) -> None:
        made = played(22)
        voice, chat = row(made, "voice"), row(made, "chat")
        assert (voice.status, voice.because) == ("silence", "silent")
        assert (chat.status, chat.because) == ("surge", "surging, +280 %")

    def test_a_cleared_signal_stays_as_a_mark_with_its_end(self) -> None:
        made = played(22)
        back = outage.BACK_AT
        hear(made, outage.signal("voice", back, state="cleared", revision=99))
        marks = row(made, "voice").marks
        assert [(mark.start, mark.end) for mark in marks] == [(outage.BROKE_AT, back)]
        assert row(made, "voice").status != "silence"

    def test_an_older_revision_changes_nothing(self) -> None:
        made = played(22)
        hear(made, outage.signal("voice", outage.BROKE_AT, state="cleared", revision=0))
        assert row(made, "voice").status == "silence"

    def test_three_minutes_outside_the_range_are_worth_a_word_and_one_is_not(self) -> None:
        made = board()
        for n, arrivals in enumerate((20, 45)):
            hear(made, load(WALL + timedelta(minutes=n), minute(CHAT, arrivals)))
        assert row(made, "chat").status == "usual"
        for n in (2, 3):
            hear(made, load(WALL + timedelta(minutes=n), minute(CHAT, 45)))
        assert row(made, "chat").status == "above"
        assert row(made, "chat").because == "above usual, +125 %"
        assert row(made, "chat").since == WALL + timedelta(minutes=1)

    def test_points_are_bounded_and_the_newest_stay(self) -> None:
        made = board(points_max=60)
        for n in range(100):
            hear(made, load(WALL + timedelta(minutes=n), minute(CHAT, n)))
        points = row(made, "chat").points
        assert [point.observed for point in points] == list(range(40, 100))

    def test_the_same_minute_twice_is_one_point_and_order_does_not_matter(self) -> None:
        made = board()
        for n in (2, 0, 1, 1, 2):
            hear(made, load(WALL + timedelta(minutes=n), minute(CHAT, n)))
        assert [point.observed for point in row(made, "chat").points] == [0, 1, 2]

    def test_a_queue_that_the_others_leave_behind_becomes_unknown(self) -> None:
        made = board()
        hear(made, load(WALL, minute(CHAT, 20), minute(BILLING, 10)))
        made.patches(WALL)
        hear(made, load(WALL + timedelta(minutes=6), minute(CHAT, 20)))
        (patch,) = made.patches(WALL)
        left = patch.rows["chat/billing"]
        assert left is not None
        assert left.status == "unknown"

    def test_a_channels_agents_are_its_queues_together(self) -> None:
        made = played(22)
        agents = row(made, "voice").agents
        assert agents is not None
        assert (agents.staffed, agents.idle) == (108, 96)

    def test_several_sites_of_a_queue_add_up_and_a_later_word_replaces(self) -> None:
        made = board()
        hear(made, load(WALL, minute(BILLING, 20)))
        for site, staffed in (("north", 10), ("south", 5), ("north", 12)):
            said = Workforce(
                tenant=outage.TENANT, at=WALL, queue=BILLING, staffed=staffed, available=1, on_contact=2, site=site
            )
            hear(made, said)
        agents = row(made, "chat/billing").agents
        assert agents is not None
        assert (agents.staffed, agents.idle) == (17, 2)

    def test_beyond_the_bound_the_queue_that_fell_behind_leaves_first(self) -> None:
        made = board(queues_max=2)
        hear(made, load(WALL, minute(CHAT, 20), minute(BILLING, 20)))
        later = WALL + timedelta(minutes=30)
        hear(made, load(later, minute(CHAT, 20)))
        hear(made, load(later, minute(QueueRef(channel="sms"), 20)))
        assert set(seen(made).rows) == {"chat", "sms"}


class TestIncidents:
    def test_a_card_has_cause_sureness_scope_and_each_symptom_with_its_change(self) -> None:
        found = card(played(22))
        assert (found.cause.kind, found.cause.sureness) == ("telephony", 0.94)
        assert found.scope_text == "the whole centre: voice, chat, email, social and app"
        changes = {line.name: line.change for line in found.symptoms}
        assert changes["voice"] == "none came"
        assert changes["chat"] == "+280 %"
        assert all(line.evidence is not None for line in found.symptoms)

    def test_the_story_is_told_in_order_with_alerts_commands_and_answers(self) -> None:
        story = card(played(22)).story
        assert [step.at for step in story] == sorted(step.at for step in story)
        assert {"onset", "signal", "phase", "alert", "command", "proposal", "result", "bulletin"} <= {
            step.kind for step in story
        }

    def test_a_channel_speaks_for_its_queues_in_the_story(self) -> None:
        made = played(22)
        base = outage.incident(outage.BROKE_AT + timedelta(minutes=22), 99)
        queue = msgspec.structs.replace(base.symptoms[1], series=Series(at=BILLING), signal_id="s-queue")
        again = msgspec.structs.replace(base.symptoms[1], signal_id="s-again")
        more = msgspec.structs.replace(base, symptoms=[*base.symptoms, queue, again])
        made.fold(more, topics.INCIDENTS.name, WALL)
        said = [step.text for step in card(made).story if step.kind == "signal"]
        assert said.count("chat: surging") == 1
        assert not any("billing" in text for text in said)
        assert len(card(made).symptoms) == 7

    def test_who_was_told_shows_the_last_word_of_each_notice(self) -> None:
        told = {one.sink: one for one in card(played(22)).told}
        assert (told["pagerduty"].outcome, told["grafana"].outcome) == ("delivered", "delivered")
        assert told["grafana"].attempt == 2

    def test_a_lower_revision_never_overwrites_a_higher_one(self) -> None:
        made = played(22)
        made.fold(outage.incident(outage.BROKE_AT, 3), topics.INCIDENTS.name, WALL)
        assert card(made).revision == 22

    def test_pages_and_decisions_stand_in_the_story_of_a_live_tenant(self) -> None:
        made = board(clock="system")
        made.fold(outage.incident(outage.BROKE_AT + timedelta(minutes=5), 5), topics.INCIDENTS.name, WALL)
        at = outage.BROKE_AT + timedelta(minutes=6)
        said = Notification(
            notice_id="n",
            tenant=outage.TENANT,
            incident_id=outage.INCIDENT,
            sink="pagerduty",
            what="opened",
            outcome="delivered",
            attempt=1,
            at=at,
        )
        made.fold(said, topics.NOTIFICATIONS.name, WALL)
        decision = OperatorDecision(
            decision_id="d", tenant=outage.TENANT, at=at, by="kim", action="acknowledge", target=outage.INCIDENT
        )
        hear(made, decision)
        texts = [step.text for step in card(made).story]
        assert "pagerduty told of it: opened" in texts
        assert "kim: acknowledge" in texts

    def test_full_of_incidents_the_resolved_leave_before_the_open(self) -> None:
        made = board(incidents_max=2)
        base = outage.incident(outage.BROKE_AT + timedelta(minutes=5), 5)
        for name, phase in (("a", "open"), ("b", "resolved"), ("c", "open")):
            made.fold(msgspec.structs.replace(base, incident_id=name, phase=phase), topics.INCIDENTS.name, WALL)
        assert set(seen(made).incidents) == {"a", "c"}


class TestAnswers:
    def test_a_staffing_alert_is_shown_once_in_its_last_revision(self) -> None:
        made = played(22)
        at = outage.BROKE_AT + timedelta(minutes=10)
        made.fold(outage.staffing_alert("chat", "billing", at, 3, revision=2), topics.STAFFING_ALERTS.name, WALL)
        chat = [one for one in seen(made).alerts.values() if one is not None and one.queue == BILLING]
        assert [one.revision for one in chat] == [2]

    def test_a_command_ends_by_expiry_by_its_inverse_by_the_platform_or_by_a_rejection(self) -> None:
        made = played(22)
        assert "2 commands running" in sentence(made)
        back = msgspec.structs.replace(
            outage.load_shift("c-chat-back", outage.BROKE_AT + timedelta(minutes=20), BILLING, outage.voice("billing")),
            reverts="c-chat",
        )
        made.fold(back, topics.LOAD_SHIFT_COMMANDS.name, WALL)
        assert "1 command running" in sentence(made)
        refused = CommandResult(
            command_id="c-email", tenant=outage.TENANT, at=WALL, state="refused", text="no such flow"
        )
        hear(made, refused)
        assert "command" not in sentence(made)
        commands = seen(made).commands
        ends = {key: one.ended for key, one in commands.items() if one is not None}
        assert ends["c-chat"] == "taken back"
        assert ends["c-email"] == "refused by the platform"
        decision = OperatorDecision(
            decision_id="d", tenant=outage.TENANT, at=WALL, by="kim", action="reject", target="c-social"
        )
        hear(made, decision)
        social = seen(made).commands["c-social"]
        assert social is not None
        assert social.ended == "rejected by kim"

    def test_of_the_steps_on_one_way_only_the_last_runs_in_whatever_order_they_come(self) -> None:
        steps = [
            msgspec.structs.replace(
                outage.load_shift(f"s-{n}", outage.BROKE_AT, BILLING, outage.voice("billing")), step=n, share=0.1 * n
            )
            for n in (1, 2, 3)
        ]
        for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
            made = played(2)
            for n in order:
                made.fold(steps[n], topics.LOAD_SHIFT_COMMANDS.name, WALL)
            running = [key for key, one in seen(made).commands.items() if one is not None and one.ended is None]
            assert running == ["s-3"], order
            assert "1 command running" in sentence(made)

    def test_a_mere_renewal_is_no_line_of_the_story(self) -> None:
        made = played(6)
        lines = len([step for step in card(made).story if step.kind == "command"])
        renewed = msgspec.structs.replace(
            outage.load_shift("c-2", outage.BROKE_AT, BILLING, outage.voice("billing")), step=2, share_before=0.4
        )
        made.fold(renewed, topics.LOAD_SHIFT_COMMANDS.name, WALL)
        assert len([step for step in card(made).story if step.kind == "command"]) == lines

    def test_time_alone_ends_a_command(self) -> None:
        made = played(22)
        hear(made, tick(outage.BROKE_AT + timedelta(minutes=5 + 31)))
        assert "1 command running" in sentence(made)

    def test_a_proposal_that_was_issued_is_shown_as_issued(self) -> None:
        made = played(9)
        proposed = seen(made).commands["c-social"]
        assert proposed is not None
        assert proposed.kind == "proposed"
        ref = QueueRef(channel="social", queue="care")
        made.fold(
            outage.load_shift("c-social", outage.BROKE_AT, ref, outage.voice("returns")),
            topics.LOAD_SHIFT_COMMANDS.name,
            WALL,
        )
        issued = seen(made).commands["c-social"]
        assert issued is not None
        assert issued.kind == "running"

    def test_the_kill_switch_is_in_the_sentence_until_it_is_released(self) -> None:
        made = played(22)
        stop = Stop(target=outage.TENANT, reach="tenant", by="kim", at=WALL, text="all load shifts of northwind")
        for revision, stops in ((1, [stop]), (2, [])):
            status = DeskStatus(
                tenant=outage.TENANT, revision=revision, at=WALL, mode="auto", stops=stops, origin=outage.ORIGIN
            )
            made.fold(status, topics.DESK_STATUS.name, WALL)
            head = seen(made).head
            assert head is not None
            assert ("Kill switch pulled by kim" in head.headline.more) == bool(stops)
            assert head.stops == stops
            assert head.account is None

    def test_the_account_of_false_alarms_is_told(self) -> None:
        made = played(22)
        budget = Budget(stated=4.0, spent=1, projected=2.5, opened=27, since=WALL, counted_to=WALL)
        status = DeskStatus(tenant=outage.TENANT, revision=1, at=WALL, mode="auto", budget=budget, origin=outage.ORIGIN)
        made.fold(status, topics.DESK_STATUS.name, WALL)
        head = seen(made).head
        assert head is not None
        assert head.account == Account(stated=4.0, spent=1, projected=2.5, opened=27)

    def test_a_tools_last_word_counts(self) -> None:
        made = played(22)
        telephony = seen(made).tools["telephony"]
        assert telephony is not None
        assert telephony.state == "down"
        old = ToolHealth(tenant=outage.TENANT, tool="telephony", at=outage.BROKE_AT - timedelta(hours=1), state="up")
        hear(made, old)
        assert seen(made).tools["telephony"] == telephony

    def test_a_tool_that_says_it_is_up_is_degraded_while_the_desk_finds_it_slow(self) -> None:
        made = played(22)
        hear(made, ToolHealth(tenant=outage.TENANT, tool="crm", at=outage.BROKE_AT, state="up", latency_seconds=4.2))
        slow = SlowTool(tool="crm", since=outage.BROKE_AT, latency_seconds=4.2, usual_seconds=0.6)
        elsewhere = msgspec.structs.replace(slow, site="east")
        made.patches(WALL)
        shown = []
        for revision, found in enumerate(([elsewhere], [slow], [])):
            status = DeskStatus(
                tenant=outage.TENANT, revision=revision, at=WALL, mode="auto", slow=found, origin=outage.ORIGIN
            )
            made.fold(status, topics.DESK_STATUS.name, WALL)
            (crm,) = (patch.tools["crm"] for patch in made.patches(WALL))
            assert crm is not None
            shown.append((crm.state, crm.text))
        assert [state for state, _ in shown] == ["up", "degraded", "up"]
        assert (shown[1][1] or "").startswith("answers in 4.2 s, usually 0.6 s, since ")


class TestTime:
    def test_times_of_day_are_the_tenants_own(self) -> None:
        made = played(22)
        centre = Centre(tenant=outage.TENANT, version=2, time_zone="Europe/Berlin")
        made.fold(centre, topics.CENTRE.name, WALL)
        assert sentence(made).startswith("Telephony is out since 17:12.")

    def test_an_unknown_time_zone_falls_back_to_utc_and_says_so(self) -> None:
        made = played(22)
        made.fold(Centre(tenant=outage.TENANT, version=2, time_zone="Mars/Olympus"), topics.CENTRE.name, WALL)
        head = seen(made).head
        assert head is not None
        assert head.time_zone == "UTC"
        assert sentence(made).startswith("Telephony is out since 16:12.")

    def test_played_history_has_its_own_clock(self) -> None:
        head = seen(played(22)).head
        assert head is not None
        assert head.clock == "event"
        assert head.now == outage.BROKE_AT + timedelta(minutes=22)

    def test_a_live_tenant_has_the_wall_clock(self) -> None:
        made = board(clock="system")
        hear(made, load(WALL, minute(CHAT, 20)))
        head = seen(made).head
        assert head is not None
        assert head.now is None


class TestPatches:
    def test_nothing_new_is_no_patch(self) -> None:
        made = played(22)
        made.patches(WALL)
        assert made.patches(WALL) == []

    def test_a_patch_holds_only_what_changed_and_only_new_minutes(self) -> None:
        made = played(22)
        made.patches(WALL)
        hear(made, load(outage.BROKE_AT + timedelta(minutes=23), minute(CHAT, 99)))
        (patch,) = made.patches(WALL)
        assert set(patch.rows) == {"chat"}
        chat = patch.rows["chat"]
        assert chat is not None
        assert [point.observed for point in chat.points] == [99]
        assert patch.incidents == {}

    def test_a_snapshot_takes_nothing_away_from_the_next_patch(self) -> None:
        made = played(22)
        made.patches(WALL)
        hear(made, load(outage.BROKE_AT + timedelta(minutes=23), minute(CHAT, 99)))
        seen(made)
        (patch,) = made.patches(WALL)
        assert "chat" in patch.rows

    def test_patches_in_order_give_the_snapshot(self) -> None:
        """What a page that was open all along knows is what a page opened now is told."""
        made = board()
        parts: dict[str, dict[str, Any]] = {}
        points: dict[str, dict[int, Any]] = {}
        for n, (name, value) in enumerate([*outage.opening(), *outage.minutes(-30, 60)]):
            made.fold(value, name, WALL)
            if n % 7 == 0:
                _apply(made.patches(WALL), parts, points)
        _apply(made.patches(WALL), parts, points)
        whole = msgspec.to_builtins(seen(made))
        for section in ("incidents", "alerts", "commands", "bulletins", "tools"):
            assert parts[section] == whole[section]
        for key, known in whole["rows"].items():
            assert list(points[key].values()) == known.pop("points")
            parts["rows"][key].pop("points")
            assert parts["rows"][key] == known

    def test_tenants_beyond_the_bound_are_counted_and_left_out(self) -> None:
        made = board(tenants_max=1)
        for tenant in ("one", "two"):
            made.fold(Centre(tenant=tenant), topics.CENTRE.name, WALL)
        assert [line.tenant for line in _lines(made)] == ["one"]
        assert made.refused_tenants == 1

    def test_the_switch_names_first_who_needs_a_look(self) -> None:
        made = played(22)
        made.fold(Centre(tenant="a-quiet-one"), topics.CENTRE.name, WALL)
        assert [line.tenant for line in _lines(made)] == [outage.TENANT, "a-quiet-one"]


def _apply(patches: list[TenantView], parts: dict[str, dict[str, Any]], points: dict[str, dict[int, Any]]) -> None:
    for patch in patches:
        plain = msgspec.to_builtins(patch)
        for section in ("rows", "incidents", "alerts", "commands", "bulletins", "tools"):
            for key, value in plain.get(section, {}).items():
                if value is None:
                    parts.setdefault(section, {}).pop(key, None)
                    continue
                parts.setdefault(section, {})[key] = value
                if section == "rows":
                    points.setdefault(key, {}).update({point[0]: point for point in value["points"]})


@pytest.mark.parametrize("last", [1, 5, 22, 50, 110])
def test_every_moment_of_the_outage_is_valid_json(last: int) -> None:
    view = seen(played(last))
    assert msgspec.json.decode(msgspec.json.encode(view))["tenant"] == outage.TENANT


def _lines(made: Board) -> list[TenantLine]:
    made.patches(WALL)
    return made.tenants()
