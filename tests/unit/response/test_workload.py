"""Against published tables: pyworkforce's and ICMI's Erlang C rows, Whitt (2005) for Erlang A."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from response.workload import (
    Target,
    agents_for_slots,
    drain,
    drain_slots,
    erlang_a,
    erlang_b,
    erlang_c,
    heads,
    slots_needed,
)


@pytest.mark.parametrize(
    ("occupancy_max", "positions", "on_roster", "level", "occupancy", "waiting"),
    [(0.85, 14, 20, 0.888, 0.714, 0.174), (0.70, 15, 22, 0.941, 0.667, 0.102)],
)
def test_erlang_c_staffs_a_hundred_calls_in_half_an_hour_as_published(
    occupancy_max: float, positions: int, on_roster: int, level: float, occupancy: float, waiting: float
) -> None:
    target = Target(share=0.8, seconds=19.8, occupancy_max=occupancy_max)

    def holds(agents: int) -> bool:
        queue = erlang_c(agents, 100 / 1800, 180)
        return queue.service_level(target.seconds) >= target.share and queue.occupancy <= target.occupancy_max

    assert holds(positions) and not holds(positions - 1)
    assert heads(positions, 0.3) == on_roster
    queue = erlang_c(positions, 100 / 1800, 180)
    assert round(queue.service_level(19.8), 3) == level
    assert round(queue.occupancy, 3) == occupancy
    assert round(queue.waiting_share, 3) == waiting


ICMI = [
    (30, 208.7, 24, 97), (31, 74.7, 45, 94), (32, 37.6, 61, 91), (33, 21.3, 73, 88), (34, 12.7, 82, 86),
    (35, 7.8, 88, 83), (36, 4.9, 92, 81), (37, 3.1, 95, 79), (38, 1.9, 97, 77), (39, 1.2, 98, 75),
    (40, 0.7, 99, 73), (41, 0.5, 99, 71), (42, 0.3, 100, 69),
]  # fmt: skip


@pytest.mark.parametrize(("agents", "wait", "level", "occupancy"), ICMI)
def test_erlang_c_gives_every_row_of_the_classic_table(agents: int, wait: float, level: int, occupancy: int) -> None:
    queue = erlang_c(agents, 250 / 1800, 210)
    assert round(queue.wait_seconds, 1) == wait
    assert round(100 * queue.service_level(20)) == level
    assert round(100 * queue.occupancy) == occupancy


def test_erlang_c_refuses_a_load_that_grows_without_end() -> None:
    with pytest.raises(ValueError, match="erlang_a"):
        erlang_c(10, 1.0, 10.0)


@pytest.mark.parametrize(
    ("patience", "no_wait", "abandon", "waiting", "variance", "present"),
    [(1.0, 0.4083, 0.0499, 5.092, 44.6, 102.0), (4.0, 0.226, 0.0364, 14.84, 214.5, 113.1)],
)
def test_erlang_a_gives_whitts_exact_figures(
    patience: float, no_wait: float, abandon: float, waiting: float, variance: float, present: float
) -> None:
    queue = erlang_a(100, 102.0, 1.0, patience)
    assert _as_printed(queue.no_wait_share, no_wait)
    assert _as_printed(queue.abandoned_share, abandon)
    assert _as_printed(queue.waiting_mean, waiting)
    assert _as_printed(queue.waiting_variance, variance)
    assert _as_printed(queue.present_mean, present)


def _as_printed(value: float, printed: float) -> bool:
    return round(value, len(str(printed).partition(".")[2])) == printed


@pytest.mark.parametrize(
    ("patience", "within", "served", "abandoned", "tolerance"),
    [(1.0, 0.1, 0.7986, 0.7671, 2e-4), (1.0, 0.2, 0.9644, 0.9702, 2e-4),
     (4.0, 0.1, 0.469, 0.449, 2e-3), (4.0, 0.2, 0.687, 0.737, 2e-3)],
)  # fmt: skip
def test_erlang_a_gives_whitts_waits_of_those_served_and_of_those_who_give_up(
    patience: float, within: float, served: float, abandoned: float, tolerance: float
) -> None:
    queue = erlang_a(100, 102.0, 1.0, patience)
    assert queue.served_within(within) / (1 - queue.abandoned_share) == pytest.approx(served, abs=tolerance)
    assert queue.abandoned_within(within) / queue.abandoned_share == pytest.approx(abandoned, abs=tolerance)


@pytest.mark.parametrize(("load", "agents"), [(0.01, 50), (40.0, 50), (5_000.0, 50), (900.0, 1_000), (1_200.0, 1_000)])
def test_erlang_a_keeps_its_balances_at_any_load(load: float, agents: int) -> None:
    handle, patience = 240.0, 180.0
    queue = erlang_a(agents, load / handle, handle, patience)
    busy = queue.present_mean - queue.waiting_mean
    assert 0 <= queue.no_wait_share <= 1
    assert 0 <= queue.abandoned_share <= 1
    assert busy <= agents * (1 + 1e-9)
    assert queue.served_within(2e3) == pytest.approx(1 - queue.abandoned_share, abs=2e-3)
    if load > 1.2 * agents:
        # deep in overload all agents are busy and whoever is too many gives up
        assert queue.abandoned_share == pytest.approx(1 - agents / load, rel=0.01)


def test_erlang_a_with_endless_patience_is_erlang_c() -> None:
    patient, endless = erlang_a(34, 250 / 1800, 210.0, 1e8), erlang_c(34, 250 / 1800, 210.0)
    assert 1 - patient.no_wait_share == pytest.approx(endless.waiting_share, rel=1e-3)
    assert patient.service_level(20.0) == pytest.approx(endless.service_level(20.0), rel=1e-3)


def test_nobody_to_answer_means_that_everybody_gives_up() -> None:
    queue = erlang_a(0, 0.5, 200.0, 100.0)
    assert queue.abandoned_share == pytest.approx(1.0)
    assert queue.service_level(20.0) == 0.0


def test_the_agents_needed_are_the_fewest_that_hold_the_target() -> None:
    target = Target(share=0.8, seconds=20.0, occupancy_max=0.85)
    n = slots_needed(1.0, 300.0, 180.0, target)
    enough, fewer = erlang_a(n, 1.0, 300.0, 180.0), erlang_a(n - 1, 1.0, 300.0, 180.0)
    assert enough.service_level(20.0) >= 0.8
    assert enough.occupancy <= 0.85
    assert fewer.service_level(20.0) < 0.8 or fewer.occupancy > 0.85
    assert slots_needed(0.0, 300.0, 180.0, target) == 0


def test_erlang_b_loses_half_of_one_erlang_on_one_line() -> None:
    assert erlang_b(1, 1.0) == 0.5
    assert erlang_b(0, 3.0) == 1.0


def test_a_chat_agent_with_three_chats_at_a_time_covers_three_slots() -> None:
    assert [agents_for_slots(slots, 3.0) for slots in (1, 3, 4, 90)] == [1, 1, 2, 30]


def test_a_backlog_is_late_once_more_waits_than_is_finished_until_due() -> None:
    # 100 waiting, 0.1 finished a second: the last of them waits 1,000 s
    assert drain(100, 0.1, 0.1, 900, 2_000).on_time_share == 1.0
    assert drain(100, 0.1, 0.1, 900, 500).on_time_share == 0.0
    growing = drain(0, 0.3, 0.1, 1_000, 1_000)
    assert growing.backlog_end == pytest.approx(200)
    assert growing.on_time_share == pytest.approx(0.5)
    assert drain(5, 0.1, 0.0, 900, 500).wait_seconds == math.inf


def test_slots_for_a_backlog_finish_the_last_of_a_surge_on_time() -> None:
    due, lasts, backlog, rate = 4 * 3600.0, 2 * 3600.0, 100.0, 1.2
    n = drain_slots(backlog, rate, usual_per_second=0.3, handle_seconds=300, due=due, lasts=lasts)
    assert backlog + rate * lasts <= n / 300 * (lasts + due)
    assert backlog + rate * lasts > (n - 1) / 300 * (lasts + due)


def test_slots_for_a_backlog_never_fall_below_what_usually_comes() -> None:
    assert drain_slots(0, 0.0, usual_per_second=0.5, handle_seconds=300, due=3600, lasts=7200) == 150


Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
RUNS, WARM, COUNTED = 600, 2_500, 6_000


def _simulated(service: Draw, patience: Draw, seed: int) -> list[tuple[float, float]]:
    """P(no wait), P(abandon) and mean number waiting of 100 servers at 102 arrivals a unit, first come first served,
    each with its 95 % half-width: by the times at which each server is free, for all runs at once (3.6 million
    customers)."""
    draw, rate, servers = np.random.default_rng(seed), 102.0, 100
    free = np.zeros((RUNS, servers))
    every, now = np.arange(RUNS), np.zeros(RUNS)
    no_wait, given_up, waited = (np.zeros(RUNS) for _ in range(3))
    for n in range(WARM + COUNTED):
        now += draw.exponential(1 / rate, RUNS)
        first = free.argmin(axis=1)
        wait = np.maximum(free[every, first] - now, 0.0)
        stays = patience(draw, RUNS)
        served = stays >= wait
        free[every, first] = np.where(served, now + wait + service(draw, RUNS), free[every, first])
        if n >= WARM:
            no_wait += wait <= 0
            given_up += ~served
            waited += np.minimum(wait, stays)
    by_run = (no_wait / COUNTED, given_up / COUNTED, rate * waited / COUNTED)  # the last by Little's law
    return [(float(one.mean()), float(1.96 * one.std() / math.sqrt(RUNS))) for one in by_run]


def _erlang_2(draw: np.random.Generator, n: int) -> NDArray[np.float64]:
    return draw.gamma(2.0, 0.5, n)


def _lognormal_1_1(draw: np.random.Generator, n: int) -> NDArray[np.float64]:
    return draw.lognormal(-math.log(2) / 2, math.sqrt(math.log(2)), n)


def _exponential(draw: np.random.Generator, n: int) -> NDArray[np.float64]:
    return draw.exponential(1.0, n)


@pytest.mark.parametrize(
    ("service", "patience", "no_wait", "abandon", "waiting"),
    [
        (_erlang_2, _erlang_2, (0.217, 0.0021), (0.0351, 0.00029), (11.52, 0.075)),
        (_exponential, _lognormal_1_1, (0.242, 0.0026), (0.0376, 0.00031), (11.42, 0.071)),
    ],
)
def test_a_simulation_lies_within_whitts_half_widths(
    service: Draw,
    patience: Draw,
    no_wait: tuple[float, float],
    abandon: tuple[float, float],
    waiting: tuple[float, float],
) -> None:
    """What exponential patience leaves out: the figures that Whitt could only simulate, met by an own simulation."""
    found = _simulated(service, patience, 20261122)
    for (value, own), (printed, half_width) in zip(found, (no_wait, abandon, waiting), strict=True):
        assert own <= 3.5 * half_width
        assert abs(value - printed) <= half_width + own


def test_the_same_simulation_finds_what_erlang_a_says() -> None:
    exact = erlang_a(100, 102.0, 1.0, 1.0)
    no_wait, abandon, waiting = _simulated(_exponential, _exponential, 7)
    assert no_wait[0] == pytest.approx(exact.no_wait_share, abs=1.5 * no_wait[1])
    assert abandon[0] == pytest.approx(exact.abandoned_share, abs=1.5 * abandon[1])
    assert waiting[0] == pytest.approx(exact.waiting_mean, abs=1.5 * waiting[1])


@pytest.mark.parametrize("load", [0.4, 7.0, 40.0, 380.0])
def test_a_guess_changes_no_answer(load: float) -> None:
    target = Target(share=0.8, seconds=20.0, occupancy_max=0.85)
    right = slots_needed(load / 300, 300.0, 180.0, target)
    for near in (1, max(1, right - 3), right, right + 1, 3 * right + 10):
        assert slots_needed(load / 300, 300.0, 180.0, target, near=near) == right
