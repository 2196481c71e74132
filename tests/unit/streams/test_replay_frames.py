"""Replays from a notebook: frames in, frames out, and the same as the command's files."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import msgspec
import polars as pl
import pytest

from schemas import codec
from schemas.centre import Centre
from schemas.contact import ContactEvent
from schemas.desk import DeskEntry
from schemas.errors import BadConfig
from schemas.pane import QueueCounts, QueuePane, SourceCover
from streams import replay, tables
from streams.config import Settings
from streams.frames import contacts as contact_frames

START = datetime(2025, 3, 3, tzinfo=UTC)  # a Monday
SURGE = (START + timedelta(days=8, hours=11), START + timedelta(days=8, hours=13))
CHOSEN = Settings.model_validate({"channels": {"chat": {"pane_seconds": 900, "unknown_after_seconds": 900}}})


def contacts(since: float, days: float, tenant: str = "acme") -> pl.DataFrame:
    """Two contacts a minute, in a random order; ten in the surge."""
    draw, at, events = random.Random(7), START + timedelta(days=since), list[ContactEvent]()
    while at < START + timedelta(days=since + days):
        at += timedelta(seconds=draw.expovariate((5 if SURGE[0] <= at < SURGE[1] else 1) / 30))
        queue = draw.choice(("billing", "orders"))
        event = ContactEvent(type="offered", occurred_at=at, source="a", tenant=tenant, channel="chat", queue=queue)
        events.append(msgspec.structs.replace(event, event_id=f"{len(events)}", reason=draw.choice(("login", None))))
    return contact_frames.of_events(events).sample(fraction=1, shuffle=True, seed=1)


@pytest.fixture(scope="module")
def panes() -> pl.DataFrame:
    return replay.panes(contacts(8, 0.75), CHOSEN)


@pytest.fixture(scope="module")
def told(panes: pl.DataFrame) -> replay.Retold:
    weeks = replay.panes(contacts(0, 8), CHOSEN)
    model = Centre(tenant="acme", time_zone="Europe/Berlin")
    return replay.retold(panes, CHOSEN, model, replay.known(weeks, CHOSEN, model))


def test_panes_are_counted_by_queue_and_every_pane_has_a_row(panes: pl.DataFrame) -> None:
    assert panes.schema == pl.Schema(tables.PANES)
    frame = contacts(8, 0.75)
    assert panes["offered"].sum() == len(frame)
    starts = panes["pane_start"].unique().sort().to_list()
    assert {after - before for before, after in pairwise(starts)} == {timedelta(minutes=15)}
    named = panes.explode("by_reason").unnest("by_reason").filter(pl.col("name") == "login")["n"].sum()
    assert named == len(frame.filter(pl.col("reason") == "login"))


def test_panes_come_back_from_a_frame_as_they_were(panes: pl.DataFrame) -> None:
    odd = QueuePane(
        tenant="acme",
        channel="chat",
        pane_start=START,
        pane_seconds=60,
        partition=2,
        version=7,
        final=True,
        complete_to=START + timedelta(seconds=60),
        queues={"billing": QueueCounts(offered=3, by_site={"north": 2, "other": 1}), "orders": QueueCounts(vip=1)},
        sources={"acd": SourceCover(queues=["billing", "orders"], delivered_to=START, covers=True, last=True)},
        part=1,
        parts=2,
        silence="zero",
        clock="event",
    )
    empty = msgspec.structs.replace(odd, part=0, queues={}, sources={})
    assert list(tables.panes_of(tables.of_panes([odd, empty]))) == [odd, empty]
    assert tables.of_panes(tables.panes_of(panes)).equals(panes)


def test_a_surge_is_a_signal_and_an_incident(told: replay.Retold) -> None:
    surges = told.signals.filter((pl.col("signal_kind") == "surge") & (pl.col("state") == "opened"))
    opened = surges.filter(pl.col("queue").is_null()).row(0, named=True)
    assert SURGE[0] <= opened["at"] <= SURGE[0] + timedelta(minutes=45)
    assert opened["observed"] > opened["usual_high"] > opened["expected"]
    entry = codec.decode(DeskEntry, opened["json"].encode())
    assert (entry.tenant, codec.encode(entry).decode()) == ("acme", opened["json"])
    incident = told.incidents.filter(pl.col("phase") == "open").row(0, named=True)
    assert incident["channels"] == ["chat"]
    assert told.load_shift_commands.is_empty()
    assert told.load_shift_commands.schema == pl.Schema(tables.COMMANDS)


def test_what_is_expected_follows_what_was_learned_and_not_the_surge(told: replay.Retold) -> None:
    channel = told.expected.filter(pl.col("queue").is_null()).sort("at")
    quiet = channel.filter(pl.col("at") <= SURGE[0])
    assert quiet["arrivals"].sum() == pytest.approx(quiet["expected"].sum(), rel=0.1)
    inside = (quiet["arrivals"] >= quiet["expected_low"]) & (quiet["arrivals"] <= quiet["expected_high"])
    assert inside.mean() > 0.9  # type: ignore[operator]
    hour = channel.filter(pl.col("at").is_between(SURGE[0] + timedelta(minutes=15), SURGE[0] + timedelta(minutes=60)))
    assert (hour["arrivals"] > hour["expected_high"]).all()


def test_the_shortcuts_give_their_part_of_the_whole(panes: pl.DataFrame) -> None:
    whole = replay.retold(panes, CHOSEN)
    assert replay.signals(panes, CHOSEN).equals(whole.signals)
    assert replay.incidents(panes, CHOSEN).equals(whole.incidents)
    assert replay.expected(panes, CHOSEN).equals(whole.expected)


def test_wrong_frames_are_refused_with_what_is_wrong(panes: pl.DataFrame) -> None:
    with pytest.raises(BadConfig, match="panes: lacks pane_start"):
        replay.signals(panes.drop("pane_start"), CHOSEN)
    with pytest.raises(BadConfig, match="panes: hold no row"):
        replay.signals(panes.clear(), CHOSEN)
    with pytest.raises(BadConfig, match="centre: is of bank, the panes are of acme"):
        replay.signals(panes, CHOSEN, Centre(tenant="bank"))
    with pytest.raises(BadConfig, match=r"contacts: hold none that can be counted \(unknown-channel 4"):
        replay.panes(contacts(0, 0.001).head(4).with_columns(channel=pl.lit("fax")), CHOSEN)
    two = pl.concat([panes, panes.with_columns(tenant=pl.lit("bank"))])
    with pytest.raises(BadConfig, match="are of acme and bank: learn one tenant at a time"):
        replay.known(two, CHOSEN)
