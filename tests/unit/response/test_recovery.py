"""After an outage: what is left and by when, who was affected, what may still come, and when to stand down."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from desk_builder import START, TENANT, Script, centre, load, ref, signal, tick

from response import wave
from response.burn_down import BAND, Course
from response.triage import triage
from schemas.centre import OpenCase
from schemas.recovery import Recovery

HOUR = 3600.0


def _case(
    name: str, opened: float = 0.0, due: float | None = None, queue: str = "email/orders", **more: object
) -> OpenCase:
    return OpenCase(
        case_id=name,
        tenant=TENANT,
        queue=ref("email/orders"),
        opened_at=START + timedelta(seconds=opened),
        due_at=None if due is None else START + timedelta(seconds=due),
        **more,  # type: ignore[arg-type]
    )


# triage


def test_what_is_overdue_comes_before_a_vip_before_an_angry_one_before_the_rest() -> None:
    cases = [
        _case("plain"),
        _case("angry", sentiment=-1.0),
        _case("vip", vip=True),
        _case("late", due=-60, vip=False),
    ]
    order = triage(cases, START, {})
    assert [case.case_id for case in order] == ["late", "vip", "angry", "plain"]
    assert order[0].because[0] == "overdue"
    assert order[1].because[0] == "VIP"


def test_a_case_that_will_not_be_reached_in_time_is_urgent_before_it_is_late() -> None:
    cases = [_case(f"c{n:03}", due=2 * HOUR + n) for n in range(400)]
    slow = {case.case_id: case for case in triage(cases, START, {"email/orders": 100 / HOUR})}
    assert "due before it is reached" in slow["c399"].because
    assert "due before it is reached" not in slow["c000"].because
    fast = {case.case_id: case for case in triage(cases, START, {"email/orders": 4000 / HOUR})}
    assert "due before it is reached" not in fast["c399"].because


def test_scores_lie_between_nothing_and_a_hundred_and_rise_with_age_and_repeats() -> None:
    worst = _case("w", -1e6, -1e6, vip=True, sentiment=-1.0, repeats=9, priority=1)
    least = _case("l", 60.0, None, priority=5, sentiment=1.0)
    older, oftener = _case("o", -20 * HOUR), _case("r", repeats=2)
    scores = {case.case_id: case.score for case in triage([worst, least, older, oftener, _case("p")], START, {})}
    assert scores["w"] == 100.0
    assert scores["l"] == 0.0
    assert scores["o"] > scores["p"] < scores["r"]


# burn-down


def test_an_eta_is_when_the_excess_is_gone_at_the_pace_of_late() -> None:
    course = Course(backlog=500, usual=100, arrivals=100 / HOUR, finished=300 / HOUR, seen_seconds=1800)
    assert course.usual_after() == pytest.approx(2 * HOUR, rel=1e-6)
    early, late = course.usual_after(-BAND), course.usual_after(BAND)
    assert early is not None
    assert late is not None
    assert early < 2 * HOUR < late


def test_a_backlog_that_does_not_fall_has_no_eta() -> None:
    course = Course(backlog=500, usual=100, arrivals=0.1, finished=0.1, seen_seconds=1800)
    assert course.usual_after() is None
    assert Course(backlog=50, usual=100, arrivals=0.1, finished=0.1, seen_seconds=1800).usual_after() == 0.0


def test_nine_in_ten_simulated_backlogs_are_done_within_the_band() -> None:
    random = np.random.default_rng(7)
    true_arrivals, true_finished, seen, inside, runs = 120 / HOUR, 300 / HOUR, 1800.0, 0, 400
    for _ in range(runs):
        course = Course(
            backlog=400,
            usual=50,
            arrivals=random.poisson(true_arrivals * seen) / seen,
            finished=random.poisson(true_finished * seen) / seen,
            seen_seconds=seen,
        )
        steps = random.poisson(true_arrivals * 60, 1200) - random.poisson(true_finished * 60, 1200)
        done = 60.0 * (1 + int(np.argmax(400 + np.cumsum(steps) <= 50)))
        early, late = course.usual_after(-BAND), course.usual_after(BAND)
        inside += (early or 0.0) <= done <= (late or 1e9)
    assert 0.85 <= inside / runs <= 0.99


# the after-wave


def test_before_anything_is_seen_the_wave_is_as_large_as_was_assumed() -> None:
    law = wave.learn(affected=2000, extra_seen=0, hours=0, watch_hours=48)
    assert law.total.expected == pytest.approx(100)
    assert law.total.low < 20 < 250 < law.total.high


def test_what_is_seen_outweighs_what_was_assumed() -> None:
    share = wave.arrived(6, 48)
    big = wave.learn(affected=2000, extra_seen=300, hours=6, watch_hours=48)
    assert big.total.expected == pytest.approx(300 / share, rel=0.05)
    none = wave.learn(affected=2000, extra_seen=0, hours=6, watch_hours=48)
    assert none.total.expected < 10


def test_the_stretches_of_the_watch_hold_the_whole_wave() -> None:
    shares = [wave.arrived(start + 4, 48) - wave.arrived(start, 48) for start in range(0, 48, 4)]
    assert sum(shares) == pytest.approx(1.0)
    assert shares[0] > shares[3] > shares[-1] > 0


def test_nine_in_ten_simulated_waves_lie_in_the_band() -> None:
    random = np.random.default_rng(11)
    share, inside, runs = wave.arrived(12, 48) - wave.arrived(8, 48), 0, 2000
    for _ in range(runs):
        total = random.gamma(wave.PRIOR_SHAPE, 0.05 * 3000 / wave.PRIOR_SHAPE)
        seen, later = random.poisson(total * wave.arrived(8, 48)), random.poisson(total * share)
        band = wave.learn(3000, seen, 8, 48).between(share)
        inside += band.low <= later <= band.high
    assert 0.88 <= inside / runs <= 0.97  # counts are whole, so the band holds a little more


def test_the_quantiles_are_those_of_the_negative_binomial() -> None:
    from scipy.stats import nbinom

    law = wave.learn(1500, 20, 5, 48)
    share = 0.2
    success = law.rate / (law.rate + share)
    band = law.between(share)
    assert (band.low, band.high) == (nbinom.ppf(0.05, law.shape, success), nbinom.ppf(0.95, law.shape, success))


# on the desk


def _minute(
    script: Script, second: float, *, backlog: int, escalated: int = 1, finished: int = 6, came: int = 3
) -> None:
    more = {"backlog": backlog, "escalated": escalated, "finished": finished}
    script.hear(load(second, {"email": (came, came), "email/orders": (came, came)}, **more), tick(second))


@pytest.fixture(scope="module")
def after_outage() -> Script:
    """E-mail was silent for an hour; when it is back 300 wait instead of 20."""
    script = Script(first=centre("auto"))
    for second in range(0, 3600, 60):
        _minute(script, second, backlog=20)
    waiting = [_case(f"c{n}", 3600 + n, 8 * HOUR, customer=f"who{n % 40}", vip=n == 7) for n in range(60)]
    script.hear(*waiting[:20])
    script.hear(signal("email", "silence", 3620, ratio=0.0, onset=3600, expected=300))
    script.hear(*waiting[20:])
    for second in range(3660, 7200, 60):
        _minute(script, second, backlog=20)
    script.hear(
        signal("email", "silence", 7200, ratio=0.0, onset=3600, state="cleared", revision=2, opened=3620, expected=300)
    )
    for second in range(7260, 9060, 60):
        _minute(script, second, backlog=300 - (second - 7260) // 20, escalated=2)
    return script


def _last(script: Script) -> Recovery:
    return script.said(Recovery)[-1]


def test_a_recovery_says_the_backlog_its_eta_and_its_band(after_outage: Script) -> None:
    said = _last(after_outage)
    (burn,) = said.burn_down
    assert str(burn.queue) == "email/orders"
    assert (burn.backlog, burn.usual) == (60, 20)
    assert burn.finished_per_hour == pytest.approx(360, rel=0.01)
    assert burn.arrivals_per_hour == pytest.approx(180, rel=0.01)
    assert burn.eta is not None
    assert burn.eta_early is not None
    assert burn.eta_late is not None
    assert said.at < burn.eta_early <= burn.eta <= burn.eta_late
    assert "email/orders" in said.text


def test_affected_customers_are_named_once_and_urgent_cases_first(after_outage: Script) -> None:
    said = _last(after_outage)
    assert (said.cases_open, said.customers_affected) == (60, 40)
    assert said.cases[0].case_id == "c7"
    assert len(said.customers) == len(set(said.customers))
    after_outage.hear(_case("new", 9000, customer="somebody-else"), tick(9960))
    assert "somebody-else" not in _last(after_outage).customers


def test_the_wave_is_forecast_for_the_whole_watch_and_compared_with_what_comes(after_outage: Script) -> None:
    said = _last(after_outage)
    assert sum(one.hours for one in said.wave) == 48
    assert said.wave[0].observed is not None
    assert said.wave[0].observed > 20  # one more than usual in each of about thirty minutes
    assert said.wave[1].observed is None
    assert said.wave[1].forecast.low <= said.wave[1].forecast.expected <= said.wave[1].forecast.high


def test_nobody_stands_down_before_the_watch_is_over(after_outage: Script) -> None:
    said = _last(after_outage)
    assert not said.stand_down.ready
    assert said.stand_down.missing


def _watched(backlog: int) -> Script:
    """An outage that is over, then fifty hours in which so many wait."""
    script = Script(first=centre("auto"))
    for second in range(0, 1200, 60):
        _minute(script, second, backlog=20)
    script.hear(signal("email", "silence", 1220, ratio=0.0, onset=1200))
    script.hear(signal("email", "silence", 1500, ratio=0.0, onset=1200, state="cleared", revision=2, opened=1220))
    for second in range(1560, 1560 + 50 * 3600, 600):
        _minute(script, second, backlog=backlog)
    return script


def test_the_watch_ends_after_48_hours_when_all_is_back_in_its_band() -> None:
    script = _watched(21)
    assert script.incident.phase == "resolved"
    assert _last(script).phase == "resolved"


def test_the_watch_goes_on_while_the_backlog_is_not_back() -> None:
    script = _watched(200)
    assert script.incident.phase == "watching"
    assert "not-stood-down" in {note.code for note in script.incident.notes}
    assert "backlog" in {reason.code for reason in _last(script).stand_down.missing}
    _minute(script, 52 * HOUR, backlog=18)
    assert script.incident.phase == "resolved"


def test_the_watch_does_not_go_on_for_ever() -> None:
    script = _watched(200)
    for second in range(int(52 * HOUR), int(172 * HOUR), 3600):
        _minute(script, second, backlog=200)
    assert script.incident.phase == "resolved"
    assert "200 wait" in script.incident.moves[-1].reason.text


def test_a_case_that_is_closed_is_forgotten_and_a_restart_keeps_the_others(after_outage: Script) -> None:
    script = Script(first=centre("auto"))
    script.hear(_case("a"), _case("b"))
    written = script.fold.changes()
    assert f"case/{TENANT}|a" in written
    script.hear(_case("a", closed_at=START))
    assert script.fold.changes()[f"case/{TENANT}|a"] is None
