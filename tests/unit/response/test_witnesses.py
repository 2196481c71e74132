"""Agents and tools speak for a cause only if they changed near the incident, and what they once showed stays."""

from __future__ import annotations

from desk_builder import Script, agents, centre, signal, tick, tool

from schemas.desk import DeskBody


def _surge_only(*before: DeskBody) -> Script:
    """E-mail is down, but all that detection says of it is that calls rise a little."""
    script = Script(first=centre())
    script.hear(*before)
    script.hear(signal("voice", "surge", 1200, ratio=1.5))
    return script


def test_idle_agents_of_a_channel_that_shows_nothing_name_its_outage() -> None:
    script = _surge_only(agents("email/orders", 1190, 150, 4), tool("e-mail", 1190))
    script.hear(agents("email/orders", 1210, 150, 148), tick(1600))
    assert script.incident.cause.kind == "e-mail"
    assert "e-mail agents are idle" in script.incident.cause.because


def test_a_probe_that_has_been_red_all_day_says_nothing() -> None:
    red = [tool("e-mail", second) for second in range(0, 1200, 60)]
    script = _surge_only(*red)
    script.hear(tick(1600))
    assert script.incident.cause.kind == "demand-surge"
    assert not [said for said in script.incident.cause.because if "probe" in said]


def test_what_was_once_seen_stays_evidence_when_agents_and_tools_are_back_before_the_signals_clear() -> None:
    script = Script(first=centre())
    script.hear(tool("wfm", 10), agents("voice/orders", 10, 20), agents("voice/billing", 10, 15))
    script.hear(signal("voice", "abandonment-wave", 20, ratio=3.0, measure="abandoned", onset=0))
    script.pass_time(30, 400, 20)
    script.hear(tool("wfm", 410, "up"), agents("voice/orders", 410, 120, 10), agents("voice/billing", 410, 90, 9))
    script.pass_time(420, 900, 20)
    assert script.incident.phase == "open"
    assert script.incident.cause.kind == "wfm"


def test_what_shows_half_an_hour_later_belongs_to_something_else() -> None:
    script = _surge_only()
    script.pass_time(1210, 3600, 60)
    before = script.incident.cause
    script.hear(tool("crm", 3601), agents("chat/orders", 3601, 189, 188))
    script.pass_time(3610, 3700)
    assert script.incident.cause == before


def test_what_an_older_incident_accounts_for_is_no_evidence_for_a_younger_one() -> None:
    script = Script(first=centre())
    script.hear(tool("telephony", 10), agents("voice/orders", 10, 120, 119))
    script.hear(signal("voice", "silence", 20, ratio=0.0, onset=0))
    script.hear(signal("email", "surge", 1560, ratio=2.0, onset=1550))
    script.hear(tool("telephony", 1561), tick(1600))
    causes = sorted(incident.cause.kind for incident in script.incidents.values())
    assert causes == ["demand-surge", "telephony"]


def test_an_unknown_tool_is_no_witness() -> None:
    script = _surge_only(tool("fax", 1190))
    script.hear(tick(1300))
    assert script.incident.cause.kind == "demand-surge"
