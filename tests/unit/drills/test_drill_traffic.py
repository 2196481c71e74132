"""The seeded centre: the same seed, the same contacts; shaped like a day; what breaks, breaks when the truth says."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from drills import history, retailer
from drills.scenarios import telephony_outage
from drills.simulator import Happening, Simulator, moment_of, play
from drills.traffic import BLOCK_SECONDS, Traffic, shape
from schemas import codec
from schemas.contact import ContactEvent
from schemas.health import ToolHealth
from schemas.pane import Progress, QueuePane
from schemas.workforce import Workforce

ZONE = ZoneInfo(retailer.TIME_ZONE)
START = datetime(2025, 12, 16, 9, 50, tzinfo=ZONE).astimezone(UTC)
BREAK = datetime(2025, 12, 16, 10, 12, tzinfo=ZONE).astimezone(UTC)
END = datetime(2025, 12, 16, 11, 20, tzinfo=ZONE).astimezone(UTC)


def a_traffic(seed: int = 7) -> Traffic:
    return Traffic(retailer.QUEUES, retailer.TIME_ZONE, seed, START - timedelta(days=14), END)


def a_play(seed: int = 7, end: datetime = END) -> list[Happening]:
    scenario = telephony_outage.build(BREAK)
    simulator = Simulator("demo", "demo-0", a_traffic(seed), scenario, seed, START - timedelta(minutes=20))
    return list(play(simulator, START, end))


@pytest.fixture(scope="module")
def tuesday() -> list[Happening]:
    return a_play()


def offered(tuesday: list[Happening], channel: str, since: float, until: float) -> int:
    """Arrivals of a channel between two offsets in minutes from the break."""
    low, high = BREAK + timedelta(minutes=since), BREAK + timedelta(minutes=until)
    return sum(
        isinstance(h, ContactEvent) and h.type == "offered" and h.channel == channel and low <= h.occurred_at < high
        for h in tuesday
    )


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    end = START + timedelta(minutes=10)
    first, second, other = (b"".join(map(codec.encode, a_play(seed, end))) for seed in (3, 3, 4))
    assert first == second
    assert first != other


def test_everything_comes_in_order_of_event_time_and_within_the_play(tuesday: list[Happening]) -> None:
    times = [moment_of(happening) for happening in tuesday]
    assert times == sorted(times)
    assert times[0] >= START and times[-1] < END


def test_every_event_can_be_read_back_by_the_contract(tuesday: list[Happening]) -> None:
    for happening in tuesday[::97]:
        assert codec.decode(type(happening), codec.encode(happening)) == happening


def test_no_event_id_comes_twice(tuesday: list[Happening]) -> None:
    ids = [h.event_id for h in tuesday if isinstance(h, ContactEvent)]
    assert len(ids) == len(set(ids))


def test_a_contact_that_was_answered_is_never_abandoned_and_waits_before_it_is_answered(
    tuesday: list[Happening],
) -> None:
    by_contact: dict[str, dict[str, datetime]] = {}
    for h in tuesday:
        if isinstance(h, ContactEvent):
            by_contact.setdefault(h.contact_id, {})[h.type] = h.occurred_at
    whole = [life for life in by_contact.values() if "offered" in life]
    assert len(whole) > 10_000
    for life in whole:
        assert not {"answered", "abandoned"} <= set(life)
        if "finished" in life and "answered" in life:
            assert life["offered"] <= life["answered"] < life["finished"]


def test_calls_stop_at_the_break_and_come_back_after_47_minutes(tuesday: list[Happening]) -> None:
    assert offered(tuesday, "voice", -10, 0) > 300
    # calls that ended in the last seconds may still be passed on until all lines are cut
    assert offered(tuesday, "voice", 0, 47) < 5
    assert offered(tuesday, "voice", 0.5, 47) == 0
    assert offered(tuesday, "voice", 48, 58) > 300


@pytest.mark.parametrize(("channel", "factor"), [("chat", 3.8), ("email", 2.4), ("social", 6.0), ("app", 3.2)])
def test_callers_turn_to_other_channels_by_the_factor_of_the_scenario(
    tuesday: list[Happening], channel: str, factor: float
) -> None:
    usual, outage = offered(tuesday, channel, -20, 0) / 20, offered(tuesday, channel, 10, 40) / 30
    assert outage / usual == pytest.approx(factor, rel=0.2)


def test_each_row_breaks_when_its_curve_leaves_the_usual_and_not_before(tuesday: list[Happening]) -> None:
    scenario = telephony_outage.build(BREAK)
    timed = [row for row in scenario.rows if row.limit_seconds is not None]
    assert {str(row.at) for row in timed} == {"voice", "chat", "social", "email", "app/refunds"}
    for row in timed:
        queue = next(
            plan.at for plan in retailer.QUEUES if row.at in (plan.at, plan.at.__class__(channel=plan.at.channel))
        )
        broke = scenario.broke_at(row)
        assert scenario.arrivals_factor(queue, broke) == pytest.approx(1.0)
        assert scenario.arrivals_factor(queue, broke + timedelta(seconds=20)) != pytest.approx(1.0, abs=0.05)


def test_agents_of_voice_are_idle_during_the_outage_and_busy_before(tuesday: list[Happening]) -> None:
    def free_share(at: datetime) -> float:
        reports = [h for h in tuesday if isinstance(h, Workforce) and h.at == at and h.queue.channel == "voice"]
        return sum(report.available for report in reports) / sum(report.staffed for report in reports)

    assert free_share(BREAK - timedelta(minutes=2)) < 0.5
    assert free_share(BREAK + timedelta(minutes=5)) > 0.9


def test_the_mail_backlog_doubles_during_the_outage(tuesday: list[Happening]) -> None:
    change: Counter[datetime] = Counter()
    for h in tuesday:
        if isinstance(h, ContactEvent) and h.channel == "email":
            change[h.occurred_at] += {"offered": 1, "answered": -1}.get(h.type, 0)
    at_break = sum(n for at, n in change.items() if at < BREAK)
    later = sum(n for at, n in change.items() if at < BREAK + timedelta(minutes=30))
    waiting_at_start = sum(plan.backlog_minutes * plan.per_minute_peak for plan in retailer.QUEUES) * 0.9
    assert later - at_break > waiting_at_start


def test_escalations_rise_a_quarter_of_an_hour_into_the_outage(tuesday: list[Happening]) -> None:
    def share(since: float, until: float) -> float:
        low, high = BREAK + timedelta(minutes=since), BREAK + timedelta(minutes=until)
        types = Counter(
            h.type
            for h in tuesday
            if isinstance(h, ContactEvent) and h.channel in ("chat", "email") and low <= h.occurred_at < high
        )
        return types["escalated"] / types["finished"]

    assert share(16, 46) > 2 * share(-20, 10)


def test_the_telephony_probe_says_down_from_shortly_after_the_break_and_up_again(tuesday: list[Happening]) -> None:
    states = {h.at: h.state for h in tuesday if isinstance(h, ToolHealth) and h.tool == "telephony"}
    assert states[BREAK] == "up"
    assert states[BREAK + timedelta(seconds=30)] == "down"
    assert states[BREAK + timedelta(minutes=48)] == "up"
    assert {h.state for h in tuesday if isinstance(h, ToolHealth) and h.tool != "telephony"} == {"up"}


def test_the_day_has_a_busy_noon_a_quiet_night_and_a_slower_sunday() -> None:
    noon, night = datetime(2025, 12, 16, 12, tzinfo=ZONE), datetime(2025, 12, 16, 3, tzinfo=ZONE)
    sunday = datetime(2025, 12, 14, 12, tzinfo=ZONE)
    assert shape(night, ZONE) < 0.1 * shape(noon, ZONE)
    assert shape(sunday, ZONE) < 0.8 * shape(noon, ZONE)


def test_history_counts_follow_the_rates_and_are_wider_than_chance() -> None:
    traffic = a_traffic()
    plan = retailer.QUEUES[0]
    rates = traffic.blocks(plan, START) * BLOCK_SECONDS / 60
    panes = [p for p in history.panes("demo", "demo-0", traffic, 7, START) if isinstance(p, QueuePane)]
    voice = [pane for pane in panes if pane.channel == "voice"]
    counts = np.array([pane.queues["orders"].offered for pane in voice])
    assert counts.sum() == pytest.approx(rates.sum(), rel=0.01)
    middles = [pane.pane_start + timedelta(seconds=pane.pane_seconds / 2) for pane in voice]
    minutes = np.array([pane.pane_seconds / 60 for pane in voice])
    planned = np.array([traffic.planned_per_minute(plan, middle) for middle in middles]) * minutes
    busy = planned > 150
    assert np.mean((counts[busy] - planned[busy]) ** 2 / planned[busy]) > 1.1


def test_history_ends_at_the_play_with_every_pane_final_and_progress_behind_it() -> None:
    records = list(history.panes("demo", "demo-0", a_traffic(), 7, START))
    panes = [record for record in records if isinstance(record, QueuePane)]
    assert all(pane.final and pane.clock == "event" for pane in panes)
    assert max(pane.complete_to for pane in panes) == START
    assert isinstance(records[-1], Progress) and records[-1].at == START
    for channel in ("voice", "email"):
        mine = [pane for pane in panes if pane.channel == channel]
        assert mine[0].pane_start == START - timedelta(days=14)
        assert all(before.complete_to == after.pane_start for before, after in pairwise(mine))
    assert all(pane.pane_start.timestamp() % pane.pane_seconds == 0 for pane in panes)
    # the last hours are told finely
    assert {p.pane_seconds for p in panes if p.pane_start >= START - timedelta(hours=5)} == {BLOCK_SECONDS}


def test_history_keeps_about_the_planned_mail_backlog() -> None:
    traffic = a_traffic()
    waiting = 0
    for record in history.panes("demo", "demo-0", traffic, 7, START):
        if isinstance(record, QueuePane) and record.channel == "email":
            waiting += sum(counts.offered - counts.finished for counts in record.queues.values())
    planned = sum(plan.backlog_minutes * traffic.planned_per_minute(plan, START) for plan in retailer.QUEUES)
    assert waiting == pytest.approx(planned, rel=0.1)
