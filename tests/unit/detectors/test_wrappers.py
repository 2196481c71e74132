"""Methods in river's pipelines, and as drift detectors."""

from __future__ import annotations

import math
import random

import pytest
from river import compose, stats
from river.base import Transformer

from detectors.methods import metric
from detectors.wrappers import AlarmFilter, MethodDrift

START = 1_700_000_000


def panes(count: int = 700, odd: range = range(600, 601)) -> list[dict[str, float]]:
    rng = random.Random(2)
    return [{"at": START + 300.0 * n, "value": rng.gauss(10, 1) + (40 if n in odd else 0)} for n in range(count)]


class Mean(Transformer):
    """What comes after the filter: knows the mean of what it was given."""

    def __init__(self) -> None:
        self.mean = stats.Mean()
        self.largest = -math.inf

    def learn_one(self, x: dict[str, float]) -> None:
        self.mean.update(x["value"])
        self.largest = max(self.largest, x["value"])

    def transform_one(self, x: dict[str, float]) -> dict[str, float]:
        return x


def test_a_filter_keeps_alarms_from_what_comes_after_it_and_learns_them_itself() -> None:
    kept = AlarmFilter(metric.build())
    after = Mean()
    pipeline = compose.Pipeline(kept, after)
    for x in panes():
        pipeline.learn_one(x)
    assert after.largest < 45, "the outburst did not pass"
    assert after.mean.n > 690
    assert kept.anomaly_detector.state.high > 45, "the method has seen it"


def test_a_filter_answers_for_a_learned_pane_as_it_did_before_it_learned_it() -> None:
    kept = AlarmFilter(metric.build())
    for x in panes():
        before = kept.score_one(x)
        kept.learn_one(x)
        assert kept.score_one(x) == before
        if x["value"] > 45:
            assert kept.classify(before)
            return
    pytest.fail("nothing was odd")


def test_a_filter_can_be_cloned() -> None:
    kept = AlarmFilter(metric.Metric(metric.Params(line=7.0)))
    kept.learn_one(panes()[0])
    clone = kept.clone()
    assert clone.anomaly_detector.line == 7.0
    assert clone.anomaly_detector.order.last is None


def test_a_drift_is_detected_once_with_its_direction() -> None:
    drift = MethodDrift(metric.build(), step_seconds=300.0, start=START)
    found = []
    for n, x in enumerate(panes()):
        drift.update(x["value"])
        if drift.drift_detected:
            found.append((n, drift.direction))
        else:
            assert drift.direction == ""
    assert (600, "up") in found
    assert len(found) <= 2
