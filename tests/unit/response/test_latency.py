"""A tool that answers later than usual is found, said in words, and forgotten once it is as usual."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from desk_builder import START, TENANT, Script, agents, centre, entries, signal, tick

from response.latency import TOOLS_MAX, Latencies, Slow
from response.pipeline import ResponseFold
from schemas.desk import DeskBody
from schemas.health import ToolHealth
from schemas.status import DeskStatus

BERLIN = ZoneInfo("Europe/Berlin")
BROKE = 4 * 3600 + 2400  # seconds after START
NAME = "crm//"


def beat(seconds: float, latency: float | None, state: str = "up", tool: str = "crm") -> ToolHealth:
    at = START + timedelta(seconds=seconds)
    return ToolHealth(tenant=TENANT, tool=tool, at=at, state=state, latency_seconds=latency)  # type: ignore[arg-type]


def usual(begins: float, ends: float, every: float = 60, *, times: float = 1.0, seed: int = 7) -> Iterator[ToolHealth]:
    """Answers in 0.6 s, more or less; `times` as long."""
    chance = random.Random(f"{seed} {begins}")
    now = begins
    while now < ends:
        yield beat(now, round(0.6 * times * math.exp(chance.gauss(0, 0.15)), 4))
        now += every


def heard(beats: Iterable[ToolHealth], known: Latencies | None = None) -> tuple[Latencies, list[tuple[float, Slow]]]:
    """What is known then, and each moment at which the tool was slow."""
    known, slow = known or Latencies(), []
    for health in beats:
        found = known.hear(NAME, health, BERLIN)
        if found is not None:
            slow.append(((health.at - START).total_seconds(), msgspec.structs.replace(found)))
    return known, slow


@pytest.mark.parametrize("every", [10, 30, 60])
def test_a_slow_tool_is_found_within_minutes_at_any_pace_of_its_probe(every: float) -> None:
    _, slow = heard([*usual(0, BROKE, every), *usual(BROKE, BROKE + 900, every, times=7)])
    first, found = slow[0]
    assert BROKE < first <= BROKE + 240
    assert abs((found.since - START).total_seconds() - BROKE) <= 60
    assert found.usual == pytest.approx(0.6, rel=0.1)
    assert slow[-1][1].said == pytest.approx(4.2, rel=0.2)


def test_late_answers_alone_say_nothing() -> None:
    beats = list(usual(0, BROKE, 10))
    for n in range(1000, len(beats), 97):
        beats[n] = msgspec.structs.replace(beats[n], latency_seconds=30.0)
    assert heard(beats)[1] == []


def test_what_moves_with_the_day_is_usual_from_the_first_day_on() -> None:
    def of_day(seconds: float) -> float:
        return 1.6 - math.cos(2 * math.pi * seconds / 86_400)  # from 0.6 to 2.6 times

    beats = [
        msgspec.structs.replace(health, latency_seconds=health.latency_seconds * of_day(120 * n))
        for n, health in enumerate(usual(0, 2 * 86_400, 120))
        if health.latency_seconds is not None
    ]
    assert heard(beats)[1] == []


def test_it_ends_once_it_is_nearer_to_the_usual_and_an_outage_is_not_learned() -> None:
    outage = [*usual(0, BROKE), *usual(BROKE, BROKE + 7200, times=7)]
    known, slow = heard(outage)
    assert slow[-1][0] == BROKE + 7140
    _, after = heard(usual(BROKE + 7200, BROKE + 9000), known)
    assert 60 <= after[-1][0] - BROKE - 7200 <= 120
    # the same again is as slow as it was
    _, again = heard(usual(BROKE + 30_000, BROKE + 31_000, times=7, seed=8), known)
    assert again[-1][1].usual == pytest.approx(0.6, rel=0.1)


def test_a_probe_that_measures_no_more_ends_it_and_silence_does_not() -> None:
    known, _ = heard([*usual(0, BROKE), *usual(BROKE, BROKE + 600, times=7)])
    assert heard([beat(BROKE + 700, 0.9, "down"), beat(BROKE + 5000, None, "down")], known)[1] != []
    assert heard([beat(BROKE + 5060, None)], known)[1] == []


@pytest.mark.parametrize("rubbish", [math.nan, math.inf, -math.inf, -1.0, 1e300, 3601.0, None])
def test_impossible_latencies_teach_nothing_and_judge_nothing(rubbish: float | None) -> None:
    clean, _ = heard(usual(0, 6000))
    mixed = [one for n, health in enumerate(usual(0, 6000)) for one in (health, beat(60 * n + 30, rubbish))]
    known, slow = heard(mixed)
    assert slow == []
    assert known.by_name[NAME].histories == clean.by_name[NAME].histories
    assert heard(beat(second, rubbish) for second in range(5)) == (Latencies(), [])


def test_a_tool_that_is_down_or_unwell_teaches_nothing() -> None:
    known, _ = heard(usual(0, 6000))
    before = known.by_name[NAME].histories
    heard((beat(second, 30.0, "down") for second in range(6000, 8000, 60)), known)
    assert known.by_name[NAME].slow is None
    heard((beat(second, 0.6, "degraded") for second in range(8000, 10_000, 60)), known)
    assert known.by_name[NAME].histories == before


def test_a_flood_of_names_keeps_those_that_speak() -> None:
    known = Latencies()
    for n in range(TOOLS_MAX + 50):
        known.hear(f"crm//{n}", beat(n, 0.5), BERLIN)
    assert sorted(known.by_name) == sorted(f"crm//{n}" for n in range(50, TOOLS_MAX + 50))
    assert known.changed["crm//0"] is None


def outage() -> list[DeskBody]:
    """Handle times rise as the CRM slows down; voice is crowded by it."""
    return [
        centre(),
        tick(0),
        *usual(0, BROKE, 120),
        *usual(BROKE, BROKE + 300, times=7),
        tick(BROKE + 300),
        signal("voice", "metric-shift", BROKE + 310, ratio=1.6, measure="handle_seconds", onset=BROKE + 60),
        agents("voice/orders", BROKE + 315, 120, 6),
        *(tick(BROKE + second) for second in range(320, 900, 20)),
        *usual(BROKE + 900, BROKE + 1500),
        tick(BROKE + 1500),
    ]


def test_a_slow_crm_names_the_crm_and_says_how_slow() -> None:
    script = Script()
    script.hear(*outage())
    cause = script.incident.cause
    assert cause.kind == "crm"
    # in Berlin's time
    assert re.fullmatch(r"crm answers in (3\.9|4\.\d) s, usually 0\.6 s, since 15:40", cause.because[0])
    without = Script()
    without.hear(*(one for one in outage() if not isinstance(one, ToolHealth)))
    assert without.incident.cause.sureness < cause.sureness


def test_a_crowd_that_slows_the_crm_is_still_a_crowd() -> None:
    script = Script()
    script.hear(centre(), *usual(0, BROKE), *usual(BROKE, BROKE + 300, times=4), tick(BROKE + 300))
    script.hear(*(signal(at, "surge", BROKE + 310, ratio=3.0, onset=BROKE) for at in ("voice", "chat", "email")))
    script.pass_time(BROKE + 320, BROKE + 900, 20)
    assert script.incident.cause.kind == "demand-surge"
    assert any(said.startswith("crm answers in") for said in script.incident.cause.because)


@pytest.mark.parametrize(("state", "incidents"), [("up", 1), ("down", 2)])
def test_what_follows_a_crowd_still_does_where_a_tool_is_slow_but_not_where_it_is_down(
    state: str, incidents: int
) -> None:
    script = Script()
    script.hear(centre(), *usual(0, BROKE), tick(BROKE - 3600))
    script.hear(signal("chat", "surge", BROKE - 3590, ratio=3.0, onset=BROKE - 3600), tick(BROKE - 3000))
    late = usual(BROKE, BROKE + 300, times=7)
    script.hear(*(msgspec.structs.replace(health, state=state) for health in late), tick(BROKE + 300))
    wave = {"ratio": 3.0, "measure": "escalated", "onset": BROKE + 100}
    script.hear(signal("chat", "escalation-wave", BROKE + 310, **wave), tick(BROKE + 320))  # type: ignore[arg-type]
    assert len(script.incidents) == incidents


def test_the_desk_says_which_tools_are_slow_and_when_no_more() -> None:
    script = Script()
    script.hear(*outage())
    told = [[(one.tool, one.usual_seconds) for one in status.slow] for status in script.said(DeskStatus)]
    assert told[0] == []
    assert {tool for one in told for tool, _ in one} == {"crm"}
    assert told[-1] == []


def played(*cuts: int) -> tuple[list[bytes], dict[str, bytes]]:
    """What is said and the state at the end, with a new fold after each of the entries `cuts`."""
    fold, kept, said = ResponseFold(), dict[str, bytes](), []
    for n, (entry, origin) in enumerate(entries(outage())):
        said += [msgspec.msgpack.encode((output.key, output.value)) for output in fold.step(entry, origin)]
        kept |= {name: raw for name, raw in fold.changes().items() if raw is not None}
        if n in cuts:
            fold = ResponseFold()
            fold.restore(kept)
    return said, kept


def test_restarts_change_no_byte_and_the_state_stays_small() -> None:
    whole = played()
    # while it learns, in the run of late values, while it is slow, and as it recovers
    assert played(30, 100, 143, 144, 147, 160, 182) == whole
    assert len(whole[1][f"latency/{TENANT}|{NAME}"]) < 1500


def test_a_state_of_before_goes_on() -> None:
    script = Script()
    script.hear(*outage())
    kept = {name: raw for name, raw in script.fold.changes().items() if raw is not None}
    old = {name: raw for name, raw in kept.items() if not name.startswith("latency/")}
    fold = ResponseFold()
    fold.restore(old)
    for entry, origin in entries([beat(BROKE + 1600, 0.6), tick(BROKE + 1610)], 5000):
        fold.step(entry, origin)
    assert f"latency/{TENANT}|{NAME}" in fold.changes()
