"""What every method of the drawer keeps, whoever wrote it."""

from __future__ import annotations

import importlib
import math
import random
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import base
from river.checks import common

from detectors import registry
from detectors.contract import Method, score_of
from detectors.peer import Peer

METHODS = registry.names()
START, STEP = 1_700_000_000, 300


def names(method: Method[Any, Any]) -> tuple[str, ...]:
    """What a pane of the method holds."""
    return method.fields or ("billing", "delivery", "returns")


def rows(method: Method[Any, Any], count: int, seed: int = 7) -> list[dict[str, float]]:
    """A quiet series, and at its end something that is not: as many numbers a row as the method wants."""
    rng = random.Random(seed)
    made = []
    for n in range(count):
        usual = 100 + 40 * math.sin(n / 40) + rng.gauss(0, 6)
        value = round(usual * (4 if n > count - 20 else 1))
        numbers = [float(value), *(float(max(value, 100) + 20 * k) for k in range(1, len(names(method))))]
        made.append({"at": START + STEP * n, **dict(zip(names(method), numbers, strict=True))})
    return made


def teach(method: Method[Any, Any], series: list[dict[str, float]]) -> list[float]:
    scores = []
    for x in series:
        scores.append(method.score_one(x))
        method.learn_one(x)
    return scores


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> Method[Any, Any]:
    return registry.build(request.param)


def test_every_method_is_a_river_anomaly_detector_built_without_arguments(method: Method[Any, Any]) -> None:
    assert isinstance(method, base.AnomalyDetector)
    assert method.line > 0


@pytest.mark.parametrize("name", METHODS)
def test_every_method_passes_rivers_own_checks(name: str) -> None:
    model = registry.build(name)
    data = [(x, None) for x in rows(model, 60)]
    for check in (
        common.check_learn_one,
        common.check_predict_one_pure,
        common.check_emerging_features,
        common.check_disappearing_features,
        common.check_pickling,
        common.check_clone_is_independent,
        common.check_predict_one_before_any_learn,
        common.check_no_state_aliasing_with_input,
    ):
        check(type(model)(), data)
    for check in (
        common.check_repr,
        common.check_clone_same_class,
        common.check_clone_is_idempotent,
        common.check_clone_changes_memory_addresses,
        common.check_get_params_matches_signature,
        common.check_pickling_supports_roundtrip,
    ):
        check(type(model)())


def test_scoring_changes_nothing(method: Method[Any, Any]) -> None:
    series = rows(method, 400)
    teach(method, series)
    before = method.snapshot()
    again = {**series[-1], "at": series[-1]["at"] + STEP}
    assert method.score_one(again) == method.score_one(again)
    method.read(again)
    assert method.snapshot() == before


def test_a_pane_is_learned_once_and_never_backwards(method: Method[Any, Any]) -> None:
    series = rows(method, 300)
    teach(method, series)
    before = method.snapshot()
    method.learn_one(series[-1])
    method.learn_one(series[40])
    method.learn_one({**series[-1], "at": math.nan})
    assert 0.0 <= method.score_one({**series[-1], "at": math.nan}) < 1.0
    assert method.snapshot() == before


def test_a_restored_method_goes_on_to_the_last_bit(method: Method[Any, Any]) -> None:
    series = rows(method, 700)
    teach(method, series[:500])
    copy = type(method)()
    copy.restore(method.snapshot())
    assert teach(copy, series[500:]) == teach(method, series[500:])
    if not isinstance(method, Peer):  # pickles of equal objects may differ
        assert copy.snapshot() == method.snapshot()


def test_a_foreign_snapshot_is_refused(method: Method[Any, Any]) -> None:
    whole = method.snapshot()
    for raw in (b"", b"\x07" + whole[1:], whole[:-3], b"\x01\x93\xa3Foo" + whole[8:]):
        with pytest.raises(ValueError, match="snapshot"):
            method.restore(raw)


@pytest.mark.parametrize("odd", [math.nan, -math.inf, None, "n/a"])
def test_a_number_that_is_none_is_unknown_and_teaches_nothing(method: Method[Any, Any], odd: Any) -> None:
    series, other = rows(method, 460), type(method)()
    teach(method, series[:400])
    teach(other, series[:400])
    unknown = {**series[400], names(method)[0]: odd}
    missing = {"at": series[401]["at"]}
    assert all(0.0 <= score < 1.0 for score in teach(method, [unknown, missing]))
    assert method.order.last == missing["at"], "only the clock has moved"
    assert teach(method, series[402:]) == teach(other, series[402:]), "as if they had not come"


