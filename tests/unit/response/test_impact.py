"""What an incident cost, as arithmetic."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from response import impact
from response.impact import Row, Span, Usual
from schemas.recovery import Between
from schemas.signal import QueueLoad
from tests.desk_builder import START, load

stretches = st.lists(st.tuples(st.integers(0, 200), st.integers(-5, 60)), max_size=12)


def span(begins: int, seconds: int) -> Span:
    return Span(START + timedelta(seconds=begins), START + timedelta(seconds=begins + seconds))


def rows(came: float, usual: float, n: int = 60, **more: object) -> list[Row]:
    told = [load(60.0 * (minute + 1), {"voice": (came, usual)}, **more) for minute in range(n)]
    return [Row(one.at, one.seconds, one.loads[0]) for one in told]


@settings(max_examples=50, deadline=None)
@given(stretches)
def test_time_that_several_spans_share_counts_once(parts: list[tuple[int, int]]) -> None:
    counted = {second for begins, length in parts for second in range(begins, begins + length)}
    assert impact.minutes(span(*part) for part in parts) == pytest.approx(len(counted) / 60)
    joined = impact.union(span(*part) for part in parts)
    assert all(one.ends < other.begins for one, other in pairwise(joined))


def test_what_is_missing_has_the_band_of_chance_and_of_the_doubt_about_the_level() -> None:
    found = impact.contacts(rows(0, 34.0))
    assert found is not None
    assert (found.came, found.expected.expected) == (0, 34.0 * 60)
    # chance alone would be 1.6449 * sqrt(2040) = 74
    assert found.expected.high - found.expected.expected == pytest.approx(74.3, abs=0.5)
    assert found.beyond.high == -found.expected.low


def test_a_doubtful_level_errs_the_same_way_all_along() -> None:
    told = [row.load for row in rows(100, 100.0)]
    wide = [Row(START, 60.0, _band(one, 40.0)) for one in told]
    found = impact.contacts(wide)
    assert found is not None
    doubt = ((40.0 / impact.Z99) ** 2 - 100.0) ** 0.5 * 60
    assert found.expected.high - 6000 == pytest.approx(1.6449 * (6000 + doubt**2) ** 0.5, rel=1e-3)


def _band(one: QueueLoad, half: float) -> QueueLoad:
    return msgspec.structs.replace(one, expected_low=100 - half, expected_high=100 + half)


def test_minutes_that_were_not_delivered_count_neither_way() -> None:
    seen, unseen = rows(10, 20.0, 30), rows(0, 20.0, 30, known=0.0)
    both = impact.contacts([*seen, *unseen])
    alone = impact.contacts(seen)
    assert both is not None and alone is not None
    assert (both.came, both.expected) == (alone.came, alone.expected)
    assert (both.seconds_seen, both.seconds) == (1800.0, 3600.0)
    assert impact.contacts(unseen) is None


def test_who_gives_up_is_held_against_the_share_of_before() -> None:
    usual = Usual()
    for row in rows(50, 50.0, answered=49, abandoned=1):
        usual.hear(row)
    found = impact.gave_up(rows(50, 50.0, 20, answered=25, abandoned=25), usual)
    assert found is not None
    assert (found.abandoned, found.decided) == (500, 1000)
    assert found.expected.expected == pytest.approx(20, abs=0.5)
    assert found.beyond.low < 480 < found.beyond.high
    # beta-binomial: wider than the binomial alone
    assert found.expected.high - found.expected.expected > 1.6449 * (1000 * 0.02 * 0.98) ** 0.5


def test_too_few_before_say_nothing_about_who_gives_up() -> None:
    assert impact.gave_up(rows(50, 50.0, answered=25, abandoned=25), Usual(answered=40, abandoned=2)) is None


def test_who_could_not_call_may_be_who_wrote() -> None:
    missing, extra = [Between(expected=100, low=80, high=120)], [Between(expected=300, low=250, high=350)]
    found = impact.affected(missing, extra)
    assert found is not None
    assert (found.low, found.high) == (250, 470)
    assert found.expected == 350
    assert impact.affected([], []) is None
