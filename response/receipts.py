"""Who has read what agents were told: whoever has not confirmed within minutes is named to the team's lead.

A receipt is a decision `read` on a bulletin, by the reader's opaque id. Bulletins of one text in several languages are
one: reading any of them is enough. Without teams in the centre's model nobody is waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import msgspec

from response import sentences
from response.bulletins import to_supervisors
from response.params import RespondParams
from response.refused import Refused
from response.state import Desk, Unread
from schemas.base import Origin
from schemas.command import Bulletin
from schemas.decision import OperatorDecision

WAITED_FOR_MAX = 50  # bulletins; the oldest are let go


def expect(desk: Desk, told: list[Bulletin], params: RespondParams) -> list[Bulletin]:
    """The bulletins with the time by which they should be read; agents' ones are waited for from now on."""
    teams = {team.name: sorted(team.agents) for team in desk.centre.teams} if desk.centre else {}
    mine = [one for one in told if one.audience == "agents" and not one.to]
    if not teams or not mine:
        return told
    read_by = desk.now + timedelta(seconds=params.read_within_seconds)
    for step in sorted({(one.incident_id, one.template, one.at) for one in mine}):
        ids = [one.bulletin_id for one in mine if (one.incident_id, one.template, one.at) == step]
        desk.unread[ids[0]] = Unread(
            bulletin_ids=ids, incident_id=step[0], template=step[1], read_by=read_by, unread=dict(teams)
        )
    for name in list(desk.unread)[:-WAITED_FOR_MAX]:
        del desk.unread[name]
    return [msgspec.structs.replace(one, read_by=read_by) if one in mine else one for one in told]


def hear(desk: Desk, decision: OperatorDecision) -> None:
    """One receipt; a second one of the same person changes nothing. Raises Refused for a bulletin nobody waits for."""
    known = next((one for one in desk.unread.values() if decision.target in one.bulletin_ids), None)
    if known is None:
        raise Refused("unknown-bulletin", target=decision.target)
    known.unread = {team: [agent for agent in agents if agent != decision.by] for team, agents in known.unread.items()}


def due(desk: Desk, origin: Origin, params: RespondParams) -> Iterator[Bulletin]:
    """To each lead, once, who of the team has not read what should be read by now."""
    if desk.clock.now is None:
        return
    for name, one in list(desk.unread.items()):
        if one.named or desk.now < one.read_by:
            continue
        one.named = True
        leads = {team.name: team.lead for team in desk.centre.teams} if desk.centre else {}
        for team, agents in sorted(one.unread.items()):
            if agents and team in leads:
                text = partial(_not_read, one.template, team, agents)
                for said in to_supervisors(desk, "unread", one.incident_id, f"{name} {team}", text, origin, params):
                    yield msgspec.structs.replace(said, to=[leads[team]])


def _not_read(template: str, team: str, agents: list[str], language: str) -> str:
    return sentences.say("unread", language, template=template, team=team, many=len(agents), people=", ".join(agents))
