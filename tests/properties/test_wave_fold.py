"""Shares, mixes, backlogs and handle times in the detection fold: what is found, and what bad input does not do."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pane_logs import fold_over, said
from wave_logs import BREAK, CHANGES, QUICK, START, log, moved

from detectors.pipeline import DetectionFold
from schemas.base import Origin
from schemas.centre import Centre, CentreChannel
from schemas.desk import DeskEntry
from schemas.fold import Output
from schemas.pane import PaneRecord, QueueCounts, QueuePane
from schemas.signal import Signal


@cache
def heard(name: str) -> list[Signal]:
    return signals(fold_over(log(3, BREAK + 60, CHANGES.get(name)), DetectionFold(QUICK))[1])


def signals(outputs: list[Output]) -> list[Signal]:
    bodies = [output.value.body for output in outputs if isinstance(output.value, DeskEntry)]
    return [body for body in bodies if isinstance(body, Signal)]


@pytest.mark.parametrize("kind", CHANGES)
def test_each_change_is_found_soon_as_what_it_is_and_where_it_is(kind: str) -> None:
    mine = [signal for signal in heard(kind) if signal.signal_kind == kind and signal.state == "opened"]
    assert {str(signal.series.at) for signal in mine} >= {"chat/billing"}
    assert "chat/orders" not in {str(signal.series.at) for signal in mine}
    broke = START + timedelta(minutes=BREAK)
    first = min(mine, key=lambda signal: signal.at)
    assert broke < first.at <= broke + timedelta(minutes=30)
    assert abs(first.onset - broke) <= timedelta(minutes=12)


def test_the_ordinary_day_says_nothing() -> None:
    assert heard("nothing") == []


def test_a_mix_shift_names_the_reason_that_moved() -> None:
    moved = next(signal for signal in heard("mix-shift") if signal.signal_kind == "mix-shift")
    assert moved.category in ("refund", "invoice")
    assert {one.name for one in moved.contributors} == {"refund", "invoice"}
    refund = next(one for one in moved.contributors if one.name == "refund")
    assert refund.dimension == "reason"
    assert refund.observed > refund.expected


def test_a_growing_backlog_tells_how_fast_and_when_it_doubles() -> None:
    grown = [signal for signal in heard("backlog-growth") if str(signal.series.at) == "chat/billing" and signal.growth]
    last = grown[-1].growth
    assert last is not None
    assert last.per_minute == pytest.approx(20 * 0.55, rel=0.3)
    assert last.minutes_to_double == pytest.approx(last.backlog / last.per_minute, rel=1e-3)
    assert grown[-1].observed > grown[-1].expected


def test_a_channels_share_names_the_queue_that_carries_it() -> None:
    whole = [signal for signal in heard("escalation-wave") if signal.series.at.queue is None]
    assert whole[-1].contributors[0].name == "billing"
    assert whole[-1].contributors[0].share > 0.7
    assert [str(queue) for queue in whole[-1].affected] == ["chat/billing"]
    assert "billing" in whole[-1].text


def test_a_signal_brings_the_panes_that_led_to_it() -> None:
    first = next(signal for signal in heard("escalation-wave") if signal.state == "opened")
    curve = first.evidence
    assert len(curve.curve) == len(curve.curve_at) == len(curve.curve_observed) == len(curve.curve_expected) == 30
    assert curve.curve_at[-1] == first.at
    assert curve.curve[-1] == first.evidence.statistic >= first.evidence.threshold
    assert all(
        later - earlier == timedelta(minutes=1)
        for earlier, later in zip(curve.curve_at, curve.curve_at[1:], strict=False)
    )


@given(st.data())
@settings(max_examples=3, deadline=None)
def test_a_restart_anywhere_changes_nothing_of_what_is_said(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(CHANGES)))
    records = list(log(3, BREAK + 30, CHANGES[name]))
    whole = said(fold_over(records, DetectionFold(QUICK))[1])
    cut = data.draw(st.integers(300, len(records)))
    first, outputs = fold_over(records[:cut], DetectionFold(QUICK))
    entries = {key: raw for key, raw in first.changes().items() if raw is not None}
    second = DetectionFold(QUICK)
    second.restore(entries)
    assert second.complaints == []
    outputs += fold_over(records[cut:], second, cut)[1]
    assert said(outputs) == whole


def spoiled(records: list[PaneRecord], how: str, at: int) -> list[PaneRecord]:
    """The log with one kind of bad input at the record `at`, which is a pane."""
    pane = records[at]
    assert isinstance(pane, QueuePane)
    match how:
        case "repeated":
            return [*records[: at + 1], pane, *records[at + 1 :]]
        case "backward":
            return [*records[: at + 1], records[at - 40], *records[at + 1 :]]
        case "gap":
            return [*records[:at], *records[at + 60 :]]
        case "later version":
            return [*records[: at + 1], msgspec.structs.replace(pane, version=10**6), *records[at + 1 :]]
        case "new queue":
            more = dict(pane.queues) | {f"new-{n}": QueueCounts(offered=3, answered=3) for n in range(20)}
            return [*records[:at], msgspec.structs.replace(pane, queues=more), *records[at + 1 :]]
        case "queue dies":
            dead = [
                msgspec.structs.replace(one, queues={"orders": one.queues["orders"]})
                if isinstance(one, QueuePane)
                else one
                for one in records[at:]
            ]
            return [*records[:at], *dead]
        case "tenfold":
            many = [_tenfold(one) if isinstance(one, QueuePane) else one for one in records[at:]]
            return [*records[:at], *many]
        case "clock jump":
            return [*records[:at], *(moved(one, timedelta(hours=7)) for one in records[at:])]
    raise ValueError(how)


def _tenfold(pane: QueuePane) -> QueuePane:
    more = {f"{name}-{n}": counts for name, counts in pane.queues.items() for n in range(10)}
    return msgspec.structs.replace(pane, queues=dict(pane.queues) | more)


HARMLESS = ("repeated", "backward", "later version")
BAD = (*HARMLESS, "gap", "new queue", "queue dies", "tenfold", "clock jump")


@cache
def ordinary() -> tuple[list[PaneRecord], list[Output]]:
    records = list(log(5, BREAK))
    return records, fold_over(records, DetectionFold(QUICK))[1]


@pytest.mark.parametrize("how", BAD)
def test_bad_input_is_no_exception_and_forgets_nothing(how: str) -> None:
    records, plain = ordinary()
    at = 2 * 180 + 1
    fold, outputs = fold_over(spoiled(records, how, at), DetectionFold(QUICK))
    waves = fold._tenants["acme"].channels["chat"].waves
    assert waves.shares.bank.marks.exposure[0] >= 2.5 * 3600
    assert waves.shares.bank.share[0] == pytest.approx(0.03, rel=0.5)
    kinds = {signal.signal_kind for signal in signals(outputs)}
    assert kinds <= ({"silence", "drop", "surge"} if how in ("queue dies", "tenfold") else {"telemetry-lost"})
    if how in HARMLESS:
        assert [out[2] for out in said(outputs) if b'"load"' in out[2]] != []
        assert [signal.text for signal in signals(outputs)] == [signal.text for signal in signals(plain)]


def test_a_step_that_is_unknown_neither_resolves_nor_teaches() -> None:
    records = list(log(3, BREAK + 40, CHANGES["escalation-wave"]))
    blind = [
        msgspec.structs.replace(one, sources={}) if isinstance(one, QueuePane) and n > 2 * (BREAK + 30) else one
        for n, one in enumerate(records)
    ]
    fold, outputs = fold_over(blind, DetectionFold(QUICK))
    mine = [signal for signal in signals(outputs) if signal.signal_kind == "escalation-wave"]
    assert mine
    assert all(signal.state != "cleared" for signal in mine)
    assert fold._tenants["acme"].channels["chat"].waves.shares.alarms.open


def open_until(closing: str) -> Centre:
    hours = {"monday-friday": f"06:00-{closing}"}
    return Centre(tenant="acme", channels={"chat": CentreChannel(opening_hours=hours)})


@pytest.mark.parametrize("kind", CHANGES)
def test_closed_hours_neither_judge_nor_teach(kind: str) -> None:
    """What comes after the doors close is of whoever is left, and no less a wave for an open centre."""
    records = list(log(3, BREAK + 60, CHANGES[kind]))
    shut = f"{START + timedelta(minutes=BREAK):%H:%M}"
    fold, outputs = fold_over([open_until(shut), *records], DetectionFold(QUICK))
    assert signals(outputs) == []
    channel = fold._tenants["acme"].channels["chat"]
    until = fold_over(records[: 2 * BREAK + 1], DetectionFold(QUICK))[0]._tenants["acme"].channels["chat"]
    for group, before in zip(channel.waves.groups, until.waves.groups, strict=True):
        # seconds that taught, in blocks that are over and in the one that is not
        taught = group.bank.marks.exposure + group.bank.marks.block[2]
        assert (taught == before.bank.marks.exposure + before.bank.marks.block[2]).all()
    assert (channel.metrics.means.bank.histories.seen == until.metrics.means.bank.histories.seen).all()


@pytest.mark.parametrize("kind", CHANGES)
def test_what_is_out_of_range_when_the_doors_close_is_over_and_says_why(kind: str) -> None:
    shut = START + timedelta(minutes=BREAK + 45)
    records = [open_until(f"{shut:%H:%M}"), *log(3, BREAK + 60, CHANGES[kind])]
    fold, outputs = fold_over(records, DetectionFold(QUICK))
    last = {signal.signal_id: signal for signal in signals(outputs) if signal.signal_kind == kind}
    assert last
    assert {(one.state, one.reason) for one in last.values() if one.at > shut} == {("cleared", "closing time")}
    assert all(one.state == "cleared" for one in last.values())
    waves = fold._tenants["acme"].channels["chat"].waves
    assert not any(group.alarms.open for group in waves.groups)
    entries = {key: raw for key, raw in fold.changes().items() if raw is not None}
    assert not [key for key in entries if "/wave/" in key or "/metric/" in key]


def test_origins_of_signals_lead_to_the_record_that_decided_them() -> None:
    for signal in heard("backlog-growth"):
        assert isinstance(signal.origin, Origin)
        assert signal.origin.offset % 2 == 1  # a pane's
