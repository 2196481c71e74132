import math

import numpy as np
import pytest

from benchmarks.detection import cells, musts, plot, report, runs
from benchmarks.detection.generator import START, Traffic
from benchmarks.detection.inside import Inside, inside
from benchmarks.detection.method import Breakwater, Newcomers
from benchmarks.detection.peers import RULES, LastWeek, RollingZ, Rule
from benchmarks.detection.replay import CHANGES, Change, Scored, merge, replay
from benchmarks.detection.river_peers import ObjectPeer


class Memory(Rule):
    """Scores a count itself and remembers what it was given."""

    name = "memory"
    nominal = 1e9

    def __init__(self, series: int) -> None:
        super().__init__(series, 1800)
        self.starts: list[int] = []

    def fork(self, copies: int) -> "Memory":
        return Memory(self.series * copies)

    def step(self, start: int, seen: np.ndarray) -> np.ndarray:
        self.starts.append(start)
        return np.stack([seen, -seen])


def small(series: int = 3) -> Traffic:
    return Traffic(np.full(series, 20.0), ["clean"] * series, 1, seconds=1800, learn_days=1)


def test_buckets_come_in_order_and_forks_leave_the_null_days_alone() -> None:
    with_forks, without = Memory(3), Memory(3)
    first = replay(with_forks, small(), seed=1, forks=4, horizon=4, changes=(Change("up", 10.0),))
    second = replay(without, small(), seed=1, forks=0)
    assert with_forks.starts == without.starts
    assert without.starts == [START + 1800 * n for n in range(8 * 48)]
    assert np.array_equal(first.peaks, second.peaks)


def test_a_fork_meets_the_change_and_scores_on_its_side() -> None:
    scored = replay(Memory(3), small(), seed=1, forks=5, horizon=4, changes=(Change("up", 10.0), Change("gone", 0.0)))
    assert len(scored.running) == 5
    for running, before in zip(scored.running, scored.before, strict=True):
        assert running.shape == (4, 2, 3)
        assert (running[-1, 0] > 3 * before[0]).all()
        assert (running[:, 1] == 0).all()  # minus no contacts


def test_an_outage_of_a_busy_series_is_found_at_once_and_a_usual_hour_is_not() -> None:
    rng = np.random.default_rng(7)
    method = Breakwater(8)
    for minute in range(2 * 1440):
        usual = method.step(START + 60 * minute, rng.poisson(20.0, 8).astype(float))
    assert (usual < 0).all()
    forked = method.fork(2)
    at = START + 2 * 86_400
    for minute in range(10):
        seen = np.concatenate([np.zeros(8), rng.poisson(20.0, 8)])
        scores = forked.step(at + 60 * minute, seen.astype(float))
    assert (scores[1, :8] >= 0).all()
    assert (scores[:, 8:] < 0).all()


def test_a_fork_of_the_bank_goes_on_as_the_bank_itself() -> None:
    rng = np.random.default_rng(8)
    method = Breakwater(4)
    for minute in range(1500):
        method.step(START + 60 * minute, rng.poisson(5.0, 4).astype(float))
    forked = method.fork(3)
    for minute in range(1500, 1530):
        seen = rng.poisson(5.0, 4).astype(float)
        assert np.array_equal(
            forked.step(START + 60 * minute, np.tile(seen, 3)), np.tile(method.step(START + 60 * minute, seen), 3)
        )


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_sees_a_tenfold_surge_and_forks_alike(rule: type[Rule]) -> None:
    rng = np.random.default_rng(9)
    method = rule(2, 900)
    for n in range(14 * 96):
        method.step(START + 900 * n, rng.poisson(30.0, 2).astype(float))
    forked = method.fork(2)
    start = START + 900 * 14 * 96
    calm = forked.step(start, np.array([30.0, 30.0, 300.0, 300.0]))
    assert (calm[0, 2:] >= rule.nominal).all()
    assert (calm[0, :2] < rule.nominal).all()
    assert np.array_equal(method.step(start, np.array([30.0, 30.0])), calm[:, :2])


