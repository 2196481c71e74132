"""Approved messages with blanks: what a file in `messages/` provides, what is wrong with one, and filling them.

A message says what happened and since when, what works now, when the next update comes, and to customers that we are
sorry. Nothing unapproved, unfilled or vague leaves the desk.
"""

from __future__ import annotations

import re
from functools import cache
from string import Formatter
from typing import Literal

import msgspec

from response import drawer, messages

Audience = Literal["agents", "supervisors", "customers", "social", "sms", "status-page"]
Stage = Literal["open", "over"]
# those who are told of every incident; text messages go only to whom `response.sms` finds
AUDIENCES: tuple[Audience, ...] = ("agents", "supervisors", "customers", "social", "status-page")
OUTSIDE = frozenset({"customers", "social", "sms", "status-page"})
BLANKS = frozenset({"since", "works", "next_update", "symptoms", "steps", "status_page", "channels", "place", "ends"})
CHARACTERS_MAX = {"social": 280, "sms": 160}
APOLOGIES = {"en": ("sorry", "apologise"), "de": ("leid", "entschuldig")}
UNMEASURED = {"en": "not measured", "de": "nicht gemessen"}
VAGUE = {
    "en": ("as soon as possible", "technical difficulties", "some customers", "shortly", "we are aware"),
    "de": ("so bald wie möglich", "schnellstmöglich", "technische schwierigkeiten", "einige kunden", "in kürze"),
}


class Unsendable(Exception):
    """A template that may not be sent as it is; `str` says why."""


class Approval(msgspec.Struct, frozen=True):
    """Who approved a text, and when."""

    by: str
    on: str


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one audience in one language. `approved` None: a draft, which is never sent."""

    audience: Audience
    language: str
    version: int
    text: str
    stage: Stage = "open"
    approved: Approval | None = None


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """All templates of one kind of incident."""

    templates: tuple[Template, ...]

    def of(self, audience: Audience, language: str, stage: Stage) -> Template | None:
        """The newest version."""
        fit = [t for t in self.templates if (t.audience, t.language, t.stage) == (audience, language, stage)]
        return max(fit, key=lambda template: template.version, default=None)


def written(
    stage: Stage, approved: Approval, texts: dict[Audience, dict[str, str]], version: int = 1
) -> tuple[Template, ...]:
    """The templates of one stage, approved together: by audience and language, their texts."""
    return tuple(
        Template(audience=audience, language=language, version=version, text=text, stage=stage, approved=approved)
        for audience, by_language in texts.items()
        for language, text in by_language.items()
    )


@cache
def messages_of(name: str) -> Messages:
    """The messages of the file `name`."""
    return drawer.members(messages, Messages)[name]


def blanks(template: Template) -> set[str]:
    """The names of what has to be filled in. Raises ValueError where braces do not match."""
    return {name for _, name, _, _ in Formatter().parse(template.text) if name is not None}


def lint(template: Template) -> list[str]:
    """All that is wrong with a template, as sentences; none if it is fit to be approved."""
    try:
        asks = blanks(template)
    except ValueError as error:
        return [f"cannot be read: {error}"]
    text, wrong = template.text.lower(), [f"unknown blank {{{name}}}" for name in sorted(asks - BLANKS)]
    for phrase in VAGUE.get(template.language, ()):
        if phrase in text:
            wrong.append(f"is vague: {phrase!r}")
    outside = template.audience in OUTSIDE
    if outside and not any(word in text for word in APOLOGIES.get(template.language, ())):
        wrong.append("does not say sorry")
    if template.stage == "open":
        needed = {"since", "next_update"} | ({"works"} if outside else set())
        wrong += [f"does not say {{{name}}}" for name in sorted(needed - asks)]
        if template.audience == "agents" and UNMEASURED.get(template.language, "") not in text:
            wrong.append("does not say that agents are not measured to their usual handle time")
        if template.audience == "supervisors" and "steps" not in asks:
            wrong.append("does not say {steps}")
    return wrong


def fill(template: Template, values: dict[str, str]) -> str:
    """The text to send. Raises Unsendable for a draft, a template that lint refuses, or a blank without a value."""
    if template.approved is None:
        raise Unsendable("it was never approved")
    wrong = lint(template)
    if wrong:
        raise Unsendable("; ".join(wrong))
    empty = sorted(name for name in blanks(template) if not values.get(name, "").strip())
    if empty:
        raise Unsendable(f"nothing to fill in for {', '.join(empty)}")
    text = template.text.format_map(values)
    most = CHARACTERS_MAX.get(template.audience)
    if most is not None and len(text) > most:
        raise Unsendable(f"{len(text)} characters, {template.audience} takes {most}")
    return re.sub(r"[ \t]+\n", "\n", text).strip()