@pytest.mark.parametrize("value", [-5.0, 1e30, -1e300, 0.0, 0.5])
def test_any_number_has_a_score_and_the_method_survives_it(method: Method[Any, Any], value: float) -> None:
    series = rows(method, 400)
    teach(method, series[:390])
    for n, x in enumerate(series[390:]):
        odd = {**x, **dict.fromkeys(names(method), value)} if n % 2 else x
        assert 0.0 <= method.score_one(odd) < 1.0
        method.learn_one(odd)
    assert all(0.0 <= score < 1.0 for score in teach(method, rows(method, 500)[400:]))


def test_a_gap_and_a_jump_of_the_clock_are_survived(method: Method[Any, Any]) -> None:
    series = rows(method, 500)
    teach(method, series[:300])
    assert method.order.last == series[299]["at"]
    method.learn_one({**series[300], "at": series[300]["at"] + 40 * 365 * 86_400})
    assert method.order.last == series[299]["at"], "one absurd time is not believed"
    later = [{**x, "at": x["at"] + 5 * 86_400} for x in series[300:]]
    assert all(0.0 <= score < 1.0 for score in teach(method, later))
    assert method.order.last == later[-1]["at"]


@pytest.mark.parametrize("name", [name for name in METHODS if not isinstance(registry.build(name), Peer)])
@pytest.mark.parametrize("night", [datetime(2025, 3, 30, tzinfo=UTC), datetime(2025, 10, 26, tzinfo=UTC)])
def test_the_nights_of_clock_changes_are_as_any_other(name: str, night: datetime) -> None:
    """What people do by the wall is usual, also where the wall skips an hour or shows it twice."""
    method, rng, berlin = registry.build(name, "Europe/Berlin"), np.random.default_rng(8), ZoneInfo("Europe/Berlin")

    def usual(hour: float) -> float:
        return 300.0 if 8 <= hour < 20 else 20.0

    loud = []
    for n in range(48 * 31):
        at = night.timestamp() + 1800 * (n - 48 * 29)
        wall = datetime.fromtimestamp(at, berlin)
        hour = wall.hour + wall.minute / 60
        # what stands beside the first number follows no hour, or a little later: a share moves with the hour, too
        late = usual(hour) * (0.75 if 8 <= hour < 10 else 1.05)
        beside = {"ratio": 1000.0, "backlog": late}.get(name, 200.0)
        numbers = [float(rng.poisson(mean)) for mean in (usual(hour), *[beside] * (len(names(method)) - 1))]
        x = {"at": at, **dict(zip(names(method), numbers, strict=True))}
        if n >= 48 * 29 and method.score_one(x) >= 0.5:
            loud.append(wall.isoformat())
        method.learn_one(x)
    assert loud == []


def test_memory_is_bounded(method: Method[Any, Any]) -> None:
    rng = random.Random(3)
    sizes = []
    for n in range(3000):
        value = math.exp(rng.gauss(0, 3))
        numbers = {name: value * (1 + k) for k, name in enumerate(names(method))}
        method.learn_one({"at": START + STEP * n, **numbers})
        if n in (1499, 2999):
            sizes.append(len(method.snapshot()))
    assert sizes[1] < 1.35 * sizes[0]
    assert sizes[1] < 400_000


@given(st.floats(0, 1e9), st.floats(0, 1e9), st.floats(0.1, 100))
def test_the_score_rises_strictly_with_the_evidence_and_meets_one_half_at_the_line(
    one: float, other: float, line: float
) -> None:
    low, high = sorted((one, other))
    if high > low * (1 + 1e-6) + 1e-12:
        assert score_of(low, line) < score_of(high, line) < 1.0
    assert score_of(line, line) == 0.5
    assert (score_of(one, line) >= 0.5) == (one >= line)


@pytest.mark.parametrize("name", METHODS)
@settings(max_examples=3, deadline=None)
@given(cut=st.integers(2, 399), seed=st.integers(0, 1000))
def test_an_answer_knows_nothing_of_what_comes_after(name: str, cut: int, seed: int) -> None:
    whole = registry.build(name)
    series = rows(whole, 400, seed)
    assert teach(registry.build(name), series[:cut]) == teach(whole, series)[:cut]


@pytest.mark.parametrize("name", METHODS)
def test_one_value_at_a_time_gives_the_same_scores_as_rivers_interface(name: str) -> None:
    module = importlib.import_module(f"detectors.methods.{name.replace('-', '_')}")
    method = module.build()
    series = rows(method, 600)
    values: list[Any] = [[x[field] for field in method.fields] for x in series]
    if not method.fields:
        values = [{name: x[name] for name in names(method)} for x in series]
    elif len(method.fields) == 1:
        values = [value for [value] in values]
    scores = [method.score(x["at"], value) for x, value in zip(series, values, strict=True)]
    assert scores == teach(module.build(), series)
