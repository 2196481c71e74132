"""The commands with which a person decides: each writes one decision and shows what the desk made of it."""

from __future__ import annotations

import secrets
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import click
import msgspec
from rich.text import Text

from schemas.base import Message
from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.decision import OperatorDecision
from schemas.incident import Incident
from streams import clock, config, decide, targets
from streams.cli._console import console
from streams.cli._lines import describe
from streams.cli._moments import SPAN
from streams.cli._options import config_option, json_option, write_json
from streams.cli._token import decider, token_option
from streams.config import Settings
from streams.targets import Target

REFUSED, NO_ANSWER = 1, 3
WAIT_SECONDS = 15.0
SOURCE = "breakwater/operator"
Takes = Literal["an incident", "a proposal", "anything"]
ALERT = "a staffing alert"
KINDS = {Incident: "an incident", LoadShiftCommand: "a proposal", StaffingAlert: ALERT}

tenant_option = click.option("--tenant", help="Only look there; needed where several tenants have the name.")
by_option = click.option(
    "--by", metavar="NAME", help="Who decides. [default: whose the token is; without operators your login name]"
)
note_option = click.option("--note", metavar="TEXT", help="Why, for those who read it later.")
wait_option = click.option(
    "--wait",
    "wait_seconds",
    default=WAIT_SECONDS,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for the desk's answer.",
)
span_option = click.option("--for", "span", type=SPAN, help="How long: 30m, 2h. [default: an hour]")


def decision(action: str, takes: Takes, text: str, *, into: str | None = None) -> click.Command:
    """The command for one action; `into` names its second argument. Exit codes: 0 done, 1 refused, 3 no answer yet."""

    def run(
        config_path: Path | None,
        json_path: Path | None,
        wait_seconds: float,
        by: str | None,
        token_path: Path | None,
        **said: Any,
    ) -> None:
        settings = config.load(config_path)
        name = decider(settings, by, token_path)
        target = targets.find(settings, said.pop("name"), said.pop("tenant"))
        _refuse_another_kind(takes, target)
        decided = made(settings, action, target, name, **said)
        carry_out(settings, decided, target, wait_seconds, json_path)

    options = [tenant_option, by_option, token_option, note_option, wait_option, config_option, json_option]
    if action == "mute":
        options.insert(3, span_option)
    needed = takes != "anything"
    arguments = [click.argument("name", required=needed, metavar="ID" if needed else "[ID]")]
    if into is not None:
        arguments.append(click.argument("into", metavar=into))
    run.__doc__ = text
    decorated: Any = run
    for wrap in (*reversed(options), *reversed(arguments)):
        decorated = wrap(decorated)
    # the module's name is the command's
    return click.command()(decorated)


def _refuse_another_kind(takes: Takes, target: Target) -> None:
    kind = KINDS.get(type(target.value), "a tenant")
    # a yes to an alert calls the bench in, a no frees it
    if takes == (kind if kind != ALERT else "a proposal") or (takes == "anything" and kind != ALERT):
        return
    raise click.UsageError(f"{target.id} is {kind}, this takes the id of {takes}: {targets.FIX}")


def made(
    settings: Settings,
    action: Any,
    target: Target,
    by: str,
    note: str | None,
    span: timedelta | None = None,
    into: str | None = None,
) -> OperatorDecision:
    until = None if span is None else _now(settings, target) + span
    return OperatorDecision(
        decision_id=secrets.token_hex(10),
        tenant=target.tenant,
        # when the person decided, also where the tenant's own time is that of its events
        at=clock.now(),
        by=by,
        action=action,
        target=target.id,
        into=into,
        until=until,
        note=note,
    )


def _now(settings: Settings, target: Target) -> datetime:
    """The tenant's time: that of its events where its history is played."""
    played = settings.tenant(target.tenant).clock == "event"
    return target.value.at if played and isinstance(target.value, Incident) else clock.now()


def carry_out(
    settings: Settings, made: OperatorDecision, target: Target, wait_seconds: float, json_path: Path | None
) -> None:
    found = decide.carry_out(settings, made, SOURCE, wait_seconds)
    out = console()
    for line in lines(made, target, found.word, found.reason, found.said):
        out.print(line, soft_wrap=True)
    write_json(
        json_path,
        {
            "outcome": found.word,
            "reason": found.reason,
            "decision": msgspec.to_builtins(made),
            "answers": [msgspec.to_builtins(one) for one in found.said],
        },
    )
    if found.word != "done":
        sys.exit(REFUSED if found.word == "refused" else NO_ANSWER)


def lines(made: OperatorDecision, target: Target, outcome: str, why: str | None, said: list[Message]) -> list[Text]:
    """What became of a decision, for the person who made it."""
    if outcome == "refused":
        # the bulletin says who asked for what; here that is known
        short = (why or "").partition(f"{made.action} by {made.by}: ")[2] or why or ""
        return [Text.assemble(("Refused: ", "bold red"), short)]
    if outcome == "no-answer":
        text = "the decision is on the bus and counts as soon as a worker with role respond reads it. Is one running?"
        return [Text.assemble(("No answer yet: ", "bold yellow"), text)]
    head = Text.assemble(("Done. ", "bold green"), _done(made, target, said))
    return [head, *(line for one in said for line in describe(one))]


def _done(made: OperatorDecision, target: Target, said: list[Message]) -> str:
    if made.action == "kill":
        return _stopped(made, target)
    if made.action == "mute":
        until = [one.muted_until for one in said if isinstance(one, Incident) and one.muted_until]
        return f"It wakes nobody until {until[0]:%m-%d %H:%M:%S}Z." if until else "It wakes nobody while it is muted."
    if isinstance(target.value, StaffingAlert):
        people = "The people of the bench whom it asks for are"
        return f"{people} called in." if made.action == "approve" else f"{people} free again."
    return DONE[made.action].format(target=made.target, by=made.by, into=made.into)


def _stopped(made: OperatorDecision, target: Target) -> str:
    undo = f"`breakwater unkill {made.target}` lets it go on."
    match target.value:
        case Incident(phase="resolved"):
            whole = f"{made.target} is over, so everything of {made.tenant} is stopped"
            return f"{whole}: `breakwater unkill {made.tenant}` lets it go on."
        case Incident():
            return f"Nothing more is moved for {made.target}. {undo}"
        case LoadShiftCommand():
            way = f"{target.value.action} from {target.value.from_queue} to {target.value.to_queue}"
            return f"This incident uses {way} no more. {undo}"
        case _:
            return f"Nothing is moved for {made.tenant}, and what was moved goes back. {undo}"


DONE = {
    "approve": "{target} may be carried out now: it is on load-shift-commands.",
    "reject": "{target} is not carried out.",
    "acknowledge": "{by} has it: the pager is told, nobody is woken for it again.",
    "accept-new-normal": "What {target} gets now is taken for its usual from here on.",
    "unmute": "It may wake people again.",
    "unkill": "Load shifts of {target} are planned again.",
    "resolve": "{target} is over; what was moved goes back.",
    "merge": "{target} and {into} are one incident now; the younger one leads to the older.",
    "split": "What {into} shows is an incident of its own now.",
    "not-an-incident": "{target} was none; what was moved goes back.",
}
