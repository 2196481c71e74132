"""What each method says about a series in which something happens."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest

from detectors import registry
from detectors.contract import FAR_SECONDS, Method, Order, unix_seconds
from detectors.methods import backlog, counts, gaussian, metric, mix, ratio
from detectors.tails import Tail
from schemas.errors import BadConfig

START, MINUTE = 1_772_409_600, 60


def alarms(method: Method[Any, Any], series: list[dict[str, float]]) -> list[tuple[int, Any]]:
    """Rows at which the score reaches the line, with the verdict."""
    found, above = [], False
    for n, x in enumerate(series):
        reading = method.read(x)
        now = reading.statistic >= method.line
        if now and not above:
            found.append((n, method.explain(x, reading)))
        above = now
        method.learn(x, reading)
    return found


def shares(count: int, wave: range, usual: float = 0.05, then: float = 0.25) -> list[dict[str, float]]:
    rng = np.random.default_rng(4)
    made = []
    for n in range(count):
        whole = int(rng.integers(8, 25))
        part = rng.binomial(whole, then if n in wave else usual)
        made.append({"at": START + MINUTE * n, "part": float(part), "whole": float(whole)})
    return made


def test_an_escalation_wave_is_found_with_its_odds() -> None:
    [(at, why)] = alarms(ratio.build(), shares(3000, range(2600, 2700)))
    assert 2600 <= at < 2610
    assert why.onset >= START + MINUTE * 2590
    assert why.ratio > 2
    assert "is usual, odds x" in why.reason


def test_a_falling_share_is_found_when_it_is_watched() -> None:
    series = shares(3000, range(2600, 2700), usual=0.9, then=0.3)
    assert [n for n, _ in alarms(ratio.build(), series)] == []
    [(at, _)] = alarms(ratio.Ratio(ratio.Params(falling=True)), series)
    assert 2600 <= at < 2605


def test_a_backlog_says_when_it_doubles_and_when_it_reaches_its_limit() -> None:
    rng = np.random.default_rng(4)
    waiting, series = 40.0, []
    for n in range(3000):
        came, left = float(rng.poisson(20 if n < 2600 else 32)), float(rng.poisson(20))
        waiting = max(waiting + came - left, 0.0) if n >= 2600 else 40.0
        pane = {"at": START + MINUTE * n, "arrivals": came, "completions": left, "waiting": waiting}
        series.append(pane)
    detector = backlog.Backlog(backlog.Params(limit=1000.0))
    [(at, why), *_] = alarms(detector, series[:2700])
    assert 2600 <= at < 2630
    assert "a minute, twice as many in" in why.reason
    assert "the limit in" in why.reason


def test_growth_doubles_and_meets_its_limit_and_what_does_not_grow_gets_nowhere() -> None:
    growing = backlog.Growth(30, 20, 5.0, waiting=40.0, limit=100.0)
    assert (growing.per_minute, growing.minutes_to_double, growing.minutes_to_limit) == (2.0, 20.0, 30.0)
    still = backlog.Growth(10, 12, 5.0, waiting=30.0, limit=20.0)
    assert still.per_minute == -0.4
    assert still.minutes_to_double == math.inf
    assert still.minutes_to_limit == 0.0, "it is beyond it already"
    assert backlog.Growth(10, 5, 0.0, 0.0, 0.0).per_minute == 0.0


def mixed(count: int, shift: range, name: str) -> list[dict[str, float]]:
    rng = np.random.default_rng(8)
    made = []
    for n in range(count):
        chances = {"billing": 0.5, "delivery": 0.3, "returns": 0.2, "login": 0.0}
        if n in shift:
            chances = {key: value * 0.7 for key, value in chances.items()}
            chances[name] += 0.3
        drawn = rng.multinomial(30, list(chances.values()))
        pane = {key: float(value) for key, value in zip(chances, drawn, strict=True) if value}
        made.append({"at": START + MINUTE * n, **pane})
    return made


@pytest.mark.parametrize("name", ["returns", "login"])
def test_a_mix_names_what_moved_even_if_it_is_new(name: str) -> None:
    found = alarms(mix.build(), mixed(2500, range(2300, 2340), name))
    assert len(found) == 1
    assert 2300 <= found[0][0] < 2306
    assert found[0][1].reason.startswith(f"{name}: ")


def test_a_mix_has_room_for_so_many_names() -> None:
    detector = mix.Mix(mix.Params(categories_max=5))
    for n in range(50):
        detector.learn_one({"at": START + MINUTE * n, "a": 3.0, f"new-{n + 1}": 1.0})
    assert set(detector.state.shares) == {"a", "new-1", "new-2", "new-3", "new-4", "other"}


def test_a_surge_and_a_silence_of_counts_are_found_with_their_onset() -> None:
    rng = np.random.default_rng(4)
    means = [40.0 if 8000 <= n < 8060 else 0.0 if n >= 9400 else 10.0 for n in range(9500)]
    series = [{"at": START + MINUTE * n, "value": float(rng.poisson(mean))} for n, mean in enumerate(means)]
    detector = counts.build()
    (surge_at, surge), *_, (end_at, end) = alarms(detector, series)
    assert surge_at == 8000
    assert (surge.direction, surge.onset) == ("up", START + MINUTE * 8000)
    assert surge.ratio > 2
    assert "are expected (+" in surge.reason
    assert 9400 <= end_at <= 9403
    assert (end.direction, end.observed) == ("down", 0.0)
    assert len(detector.snapshot()) <= 4096


def test_a_count_beyond_all_bounds_still_scores_higher_than_a_smaller_one() -> None:
    rng = np.random.default_rng(4)
    detector = counts.Counts(counts.Params(pane_seconds=MINUTE))
    for n in range(3000):
        detector.learn_one({"at": START + MINUTE * n, "value": float(rng.poisson(10))})
    at = START + MINUTE * 3000
    scores = [detector.score_one({"at": at, "value": float(10**power)}) for power in range(2, 12)]
    assert scores == sorted(set(scores))
    assert 0.5 < scores[0] < scores[-1] < 1.0


def noise(count: int, seed: int = 1, scale: float = 1.0) -> list[dict[str, float]]:
    rng = random.Random(seed)
    return [{"at": START + 300 * n, "value": scale * (20 + rng.gauss(0, 2))} for n in range(count)]


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9, -1.0])
def test_the_unit_of_a_metric_does_not_matter(scale: float) -> None:
    series = noise(800, scale=scale)
    series[700]["value"] = 60.0 * scale
    *_, (at, why) = alarms(metric.build(), series)
    assert at == 700
    assert why.direction == ("up" if scale > 0 else "down")
    assert why.expected == pytest.approx(20 * scale, rel=0.1)


def test_a_constant_metric_that_moves_is_an_alarm() -> None:
    series = [{"at": START + 300 * n, "value": 7.0 if n < 400 else 7.5} for n in range(420)]
    [(at, why)] = alarms(metric.build(), series)
    assert at == 400
    assert why.observed == 7.5


def test_a_metric_at_the_wrong_hour_is_unusual_though_it_was_seen_before() -> None:
    rng = random.Random(1)
    series = []
    for n in range(288 * 12):
        night = n % 288 < 144
        series.append({"at": START + 300 * n, "value": rng.gauss(10, 1) if night else rng.gauss(80, 4)})
    for n in range(288 * 11 + 40, 288 * 11 + 60):
        series[n]["value"] = rng.gauss(80, 4)
    detector = metric.build()
    found = [n for n, _ in alarms(detector, series)]
    assert any(288 * 11 + 40 <= n < 288 * 11 + 45 for n in found)
    assert len([n for n in found if n > 600]) <= 5


def test_a_peak_is_said_once_and_a_higher_one_again() -> None:
    series = noise(900)
    for n in range(700, 720):
        series[n]["value"] = 60.0
    series[730]["value"] = 900.0
    found = [n for n, _ in alarms(metric.build(), series) if n >= 700]
    assert found == [700, 730]


def test_a_metric_says_nothing_before_it_knows_a_range() -> None:
    series = noise(149)
    series[100]["value"] = 1e6
    detector = metric.build()
    assert alarms(detector, series) == []
    assert not detector.state.begun


def test_rarity_is_what_was_seen_and_has_no_end() -> None:
    tail, rng = Tail(), random.Random(6)
    values = [rng.paretovariate(3.0) for _ in range(20_000)]
    for value in values:
        tail.add(value)
    for share in (0.5, 0.1, 0.03, 0.003, 0.0003):
        value = sorted(values)[-max(int(share * len(values)), 1)]
        assert tail.rarity(value) == pytest.approx(-math.log10(share), abs=0.12)
    # in the Pareto tail ten times as much is a thousand times as rare
    assert tail.rarity(1e4) - tail.rarity(1e3) == pytest.approx(3.0, abs=0.25)
    rising = [tail.rarity(10.0**power) for power in range(-3, 290, 7)]
    assert rising == sorted(rising)
    assert rising[-1] > 800
    assert tail.above <= 0.02 * tail.total
    assert tail.depth == sum(n * count for n, count in enumerate(tail.counts[tail.edge :]))


def test_what_was_always_zero_is_rare_as_soon_as_it_is_not() -> None:
    tail = Tail(floor=100)
    for _ in range(999):
        tail.add(0.0)
    assert tail.rarity(0.0) == pytest.approx(0.0, abs=1e-3)
    assert tail.rarity(1.0) > 3.0


def test_a_normal_tail_has_no_end() -> None:
    assert gaussian.two_sided(3.0) == pytest.approx(-math.log10(0.0026998), abs=1e-3)
    assert gaussian.two_sided(8.0 - 1e-9) == pytest.approx(gaussian.two_sided(8.0), abs=0.01)
    assert gaussian.two_sided(1e6) > gaussian.two_sided(1e5) > 1e9


def test_one_absurd_time_is_not_believed_two_are() -> None:
    order = Order()
    assert [order.takes(at) for at in (10.0, 20.0, 20.0, 15.0)] == [True, True, False, False]
    far = 20.0 + 2 * FAR_SECONDS
    assert not order.takes(far)
    assert order.takes(30.0)
    assert [order.takes(far), order.takes(far + 10)] == [False, True]
    assert order.last == far + 10


def test_times_are_read_in_any_usual_form() -> None:
    at = unix_seconds("2026-03-02T09:30:00Z")
    assert at == unix_seconds("2026-03-02 09:30:00") == unix_seconds("2026-03-02T10:30:00+01:00") == unix_seconds(at)
    assert unix_seconds(str(np.datetime64("2026-03-02T09:30:00.000000000"))) == at
    with pytest.raises(ValueError, match="'soon' is no ISO 8601 time"):
        unix_seconds("soon")


@pytest.mark.parametrize("name", ["ratio", "backlog", "mix"])
def test_a_method_of_several_numbers_refuses_one_and_names_the_fix(name: str) -> None:
    with pytest.raises(BadConfig, match=f"{name} needs .* a row: give a file with the header timestamp,"):
        registry.build(name).score("2026-03-02", 5.0)