def test_rules_say_nothing_before_they_have_seen_enough() -> None:
    for rule, enough in ((RollingZ(1), 60), (LastWeek(1), 7 * 1440)):
        said = [rule.step(START + 60 * n, np.array([5.0]))[0, 0] for n in range(enough + 1)]
        assert max(said[:enough]) < -1e6
        assert said[enough] > -1e6


@pytest.mark.parametrize("peer", runs.OBJECTS, ids=[name for name, _, _ in runs.OBJECTS])
def test_forked_detectors_do_not_share_what_they_learn(peer: tuple[str, float, type]) -> None:
    rng = np.random.default_rng(10)
    method = ObjectPeer(*peer, 1)
    for n in range(300):
        method.step(START + 60 * n, rng.poisson(10.0, 1).astype(float))
    forked = method.fork(1)
    for n in range(300, 400):
        forked.step(START + 60 * n, np.array([500.0]))
    twin = ObjectPeer(*peer, 1)
    rng = np.random.default_rng(10)
    for n in range(300):
        twin.step(START + 60 * n, rng.poisson(10.0, 1).astype(float))
    seen = np.array([11.0])
    assert np.array_equal(method.step(START + 18_000, seen), twin.step(START + 18_000, seen))


def scored(running: float, peaks: float, series: int = 4) -> Scored:
    """A method whose scores jump to `running` in the second bucket of every change."""
    found = Scored("made", 0.0, 60, 7, CHANGES, np.full((2, 336, series), peaks))
    rows = np.full((180, len(CHANGES), series), running)
    rows[0] = -1.0
    found.running.append(rows)
    found.before.append(np.full((len(CHANGES), series), -1.0))
    found.best.append(np.full((len(CHANGES), series), 1.0))
    return found


def test_a_cell_is_the_mean_delay_over_the_oracles() -> None:
    run = runs.Run(runs.Key("made"), np.full(4, 5.0), scored(1.0, -1.0))
    nominal = next(cell for cell in cells.cells(run) if cell.change == "2x" and cell.mode == "nominal")
    assert (nominal.mean, nominal.multiple, nominal.missed, nominal.incidents) == (2.0, 2.0, 0.0, 4)
    quiet = runs.Run(runs.Key("made"), np.full(4, 5.0), scored(-0.5, -1.0))
    missed = next(cell for cell in cells.cells(quiet) if cell.change == "2x" and cell.mode == "nominal")
    assert (missed.mean, missed.missed) == (180.0, 1.0)


def test_parts_of_a_run_join_by_series() -> None:
    joined = merge([scored(1.0, -1.0, 2), scored(-0.5, 3.0, 3)])
    assert joined.peaks.shape == (2, 336, 5)
    assert joined.running[0].shape == (180, len(CHANGES), 5)
    assert joined.peaks[0, 0].tolist() == [-1, -1, 3, 3, 3]


def test_where_false_alarms_fall_is_told() -> None:
    found = scored(1.0, -1.0)
    found.peaks[0, 5 * 48 + 1, 0] = 2.0  # Saturday, half past midnight
    found.peaks[1, 20, 1] = 2.0  # Monday at ten
    told = cells.false_alarms(runs.Run(runs.Key("made"), np.full(4, 5.0), found))
    assert told.nominal == pytest.approx(2 * 30 / 28)
    assert (told.up, told.down) == (pytest.approx(30 / 28), pytest.approx(30 / 28))
    assert (told.weekend, told.midnight) == (0.5, 0.5)


def test_a_must_falls_on_the_wrong_side_of_its_goal() -> None:
    assert musts.Must("delay", 1.5, 1.5).held
    assert not musts.Must("delay", 1.5, math.inf).held
    assert not musts.Must("held", 0.95, 0.9, "at least").held


def made_cell(method: str, rate: float, change: str, mode: str, weeks: int, multiple: float) -> cells.Cell:
    return cells.Cell(method, "real", weeks, 60, rate, change, mode, multiple, 1.0, multiple, 0.9, 2.0, 3.0, 0.0, 10)


