"""A fold that is restored from its entries goes on to the byte, wherever it was cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pane_logs import centre_log, fold_over, said

from detectors.parameters import CountParams
from detectors.pipeline import DetectionFold, DetectParams
from schemas.desk import DeskEntry
from schemas.pane import PaneRecord
from schemas.signal import Signal

# within an hour nothing is known of a time of day; these logs are about restarts
QUICK = DetectParams(
    counts=CountParams(
        warm_up_seconds=1200.0,
        quiet_variance=100.0,
        unknown_weight=0.0,
        unknown_room=0.0,
        slow_season_variance_max=100.0,
        shift_contacts_min=1.0,
    )
)
SURGE = (200, 260, 5.0)


def log(clock: str, seconds: int = 60) -> list[PaneRecord]:
    return list(
        centre_log(7, 280, clock=clock, seconds=seconds, surge=SURGE, source_lost=(150, 156))  # type: ignore[arg-type]
    )


LOGS = {
    "system": log("system"),
    "event": log("event"),
    "short": log("system", 10),
}


def continued(records: list[PaneRecord], cuts: list[int]) -> tuple[dict[str, bytes], list[tuple[str, str, bytes]]]:
    """Entries at the end and all that was said, with a restart after each of `cuts` records."""
    entries: dict[str, bytes] = {}
    fold, at, outputs = DetectionFold(QUICK), 0, []
    for cut in [*cuts, len(records)]:
        fold, more = fold_over(records[at:cut], fold, at)
        outputs += more
        for name, value in fold.changes().items():
            if value is None:
                entries.pop(name, None)
            else:
                entries[name] = value
        at = cut
        fold = DetectionFold(QUICK)
        fold.restore(entries)
    return entries, said(outputs)


WHOLE = {name: continued(records, []) for name, records in LOGS.items()}


@pytest.mark.parametrize("name", LOGS)
def test_the_logs_that_are_cut_hold_signals(name: str) -> None:
    _, outputs = fold_over(LOGS[name], DetectionFold(QUICK))
    kinds = {
        (output.value.body.signal_kind, output.value.body.state)
        for output in outputs
        if isinstance(output.value, DeskEntry) and isinstance(output.value.body, Signal)
    }
    assert ("surge", "opened") in kinds
    assert ("telemetry-lost", "opened") in kinds
    assert ("telemetry-lost", "cleared") in kinds


@pytest.mark.parametrize("name", LOGS)
@given(cuts=st.data())
@settings(max_examples=12, deadline=None)
def test_a_restart_anywhere_changes_neither_what_is_said_nor_what_is_kept(name: str, cuts: st.DataObject) -> None:
    records = LOGS[name]
    places = cuts.draw(st.lists(st.integers(0, len(records)), min_size=1, max_size=6).map(sorted))
    entries, outputs = continued(records, places)
    whole_entries, whole_outputs = WHOLE[name]
    assert outputs == whole_outputs
    assert entries == whole_entries


@pytest.mark.parametrize("name", LOGS)
def test_state_from_before_there_were_shifts_is_taken_up(name: str) -> None:
    records, half = LOGS[name], len(LOGS[name]) // 2
    fold, _ = fold_over(records[:half], DetectionFold(QUICK), 0)
    entries = {entry: value for entry, value in fold.changes().items() if value is not None}
    older = {entry: value for entry, value in entries.items() if "/shifts/" not in entry}
    assert len(older) < len(entries)
    fold = DetectionFold(QUICK)
    fold.restore(older)
    fold, _ = fold_over(records[half:], fold, half)
    assert any("/shifts/" in entry for entry in fold.changes())
