"""Who waits while others catch up."""

from __future__ import annotations

from streams.ingest.brake import Brake, Place


def test_a_partition_far_ahead_of_the_slowest_waits_and_goes_on_when_it_is_well_within() -> None:
    brake = Brake[str](skew=300, hold_max=60)
    assert brake.stopped({"a": Place(1000, False), "b": Place(1300, False)}, 0) == set()
    assert brake.stopped({"a": Place(1000, False), "b": Place(1301, False)}, 1) == {"b"}
    assert brake.stopped({"a": Place(1100, False), "b": Place(1301, False)}, 2) == {"b"}
    assert brake.stopped({"a": Place(1151, False), "b": Place(1301, False)}, 3) == set()


def test_a_partition_read_to_its_end_is_no_brake() -> None:
    brake = Brake[str](skew=300, hold_max=60)
    assert brake.stopped({"a": Place(0, True), "b": Place(5000, False)}, 0) == set()


def test_a_partition_read_to_its_end_waits_for_the_slow_ones_too() -> None:
    brake = Brake[str](skew=300, hold_max=60)
    assert brake.stopped({"a": Place(0, False), "b": Place(5000, True)}, 0) == {"b"}


def test_one_that_was_never_read_is_waited_for_by_nobody() -> None:
    brake = Brake[str](skew=300, hold_max=60)
    assert brake.stopped({"a": Place(None, False), "b": Place(5000, False)}, 0) == set()


def test_a_brake_without_movement_ends_and_takes_hold_again_with_it() -> None:
    brake = Brake[str](skew=300, hold_max=60)
    places = {"a": Place(0, False), "b": Place(5000, False)}
    assert brake.stopped(places, 0) == {"b"}
    assert brake.stopped(places, 60) == {"b"}
    assert brake.stopped(places, 61) == set()
    assert brake.stopped(places | {"a": Place(1, False)}, 62) == {"b"}
