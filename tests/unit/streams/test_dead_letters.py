"""Dead letters as values: what is kept, what is cut, and that the original comes back whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import BadMessage
from streams import dead_letters

ERROR = BadMessage("wrong-shape", "$.wait_seconds", "Expected `float`, got `str`")
names = st.text(min_size=1, max_size=20) | st.sampled_from(["error.topic", "error.reason", "replayed.at"])
headers = st.lists(st.tuples(names, st.binary(max_size=40)), max_size=5)


@given(
    key=st.none() | st.binary(max_size=40),
    value=st.none() | st.binary(max_size=200),
    originals=headers,
    offset=st.integers(0, 2**63 - 1),
)
def test_a_record_comes_back_from_its_letter_as_it_was(
    key: bytes | None, value: bytes | None, originals: list[tuple[str, bytes]], offset: int
) -> None:
    written = dead_letters.record("contact-events.voice", 3, offset, key, value, originals, ERROR)
    letter = dead_letters.read(written.value, written.headers)
    assert (letter.key, letter.value, letter.headers) == (key, value, originals)
    assert letter.place == f"contact-events.voice/3/{offset}"
    assert (letter.reason, letter.path, letter.detail) == (ERROR.reason, ERROR.path, ERROR.detail)
    assert not letter.truncated
    assert not dead_letters.is_mark(written.headers)


@given(
    key=st.none() | st.binary(max_size=200),
    value=st.none() | st.binary(max_size=200),
    originals=headers,
    cap=st.integers(1, 100),
)
def test_no_part_of_a_letter_is_over_its_bound_and_a_cut_one_says_so(
    key: bytes | None, value: bytes | None, originals: list[tuple[str, bytes]], cap: int
) -> None:
    written = dead_letters.record("workforce", 0, 7, key, value, originals, ERROR, bytes_max=cap)
    letter = dead_letters.read(written.value, written.headers)
    assert len(letter.value or b"") <= cap
    assert len(letter.key or b"") <= cap
    assert sum(len(name.encode()) + len(text) for name, text in letter.headers) <= cap
    whole = (letter.key, letter.value, letter.headers) == (key, value, originals)
    assert letter.truncated is not whole


def test_the_place_of_the_original_is_the_key_and_its_topic_names_the_box() -> None:
    written = dead_letters.record("workforce", 2, 41, b"northwind", b"{", [], ERROR)
    assert written.topic == "workforce.dead-letter"
    assert written.key == b"workforce/2/41"


def test_the_same_record_gives_the_same_bytes() -> None:
    def make() -> dead_letters.DeadLetter:
        return dead_letters.record("workforce", 2, 41, b"k", b"{", [("a", b"b")], ERROR, timestamp_milliseconds=5)

    assert make() == make()


def test_the_arrival_of_the_original_is_kept_where_it_is_known() -> None:
    written = dead_letters.record("workforce", 2, 41, None, b"{", [], ERROR, timestamp_milliseconds=1_764_000_000_123)
    arrived = dead_letters.read(written.value, written.headers).arrived_at
    assert arrived == datetime.fromtimestamp(1_764_000_000.123, UTC)


def test_an_endless_explanation_is_cut() -> None:
    wordy = BadMessage("not-json", "$" * 5_000, "x" * 5_000)
    written = dead_letters.record("workforce", 0, 0, None, b"", [], wordy)
    assert sum(len(text) for _, text in written.headers) < 3_000


def test_a_tombstone_and_an_empty_value_are_not_the_same() -> None:
    for value in (None, b""):
        written = dead_letters.record("workforce", 0, 0, None, value, [], ERROR)
        assert dead_letters.read(written.value, written.headers).value == value


def test_the_mark_of_a_replay_lies_beside_its_letter() -> None:
    written = dead_letters.record("workforce", 2, 41, b"k", b"{", [], ERROR)
    mark = dead_letters.replayed(dead_letters.read(written.value, written.headers), datetime(2026, 3, 3, tzinfo=UTC))
    assert (mark.topic, mark.key) == (written.topic, written.key)
    assert dead_letters.is_mark(mark.headers)


@pytest.mark.parametrize(
    "strange",
    [
        [],
        [("error.reason", b"x")],
        [("error.topic", b"workforce")],
        [("error.topic", b"t"), ("error.partition", b"x"), ("error.offset", b"1")],
    ],
)
def test_a_record_that_is_no_letter_of_ours_is_refused(strange: list[tuple[str, bytes]]) -> None:
    with pytest.raises(BadMessage, match="no-dead-letter"):
        dead_letters.read(b"", strange)
