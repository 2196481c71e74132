"""Outages for the desk: seeded, every cause, their truth kept apart; and the benchmark's arithmetic over them."""

from __future__ import annotations

import itertools
import math
from typing import get_args

import msgspec
import numpy as np
import pytest

from benchmarks.incidents import Verdict, bayes, judge, missed, report
from drills.busyness import DAY_SD, HOUR_SD, SHAPE, Busyness
from drills.natures import NATURES, PRESENT, Sign
from drills.outages import CAUSES, PAIR_GAP_SECONDS, PAIR_OVERLAPS_SECONDS, Case, draw
from schemas import codec
from schemas.base import QueueRef
from schemas.health import ToolHealth
from schemas.incident import CauseKind
from schemas.signal import Load, Signal
from schemas.tick import Tick

AT = QueueRef(channel="email", queue="orders")
CASES = [draw(seed) for seed in range(60)]


def _signals(case: Case) -> list[Signal]:
    return [entry.body for entry in case.entries if isinstance(entry.body, Signal)]


def test_the_same_seed_gives_the_same_log_to_the_byte() -> None:
    def log(case: Case) -> bytes:
        return b"\n".join(codec.encode(entry) for entry in case.entries)

    assert log(draw(3)) == log(CASES[3])
    assert log(draw(4)) != log(CASES[3])


def test_every_cause_is_drawn() -> None:
    assert set(CAUSES) == set(get_args(CauseKind))
    assert {outage.cause for case in CASES for outage in case.outages} == set(CAUSES)


def test_the_log_never_names_the_truth() -> None:
    for case in CASES:
        text = b"".join(codec.encode(signal) for signal in _signals(case)).decode()
        assert not [cause for cause in CAUSES if cause in text]


def test_every_symptom_of_an_outage_is_a_signal_that_opens_after_it_and_clears() -> None:
    for case in CASES:
        said = {(signal.signal_id, signal.state) for signal in _signals(case)}
        for outage in case.outages:
            assert outage.signals
            assert {(name, state) for name in outage.signals for state in ("opened", "cleared")} <= said


def test_no_series_is_in_two_alarms_at_once() -> None:
    for case in CASES:
        in_alarm: set[str] = set()
        for signal in _signals(case):
            name = str(signal.series)
            assert (name in in_alarm) == (signal.state == "cleared")
            (in_alarm.discard if signal.state == "cleared" else in_alarm.add)(name)


def test_pairs_overlap_and_begin_half_an_hour_apart_or_more() -> None:
    pairs = [case.outages for case in CASES if len(case.outages) == 2]
    assert pairs
    for first, second in pairs:
        assert PAIR_GAP_SECONDS[0] <= second.onset_seconds - first.onset_seconds <= PAIR_GAP_SECONDS[1]
        assert min(first.end_seconds, second.end_seconds) - second.onset_seconds >= PAIR_OVERLAPS_SECONDS - 1e-6


def test_the_noise_is_as_large_as_it_says() -> None:
    cases = [draw(seed) for seed in range(60, 260)]
    silent = [not any(isinstance(entry.body, ToolHealth) for entry in case.entries) for case in CASES]
    assert 0.1 < sum(silent) / len(silent) < 0.4
    single = [case.outages[0] for case in cases if len(case.outages) == 1]
    crm = [outage for outage in single if outage.cause == "crm"]
    possible = sum(len(NATURES["crm"][0].signs) - len(outage.unseen) for outage in crm)
    assert abs(sum(len(outage.signals) for outage in crm) / possible - PRESENT) < 0.1


def test_counts_vary_as_in_a_real_centre() -> None:
    """Days by 12 %, hours by 8 %, counts with shape 20, beside the chance of the counts themselves."""
    random, mean = np.random.default_rng(7), 40.0
    days = [Busyness(random, [AT], 120.0, 90) for _ in range(1500)]
    factors = np.array([[day.factor(AT, second) for second in (0.0, 120.0, 10_000.0)] for day in days])
    assert factors.mean() == pytest.approx(1.0, abs=0.01)
    assert np.log(factors[:, 0]).std() == pytest.approx(math.hypot(DAY_SD, HOUR_SD), rel=0.06)
    # neighbours share the hour, moments hours apart the day alone
    near, far = (np.log(factors[:, n] / factors[:, 0]).std() for n in (1, 2))
    assert (near, far) == (pytest.approx(0.02, rel=0.1), pytest.approx(math.sqrt(2) * HOUR_SD, rel=0.1))
    counts = [days[0].count(mean) for _ in range(4000)]
    assert np.mean(counts) == pytest.approx(mean, rel=0.02)
    assert np.var(counts) == pytest.approx(mean + mean**2 / SHAPE, rel=0.1)


def test_a_channels_count_is_that_of_its_queues() -> None:
    load = next(entry.body for entry in CASES[0].entries if isinstance(entry.body, Load))
    for whole in (one for one in load.loads if one.at.queue is None):
        parts = [one for one in load.loads if one.at.queue is not None and one.at.channel == whole.at.channel]
        assert (whole.arrivals, whole.expected) == (sum(p.arrivals for p in parts), sum(p.expected for p in parts))


def test_time_never_runs_back_on_the_desk() -> None:
    for case in CASES[:10]:
        ticks = [entry.body.at for entry in case.entries if isinstance(entry.body, Tick)]
        assert all(earlier < later for earlier, later in itertools.pairwise(ticks))


def test_the_bayes_classifier_reads_what_only_one_cause_can_show_and_weighs_the_rest() -> None:
    crm = next(outage for case in CASES for outage in case.outages if outage.cause == "crm")
    one = msgspec.structs.replace(crm, signals={"x": Sign("voice", "metric-shift", "handle_seconds")})
    assert bayes(one) == "crm"
    # a probe that is down turns the same symptoms from one cause to another
    rises = {"x": Sign("voice", "surge"), "y": Sign("social", "surge")}
    dark = msgspec.structs.replace(crm, signals=rises, tools_down=frozenset({"e-mail"}), unseen=frozenset())
    mail = msgspec.structs.replace(dark, probes_silent=False)
    chat = msgspec.structs.replace(dark, probes_silent=False, tools_down=frozenset({"chat-platform"}))
    assert (bayes(mail), bayes(chat)) == ("e-mail", "chat-platform")


def test_a_single_outage_becomes_one_incident_of_its_cause() -> None:
    seed = next(case.seed for case in CASES if [outage.cause for outage in case.outages] == ["crm"])
    (verdict,) = judge(seed)
    assert len(verdict.incidents) == 1
    assert verdict.said == "crm"


def _verdict(seed: int, said: CauseKind, incident: str, paired: bool, split: bool = False) -> Verdict:
    incidents = {incident: 2, "other": 1} if split else {incident: 3}
    return Verdict(
        seed=seed,
        paired=paired,
        cause="crm",
        said=said,
        said_early=said,
        bayes="crm",
        incident=incident,
        incidents=incidents,
    )


@pytest.mark.parametrize(
    ("verdicts", "name", "share"),
    [
        ([_verdict(1, "crm", "a", False), _verdict(2, "crm", "b", False, split=True)], "one_incident_share", 0.5),
        ([_verdict(1, "crm", "a", False), _verdict(2, "wfm", "b", False)], "right_cause_share", 0.5),
        ([_verdict(1, "crm", "a", True), _verdict(1, "crm", "a", True)], "kept_apart_share", 0.0),
    ],
)
def test_each_gate_sees_what_it_is_for(verdicts: list[Verdict], name: str, share: float) -> None:
    figures = report(verdicts)
    assert figures[name] == share
    assert any(said.startswith(name) for said in missed(figures))
