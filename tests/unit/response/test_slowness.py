"""When tools were slow, from the states of a desk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from response.slowness import slowness
from schemas.base import Origin
from schemas.status import DeskStatus, SlowTool

START = datetime(2026, 11, 24, 10, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def tool(name: str = "crm", since: float = 0, latency: float = 4.2, site: str | None = None) -> SlowTool:
    return SlowTool(tool=name, site=site, since=at(since), latency_seconds=latency, usual_seconds=0.6)


def said(minutes: float, *slow: SlowTool) -> DeskStatus:
    origin = Origin(topic="desk", partition=0, offset=int(minutes))
    return DeskStatus(tenant="shop", revision=int(minutes), at=at(minutes), mode="auto", slow=list(slow), origin=origin)


def test_a_tool_is_slow_from_when_it_is_said_until_it_is_not_said_any_more() -> None:
    (found,) = slowness([said(3, tool()), said(5, tool(latency=9.1)), said(7, tool(latency=5.0)), said(9), said(12)])
    assert (found.tool.since, found.found_at, found.until) == (at(0), at(3), at(9))
    assert found.text == "crm answers in 9.1 s, usually 0.6 s"


def test_what_is_still_slow_has_no_end_and_the_order_of_reading_does_not_matter() -> None:
    told = [said(3, tool()), said(9, tool(), tool("bot", since=8)), said(20, tool("bot", since=8))]
    crm, bot = slowness(reversed(told))
    assert (crm.tool.tool, crm.until, bot.tool.tool, bot.until) == ("crm", at(20), "bot", None)
    assert slowness([]) == []


def test_each_place_of_a_tool_and_each_time_stands_for_itself() -> None:
    told = [said(3, tool(site="a"), tool(site="b")), said(9, tool(site="b")), said(30, tool(site="a", since=28))]
    found = [(one.name, one.found_at, one.until) for one in slowness(told)]
    assert found == [("crm a", at(3), at(9)), ("crm b", at(3), at(30)), ("crm a", at(30), None)]
