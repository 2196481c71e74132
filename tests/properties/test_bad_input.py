"""Bad input of every family: a defined answer, never an exception, never a silent reset of what was learned."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, get_type_hints

import msgspec
import numpy as np
import pytest
from pane_logs import fold_over
from wave_logs import BREAK, QUICK, START, log, moved

from detectors.channel import Channel
from detectors.metric_bank import FIRST, MetricBank
from detectors.parameters import CountParams
from detectors.pipeline import DetectionFold
from detectors.share_bank import ShareBank
from detectors.shares import BACKLOG, MIX, ShareParams
from detectors.slots import LocalTime
from schemas import codec
from schemas.centre import Centre
from schemas.desk import DeskEntry
from schemas.errors import BadMessage
from schemas.fold import Output
from schemas.pane import CONTACTS_MAX, PaneRecord, QueueCounts, QueuePane

WEEK, BERLIN = timedelta(days=7), Centre(tenant="acme", time_zone="Europe/Berlin")
AT = 2 * 150 + 1  # the record at which the log goes wrong: a pane, after two and a half hours
Spoil = Callable[[list[PaneRecord]], list[PaneRecord]]


@cache
def ordinary() -> list[PaneRecord]:
    return list(log(5, BREAK))


def channel_of(fold: DetectionFold) -> Channel:
    return fold._tenants["acme"].channels["chat"]


def learned(fold: DetectionFold) -> dict[str, Any]:
    """How much each family has learned of the channel and its first two queues."""
    channel = channel_of(fold)
    bank, waves = channel.bank, channel.waves
    first = slice(0, 3)
    found = {"counts": bank.season.exposure.sum(axis=0)[first] + bank.meters.visit[2, first]}
    for group in waves.groups:
        marks = group.bank.marks
        found[group.name] = (marks.exposure + marks.block[2])[: 3 * (len(group.rows) // len(channel.names))]
    found["means"] = channel.metrics.means.bank.histories.seen[:6].astype(float)
    return found


def queues_of(records: list[PaneRecord], names: int, of: str) -> list[PaneRecord]:
    """The same with so many queues more, each with the counts of one that is there."""

    def more(pane: QueuePane) -> QueuePane:
        new = {f"new-{n:03d}": pane.queues[of] for n in range(names)}
        return msgspec.structs.replace(pane, queues=dict(pane.queues) | new)

    return [more(one) if isinstance(one, QueuePane) else one for one in records]


def without(records: list[PaneRecord], queue: str) -> list[PaneRecord]:
    return [
        msgspec.structs.replace(one, queues={k: v for k, v in one.queues.items() if k != queue})
        if isinstance(one, QueuePane)
        else one
        for one in records
    ]


# so that the hour that is skipped, or comes twice, lies in the middle of the log
SPRING = datetime(2025, 3, 29, 23, tzinfo=UTC) - START
AUTUMN = datetime(2025, 10, 25, 23, tzinfo=UTC) - START
SPOILS: dict[str, Spoil] = {
    "a pane twice": lambda told: [*told[:AT], told[AT], *told[AT:]],
    "a pane of an hour ago": lambda told: [*told[:AT], told[AT - 120], *told[AT:]],
    "a gap of half an hour": lambda told: [*told[:AT], *told[AT + 60 :]],
    "a series that appears": lambda told: [*told[:AT], *queues_of(told[AT:], 1, "orders")],
    "a series that dies": lambda told: [*told[:AT], *without(told[AT:], "orders")],
    "the clock a week ahead": lambda told: [*told[:AT], *(moved(one, WEEK) for one in told[AT:])],
    "the clock a week ahead for one pane": lambda told: [*told[:AT], moved(told[AT], WEEK), *told[AT + 1 :]],
    "the clock a week back": lambda told: [*told[:AT], *(moved(one, -WEEK) for one in told[AT:])],
    "the night in spring": lambda told: [BERLIN, *(moved(one, SPRING) for one in told)],
    "the night in autumn": lambda told: [BERLIN, *(moved(one, AUTUMN) for one in told)],
    "ten times the series": lambda told: [*told[:AT], *queues_of(told[AT:], 18, "orders")],
}


@cache
def before() -> dict[str, Any]:
    """What was learned when the log goes wrong."""
    return learned(fold_over(ordinary()[:AT], DetectionFold(QUICK))[0])


def kinds(outputs: list[Output]) -> set[str]:
    return {
        getattr(output.value.body, "signal_kind", "") for output in outputs if isinstance(output.value, DeskEntry)
    } - {""}


@pytest.mark.parametrize("how", SPOILS)
def test_every_family_keeps_what_it_learned_and_goes_on(how: str) -> None:
    fold, outputs = fold_over(SPOILS[how](ordinary()), DetectionFold(QUICK))
    now = learned(fold)
    back = how == "the clock a week back"
    for family, was in before().items():
        assert (now[family][: len(was)] >= was).all(), family
        # what lies in the past of what is known already teaches nothing, and takes nothing
        assert back or now[family].sum() > was.sum(), family
    bank = channel_of(fold).bank
    assert all(np.isfinite(group.bank.share).all() for group in channel_of(fold).waves.groups)
    assert np.isfinite(bank.expect(channel_of(fold).head.closed_to, 60)).all()
    wanted = {"a series that dies": {"silence", "drop"}, "ten times the series": {"surge", "mix-shift"}}
    assert kinds(outputs) - {"telemetry-lost"} <= wanted.get(how, set())
    again = DetectionFold(QUICK)
    again.restore({name: raw for name, raw in fold.changes().items() if raw is not None})
    assert again.complaints == []


def test_panes_that_come_too_late_are_counted() -> None:
    fold, _ = fold_over(SPOILS["the clock a week back"](ordinary()), DetectionFold(QUICK))
    channel = channel_of(fold)
    assert channel.log.ignored["closed"] + fold.counted["ignored closed"] >= BREAK - 151
    assert channel.head.closed_to == (START + timedelta(minutes=150)).timestamp()


def test_more_series_than_there_is_room_for_are_one_row_of_every_family_and_are_counted() -> None:
    params = msgspec.structs.replace(QUICK, series_a_tenant_max=8)
    fold, _ = fold_over(SPOILS["ten times the series"](ordinary()), DetectionFold(params))
    channel, now = channel_of(fold), learned(fold)
    assert channel.names[-1] == "other" and len(channel.names) == 9
    assert fold.counted["series"] > 0
    assert channel.metrics.means.bank.size == 2 * 9
    assert {len(group.rows) // 9 for group in (channel.waves.shares, channel.waves.backlog)} == {3, 1}
    for family, was in before().items():
        assert (now[family][: len(was)] >= was).all(), family


def test_a_channel_for_which_there_is_no_room_is_watched_as_a_whole() -> None:
    params = msgspec.structs.replace(QUICK, series_a_tenant_max=0)
    fold, _ = fold_over(ordinary(), DetectionFold(params))
    channel = channel_of(fold)
    assert channel.names == ["", "other"]
    assert fold.counted["series"] > 0
    assert channel.bank.season.exposure[:, 0].sum() > 0


# -- numbers that are none


WHOLE = {
    name for name in get_type_hints(QueueCounts) if not name.startswith("by_") and name in QueueCounts.__struct_fields__
}


@pytest.mark.parametrize("value", [b"-1", b"null", b"NaN", b"1.5", b"1e400", b"1000000000000000000000", b'"7"'])
def test_counts_that_are_negative_or_none_are_set_aside_with_their_place(value: bytes) -> None:
    """No pane that a family could not reckon with comes through."""
    raw = codec.encode(ordinary()[AT])
    assert isinstance(codec.decode(QueuePane, raw), QueuePane)
    for field in sorted(WHOLE):
        spoiled = codec.encode(msgspec.structs.replace(_pane(field, 7), sources={})).replace(
            f'"{field}":7'.encode(), f'"{field}":'.encode() + value
        )
        with pytest.raises(BadMessage):
            codec.decode(QueuePane, spoiled)
    for name in ("by_reason", "by_site", "by_region", "by_provider", "by_drill"):
        spoiled = codec.encode(_pane(name, {"seven": 7})).replace(b'"seven":7', b'"seven":' + value)
        with pytest.raises(BadMessage):
            codec.decode(QueuePane, spoiled)


def _pane(field: str, value: Any) -> QueuePane:
    one = ordinary()[AT]
    assert isinstance(one, QueuePane)
    return msgspec.structs.replace(one, queues={"billing": QueueCounts(**{field: value})})


def test_the_most_that_a_pane_may_hold_leaves_every_family_sound() -> None:
    many: dict[str, Any] = dict.fromkeys(WHOLE, CONTACTS_MAX)
    most = QueueCounts(**many, by_reason={"invoice": CONTACTS_MAX}, by_site={"north": CONTACTS_MAX})
    records = ordinary()
    one = records[AT]
    assert isinstance(one, QueuePane)
    odd = msgspec.structs.replace(one, queues=dict(one.queues) | {"billing": most})
    fold, _ = fold_over([*records[:AT], odd, *records[AT + 1 :]], DetectionFold(QUICK))
    channel = channel_of(fold)
    for group in channel.waves.groups:
        assert np.isfinite(group.bank.share).all() and (group.bank.share > 0).all()
        assert np.isfinite(group.bank.runs.runs).all()
    assert np.isfinite(channel.bank.expect(channel.head.closed_to, 60)).all()
    assert np.isfinite(channel.metrics.means.bank.histories.usual).all()


@pytest.mark.parametrize("params", [ShareParams(), MIX, BACKLOG])
def test_a_share_that_is_not_known_is_read_and_learned_as_nothing(params: ShareParams) -> None:
    local, rng = LocalTime("UTC"), np.random.default_rng(2)

    def bank_after(odd: float) -> bytes:
        bank = ShareBank(params, CountParams())
        bank.grow(np.zeros(2, bool))
        bank.limit(np.full(2, 12.0))
        known = np.array([True, False])
        for n, y in enumerate(draws):
            at = int(START.timestamp()) + 60 * n
            bank.close(at, 60, local.moment(at), np.array([y, odd]), np.array([20.0, odd]), known)
        return b"".join(part.pack(1, 2) for part in (*bank.hot, *bank.cold))

    draws = rng.binomial(20, 0.1, 300).astype(float)
    assert bank_after(1e9) == bank_after(0.0)


def bank_of_means() -> MetricBank:
    bank = MetricBank()
    bank.histories.grow(2)
    bank.histories.offset[...] = 5.0
    return bank


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_a_mean_that_is_no_number_shows_nothing_and_teaches_nothing(odd: float) -> None:
    rng, bank, plain = np.random.default_rng(4), bank_of_means(), bank_of_means()
    for n in range(FIRST + 40):
        value = float(rng.lognormal(5, 0.3))
        bank.learn(np.array([value, odd]), n // 10 % 24)
        plain.learn(np.array([value, np.nan]), n // 10 % 24)
    shown = bank.read(np.array([odd, odd]), 3)
    assert not shown.ready.any() and (shown.total == 0).all() and (shown.away == 0).all()
    assert bank.histories.pack(0, 2) == plain.histories.pack(0, 2)


@pytest.mark.parametrize("odd", [-3600.0, 0.0, 1e30])
def test_a_mean_beyond_all_reason_is_read_and_leaves_the_others_as_they_are(odd: float) -> None:
    rng, bank, plain = np.random.default_rng(4), bank_of_means(), bank_of_means()
    for n in range(FIRST + 40):
        value = float(rng.lognormal(5, 0.3))
        bank.learn(np.array([value, odd if n % 20 == 19 else value]), n // 10 % 24)
        plain.learn(np.array([value, value]), n // 10 % 24)
    shown = bank.read(np.array([120.0, odd]), 3)
    assert all(np.isfinite(each).all() for each in (shown.total, shown.expected, shown.spread, shown.away))
    assert bank.histories.pack(0, 1) == plain.histories.pack(0, 1)
