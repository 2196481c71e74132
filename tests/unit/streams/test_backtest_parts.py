"""Pages against the truth, incidents against each other, grids of settings, and what a sweep speaks for."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas.centre import Centre
from schemas.errors import BadConfig
from schemas.incident import Incident
from streams.backtest import feedback, match
from streams.backtest import truth as backtest_truth
from streams.backtest.ran import Told
from streams.backtest.source import Heard
from streams.backtest.truth import Judged, Known, Page, Truth, judge
from streams.config import Settings
from streams.sweep import figures, grid, paging
from streams.sweep.figures import Limit, Row
from streams.sweep.grid import Setting
from streams.sweep.lanes import Fired
from tests.desk_builder import Script, decision, telephony_outage

CHAT, VOICE = frozenset({"chat"}), frozenset({"voice"})
START = datetime(2025, 3, 3, 8, tzinfo=UTC)


def page(at: float, end: float | None = None, channels: frozenset[str] = CHAT) -> Page:
    return Page(at, at - 60, at + 600 if end is None else end, channels)


def test_a_label_is_found_by_the_first_page_in_it_on_its_channel_and_other_pages_are_false() -> None:
    truth = Truth((Known(10_000, 12_000, "outage", CHAT),), whole=True)
    judged = judge([page(10_500, channels=VOICE), page(10_300), page(10_100), page(50_000)], truth, late_seconds=10)
    assert judged.found == ((truth.known[0], 110.0),)
    assert judged.false == (0, 3)
    assert judge([page(9_500)], truth).found[0][1] == 0.0, "somebody wrote the beginning down late"
    assert judge([page(8_000, end=11_000)], truth)[:2] == (((truth.known[0], None),), ()), "long open finds nothing"


def test_feedback_leaves_open_what_nobody_spoke_of() -> None:
    known = (Known(10_000, 12_000, "real", CHAT), Known(50_000, 52_000, "none", CHAT, real=False))
    judged = judge([page(10_100), page(50_100), page(90_000)], Truth(known, whole=False))
    assert judged.delays == [100.0]
    assert (judged.false, judged.unjudged) == ((1,), 1)
    assert judged.figures(days=15)["false_alarms_a_month"] == 2.0


def test_labels_that_do_not_fit_what_was_read_are_refused_all_at_once(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    mine = [
        {"start": "2025-03-03T08:00:00Z", "end": "2025-03-03T09:00:00Z", "what": "outage", "channel": "fax"},
        {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z", "what": "long ago"},
    ]
    path.write_text(json.dumps(mine))
    truth = backtest_truth.read_labels(path, None)
    with pytest.raises(BadConfig) as refused:
        backtest_truth.check(truth, START.timestamp(), START.timestamp() + 86_400, ["chat", "voice"])
    assert len(refused.value.problems) == 2
    assert "the source has chat, voice" in str(refused.value)
    assert "2024-01-01T00:00:00Z long ago: lies outside of what was read, 2025-03-03T08:00:00Z to" in str(refused.value)
    path.write_text("[]")
    with pytest.raises(BadConfig, match="empty list"):
        backtest_truth.read_labels(path, None)


def told(name: str, minute: float, minutes: float = 30, **changes: Any) -> Told:
    onset = START + timedelta(minutes=minute)
    fields: dict[str, Any] = {
        "tenant": "acme",
        "title": "Demand surge",
        "cause": "demand-surge",
        "severity": "warning",
        "phase": "resolved",
        "channels": ["chat"],
        "contacts_unusual": 10.0,
        "opened_at": onset + timedelta(minutes=3),
        "until": onset + timedelta(minutes=minutes),
    }
    return Told(incident_id=name, onset=onset, **fields | changes)


def test_incidents_are_matched_by_name_cause_and_overlap_each_with_one() -> None:
    a = [told("one", 0), told("two", 100, 60), told("three", 300), told("four", 500)]
    b = [
        told("one", 0, cause="telephony"),
        told("x", 100, 10),
        told("y", 120, 40),
        told("z", 300, channels=["voice"]),
        told("four", 500),
    ]
    pairs = match.match(a, b)
    found = [(pair.a and pair.a.incident_id, pair.b and pair.b.incident_id, pair.where) for pair in pairs]
    assert found == [
        ("one", "one", "both"),
        ("two", "y", "both"),
        (None, "x", "only B"),
        ("three", None, "only A"),
        (None, "z", "only B"),
        ("four", "four", "same"),
    ] or found == [
        ("one", "one", "both"),
        (None, "x", "only B"),
        ("two", "y", "both"),
        ("three", None, "only A"),
        (None, "z", "only B"),
        ("four", "four", "same"),
    ]
    assert pairs[0].differs == ("cause",)


def test_what_operators_said_last_of_an_incident_counts() -> None:
    script = Script()
    script.hear(*telephony_outage(20))
    first = script.said(Incident)[0]
    said: list[Any] = [first]
    for minute, action in enumerate(("acknowledge", "not-an-incident", "mute"), 20):
        said.append(decision(action, first.incident_id, 60 * minute))
    low, high = first.onset.timestamp() - 60, first.at.timestamp() + 60
    truth = feedback.truth(said, low, high)
    assert [(one.real, one.channels) for one in truth.known] == [(False, frozenset(first.scope.channels))]
    assert feedback.truth(said[:2], low, high).known[0].real
    with pytest.raises(BadConfig, match="--labels instead"):
        feedback.truth(said[:1], low, high)
    with pytest.raises(BadConfig, match="--labels instead"):
        feedback.truth(said, high + 1e6, high + 2e6)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["budgets=1,2"], "no setting of a sweep; there are budget: budget_false_incidents_per_month"),
        (["budget=1,nought"], "'nought' is no number"),
        (["budget=0,1"], "0 must be above 0"),
        (["tolerance=0.9,1"], "0.9 is a ratio of 1 or more"),
        (["pane_seconds=10,1.5"], "1.5 is whole seconds"),
        (["lateness=1,601"], "601 is 0 to 600 seconds"),
        (["budget=1,2", "budget=3,4"], "is given twice"),
        (["budget=1,1"], "1 stands there twice"),
        (["budget=4"], "has one setting only"),
        (
            [f"budget={','.join(map(str, range(1, 22)))}", "tolerance=1,1.1,1.2,1.3,1.4,1.5,1.6,1.7,1.8,1.9"],
            "210 settings",
        ),
    ],
)
def test_a_grid_that_cannot_be_tried_is_refused_with_what_can(texts: list[str], why: str) -> None:
    with pytest.raises(BadConfig, match=why):
        grid.grid(texts)


def test_a_grid_is_all_combinations_of_what_is_named() -> None:
    points = grid.grid(["budget=1,4", "pane_seconds=60,300", "tolerance=1.1"])
    assert [str(point) for point in points] == [
        "budget=1 tolerance=1.1 pane_seconds=60",
        "budget=1 tolerance=1.1 pane_seconds=300",
        "budget=4 tolerance=1.1 pane_seconds=60",
        "budget=4 tolerance=1.1 pane_seconds=300",
    ]
    settings = grid.settings_of(Settings(), points[1])
    assert {channel.pane_seconds for channel in settings.channels.values()} == {300}
    with pytest.raises(BadConfig, match="cannot be tried on panes that are counted"):
        grid.refuse_counting(points)


def fired(at: int, ended: int | None, *, onset: int = 0, channel: str = "chat", **changes: Any) -> Fired:
    fields: dict[str, Any] = {"kind": "surge", "opened_ratio": 3.0, "wakes": True, "queue": None, "speed": "fast"}
    name = f"{channel} {at}"
    one = fields | changes
    return Fired(
        "acme", channel, signal_id=name, at=at, onset=onset or at - 60, observed=9, expected=3, ended=ended, **one
    )


def test_alarms_that_begin_together_or_come_back_on_their_channel_are_one_page() -> None:
    together = [fired(1000, 2000), fired(1500, 2000, channel="voice"), fired(2300, 4000)]
    assert [one.at for one in paging.pages(together, 9000)] == [1000]
    apart = [fired(1000, 9000), fired(5000, 6000, channel="voice"), fired(20_000, None)]
    found = paging.pages(apart, 30_000)
    assert [(one.at, sorted(one.channels)) for one in found] == [
        (1000, ["chat"]),
        (5000, ["voice"]),
        (20_000, ["chat"]),
    ]
    assert found[2].end == 30_000, "what is not over lasts to the end of what was read"


def test_nobody_is_woken_by_what_is_over_before_it_is_confirmed_or_by_what_is_still_learning() -> None:
    assert paging.pages([fired(1000, 1030, opened_ratio=1.3)], 9000) == []
    assert paging.pages([fired(1000, 5000, wakes=False)], 9000) == []
    assert [one.at for one in paging.pages([fired(1000, 5000, opened_ratio=1.3)], 9000)] == [1060]
    two = [fired(1000, 5000, opened_ratio=1.3), fired(1020, 5000, opened_ratio=1.3, queue="billing")]
    assert [one.at for one in paging.pages(two, 9000)] == [1020], "another one shows it too"


def row(budget: float, delays: tuple[float | None, ...], false: int, late: float = 10.0) -> Row:
    known = tuple((Known(n, n + 1, "", CHAT), delay) for n, delay in enumerate(delays))
    pages = [page(float(n)) for n in range(false + sum(delay is not None for delay in delays))]
    return Row(Setting(budget, lateness=late), len(pages), pages, Judged(known, tuple(range(false)), 0), late, 30.0)


def test_the_setting_that_finds_most_and_soonest_within_the_budget_is_recommended_with_what_was_traded() -> None:
    rows = [row(1, (300.0, None), 0), row(4, (240.0, 400.0), 2), row(40, (60.0, 100.0), 9)]
    advice = figures.advise(rows, Limit(None, 4.0))
    assert advice.row is rows[1]
    assert "Of 2 settings within the 4 false incidents a month that the model allows" in advice.reason
    assert "budget=40 lateness=10 would do better (2 of 2 found after 1.33 min, 9 false alarms a month" in advice.reason
    assert figures.advise(rows, Limit(None, 10.0)).row is rows[2]
    assert figures.advise(rows, Limit(0.3, 4.0)).row is rows[0]
    nothing = figures.advise(rows[1:], Limit(None, 1.0))
    assert nothing.row is rows[1]
    assert nothing.reason.startswith("No setting stays within the 1 false incidents a month")


def test_a_shorter_lateness_is_not_recommended_where_nothing_shows_what_it_loses() -> None:
    rows = [row(4, (200.0,), 0, late=0.0), row(4, (230.0,), 0, late=30.0)]
    assert figures.advise(rows, Limit(None, 4.0)).row is rows[1]


def test_the_budget_stated_is_that_of_the_model_given_else_of_the_log_else_the_usual_one() -> None:
    heard = Heard(0.0, 1.0, CHAT, frozenset({"acme", "shop", "bank"}), {"acme": 9.0, "shop": 2.0})
    assert grid.stated(None, heard) == 9.0 + 2.0 + 4.0
    assert grid.stated(Centre(tenant="acme", budget_false_incidents_per_month=1.0), heard) == 1.0 + 2.0 + 4.0