def made_false(method: str, noise: str, weeks: int, monthly: float) -> cells.FalseAlarms:
    return cells.FalseAlarms(method, noise, weeks, 60, 0.0, monthly, 0, 1, 0, 0, 0, 0, 10)


def judged(monthly: float) -> dict[str, musts.Must]:
    every = [
        made_cell(method, rate, change.name, mode, weeks, multiple)
        for method, multiple in ((runs.OURS, 1.1), *((name, 2.2) for name in runs.ABLATIONS))
        for rate in (1.0, 5.0, 20.0, 100.0)
        for change in CHANGES
        for mode in ("nominal", "calibrated")
        for weeks in (0, 2)
    ]
    false = [made_false(runs.OURS, noise, 2, monthly) for noise in musts.FALSE_ALARMS]
    false += [made_false(method, "real", 0, 0.1) for method in (runs.OURS, runs.NEW_CHANNEL)]
    false.append(made_false("same rates", "real", 2, monthly))
    false += [made_false(name, "real", 2, monthly) for name in runs.ABLATIONS]
    alarm = cells.Alarms(3.8, 60, 0.1, 1.0, 1.0, 5.0, 1.0, 10)
    sooner = [Inside(120.0, 3.8, "real", 20.0, 50.0, 30.0, 0.0, 100)]
    found = musts.judge(every, false, dict.fromkeys(("3.8x", "2x", "clear", "held"), alarm), sooner)
    return {must.name: must for must in found}


def test_a_good_method_holds_every_must() -> None:
    assert [must.name for must in judged(0.5).values() if not must.held] == []


def test_breaking_the_promise_on_false_alarms_trips_the_guard() -> None:
    fallen = {name for name, must in judged(3.0).items() if not must.held}
    assert {f"false alarms a month, nominal, {noise}" for noise in musts.FALSE_ALARMS} < fallen
    assert any("guard" in name for name in fallen)


def test_a_method_that_never_says_anything_is_deaf() -> None:
    fallen = {name for name, must in judged(0.0).items() if not must.held}
    assert fallen == {"not deaf: false alarms in the worst class"}


def test_jobs_split_series_and_lose_none() -> None:
    size = runs.SIZES["full"]
    main = [job for job in runs.jobs(size) if job.key == runs.Key(runs.OURS)]
    assert sum(job.each for job in main) == size.main
    assert len({job.seed for job in main}) == len(main)


def test_plots_draw_every_dot_and_numbers_have_three_digits() -> None:
    svg = plot.dots(
        "Delay <x>", "multiple", [plot.Dot("a", "k", 2.0, 1.0, 3.0), plot.Dot("b", "k", math.inf, 1.0, math.inf)], 1.0
    )
    assert svg.count("<circle") == 3  # one in the legend
    assert "Delay &lt;x&gt;" in svg
    assert [report.number(value) for value in (1.234, 1234.5, math.inf, math.nan)] == ["1.23", "1234", "never", "-"]


def test_inside_the_open_bucket_a_sharp_surge_is_seen_long_before_it_closes() -> None:
    found = inside("clean", 120.0, series=8, rounds=1)
    assert found.incidents == 8
    assert found.inside < 0.5 * found.closed
    assert found.false == 0


def test_newcomers_take_the_shape_of_their_channel_and_forks_are_alike() -> None:
    rng = np.random.default_rng(5)
    method = Newcomers(2, 1, "clean", seconds=1800)
    for pane in range(16):
        method.step(START + 1800 * pane, rng.poisson([60.0, 6.0]).astype(float))
    noon = method.bank.expect(START + 11 * 3600, 1800)
    night = method.bank.expect(START + 3 * 3600, 1800)
    assert (noon[1:] > 2 * night[1:]).all()  # of which they have seen nothing themselves
    forked = method.fork(3)
    seen = np.array([70.0, 7.0])
    several = forked.step(START + 1800 * 16, np.tile(seen, 3)).reshape(2, 3, 2)
    alone = method.step(START + 1800 * 16, seen)
    assert (several == alone[:, None, :]).all()
