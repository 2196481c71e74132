"""The simulated platform does what it is told, a little later, says so, and undoes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from drills.reactions import REACTS_AFTER, Reactions
from schemas.base import Origin, QueueRef
from schemas.command import Guard, Inverse, LoadShiftCommand

START = datetime(2025, 12, 16, 16, tzinfo=UTC)
VOICE, CHAT = QueueRef(channel="voice", queue="orders"), QueueRef(channel="chat", queue="orders")


def _command(name: str, action: str = "skill-flex", **more: Any) -> LoadShiftCommand:
    giver, to = (VOICE, CHAT) if action == "skill-flex" else (CHAT, VOICE)
    usual: dict[str, Any] = {
        "tenant": "demo",
        "share": 0.4, "agents": 20 if action == "skill-flex" else 0, "issued_at": START,
        "expires_at": START + timedelta(minutes=30),
        "inverse": Inverse(command_id=f"{name}-back", from_queue=giver, to_queue=to, share=0.0),
    }  # fmt: skip
    return LoadShiftCommand(
        command_id=name, dedup_key=name, incident_id="i", action=action, from_queue=giver, to_queue=to,
        share_before=0.0, share_cap=0.5, step=1, mode="auto", evidence=["s"], text="",
        guard=Guard(donor=to, stop_if_service_level_below=0.6, stop_if_agents_below=5, check_after_seconds=120),
        origin=Origin(topic="desk", partition=0, offset=0), **(usual | more),
    )  # fmt: skip


def test_people_move_after_a_while_and_the_platform_says_so() -> None:
    centre = Reactions("demo", 1)
    centre.hear(_command("c1"), START)
    assert centre.until(START + REACTS_AFTER - timedelta(seconds=1)) == []
    assert centre.agents(CHAT) == 0
    (said,) = centre.until(START + REACTS_AFTER)
    assert (said.command_id, said.state, said.at) == ("c1", "applied", START + REACTS_AFTER)
    assert (centre.agents(CHAT), centre.agents(VOICE)) == (20, -20)


def test_the_inverse_brings_them_back_and_a_newer_step_replaces_the_older() -> None:
    centre = Reactions("demo", 1)
    centre.hear(_command("c1"), START)
    centre.hear(_command("c2", agents=30, issued_at=START + timedelta(minutes=1)), START)
    centre.until(START + timedelta(minutes=6))
    assert centre.agents(CHAT) == 30
    back = _command("c2-back", reverts="c2", inverse=_command("x").inverse, issued_at=START + timedelta(minutes=8))
    centre.hear(back, START)
    assert [said.command_id for said in centre.until(START + timedelta(minutes=12))] == ["c2-back"]
    assert centre.agents(CHAT) == 0


def test_what_runs_out_ends_by_itself() -> None:
    centre = Reactions("demo", 1)
    centre.hear(_command("c1"), START)
    centre.until(START + timedelta(minutes=5))
    assert [said.state for said in centre.until(START + timedelta(minutes=30))] == ["expired"]
    assert centre.agents(CHAT) == 0


def test_contacts_are_moved_by_their_share_and_another_tenants_not_at_all() -> None:
    centre = Reactions("demo", 1)
    centre.hear(_command("c1", "overflow"), START)
    centre.hear(_command("c2", "deflect", tenant="other"), START)
    assert centre.moves(CHAT) is None
    centre.until(START + timedelta(minutes=5))
    moved = [centre.moves(CHAT) for _ in range(2_000)]
    assert set(moved) == {None, ("overflow", VOICE)}
    assert sum(one is not None for one in moved) / 2_000 == pytest.approx(0.4, abs=0.04)
    assert centre.moves(VOICE) is None
