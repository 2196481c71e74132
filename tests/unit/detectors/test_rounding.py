"""Numbers that leave the bank: rounded alike one by one and together."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from detectors.columns import six, sixes


@given(st.lists(st.floats() | st.integers(-(10**7), 10**7).map(float)))
@example([0.0, -0.0, 1e6, -1e6, 999_999.0, 999_999.5, 1_234_567.0, 5e-324, float("inf"), float("nan")])
def test_many_are_rounded_as_one_is_to_the_last_bit(values: list[float]) -> None:
    assert [value.hex() for value in sixes(values)] == [six(value).hex() for value in values]
