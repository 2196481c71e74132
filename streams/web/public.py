"""What customers may read: approved messages alone, as a page without scripts and as JSON. Pure: time is an argument.

Nothing of the inside is said: no incident, no queue, no figure. A message is on it because its words were approved
beforehand, until it expires or a later one of the same incident takes its place.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime
from html import escape
from importlib import resources
from typing import Literal

import msgspec

from schemas.command import Bulletin
from streams.web import words
from streams.web.tenant import TenantBoard
from streams.web.view import Blind

FOR_CUSTOMERS = "customers"
RIGHT_TO_LEFT = {"ar", "he", "fa", "ur"}

WORDS: dict[str, dict[str, str]] = {
    "en": {
        "title": "Service status",
        "usual": "You can reach us as usual.",
        "disturbed": "We have a disturbance.",
        "as-of": "As of {at}",
        "next": "Next update by {at}",
        "blind": "We have had no news from our own systems since {at}. What you read here was known then.",
    },
    "de": {
        "title": "Servicestatus",
        "usual": "Sie erreichen uns wie gewohnt.",
        "disturbed": "Bei uns gibt es eine Störung.",
        "as-of": "Stand {at}",
        "next": "Nächste Nachricht bis {at}",
        "blind": "Seit {at} hören wir nichts von unseren eigenen Systemen. Hier steht, was bis dahin bekannt war.",
    },
    "es": {
        "title": "Estado del servicio",
        "usual": "Puede contactarnos como siempre.",
        "disturbed": "Tenemos una incidencia.",
        "as-of": "A las {at}",
        "next": "Próxima actualización antes de las {at}",
        "blind": "Desde las {at} no sabemos nada de nuestros propios sistemas. Aquí consta lo que se sabía entonces.",
    },
    "fr": {
        "title": "État du service",
        "usual": "Vous pouvez nous joindre comme d'habitude.",
        "disturbed": "Nous rencontrons une perturbation.",
        "as-of": "À {at}",
        "next": "Prochaine mise à jour avant {at}",
        "blind": "Depuis {at} nous sommes sans nouvelles de nos propres systèmes. Voici ce qui était connu alors.",
    },
}

STYLE = resources.files("streams.web").joinpath("static/public.css").read_text(encoding="utf-8")
STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


class PublicMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One approved message, newest of its incident in its language."""

    language: str
    text: str
    at: datetime
    next_update_at: datetime | None


class PublicStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`status.json`. `as_of` is when this was last known to be true; `blind_since` says that nothing is known since."""

    state: Literal["usual", "disturbed"]
    as_of: datetime
    time_zone: str
    languages: tuple[str, ...]
    messages: list[PublicMessage]
    blind_since: datetime | None = None


def status_of(board: TenantBoard, wall: datetime, blind: Blind | None) -> PublicStatus:
    """What customers may know of a tenant now."""
    now = board.now(wall)
    newest = _newest(one for one in board.bulletins.values() if one.audience == FOR_CUSTOMERS and one.approved)
    said = sorted((one for one in newest if one.expires_at > now), key=lambda one: (one.at, one.language), reverse=True)
    going = {key for key, one in board.incidents.items() if one.phase in ("open", "easing", "watching")}
    disturbed = any(one.incident_id in going for one in said)
    return PublicStatus(
        state="disturbed" if disturbed else "usual",
        as_of=(now if blind is None else blind.since or now).replace(second=0, microsecond=0),
        time_zone=str(board.zone),
        languages=board.centre.languages if board.centre else ("en",),
        messages=[
            PublicMessage(language=one.language, text=one.text, at=one.at, next_update_at=one.next_update_at)
            for one in said
        ],
        blind_since=blind.since if blind else None,
    )


def _newest(bulletins: Iterable[Bulletin]) -> list[Bulletin]:
    found: dict[tuple[str, str], Bulletin] = {}
    for one in bulletins:
        key = (one.incident_id, one.language)
        if key not in found or found[key].at <= one.at:
            found[key] = one
    return list(found.values())


def as_json(status: PublicStatus) -> bytes:
    return msgspec.json.format(msgspec.json.encode(status), indent=2) + b"\n"


def as_html(status: PublicStatus) -> str:
    """A whole page: no script, nothing from elsewhere; no refresh by itself, which would pull it from readers."""
    first = status.languages[0] if status.languages else "en"
    sections = "\n".join(_section(status, language) for language in status.languages or ("en",))
    return f"""<!doctype html>
<html lang="{escape(first)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(_words(first)["title"])}</title>
<style>{STYLE}</style>
</head>
<body>
<main class="{status.state}">
{sections}
</main>
</body>
</html>
"""


def _section(status: PublicStatus, language: str) -> str:
    say, level = _words(language), "h1" if language == status.languages[0] else "h2"
    about = f' lang="{escape(language)}"' + (' dir="rtl"' if language.split("-")[0] in RIGHT_TO_LEFT else "")
    lines = [f"<section{about}>", f"<{level}>{escape(say['title'])}</{level}>"]
    if status.blind_since is not None:
        lines.append(f'<p class="blind">{escape(say["blind"].format(at=_time(status, status.blind_since)))}</p>')
    lines.append(f'<p class="state">{escape(say[status.state])}</p>')
    for message in (one for one in status.messages if one.language == language):
        due = message.next_update_at if message.next_update_at and message.next_update_at > status.as_of else None
        more = f'<p class="soft">{escape(say["next"].format(at=_time(status, due)))}</p>' if due else ""
        lines.append(f"<article><p>{escape(message.text)}</p>{more}</article>")
    lines.append(f'<p class="soft">{escape(say["as-of"].format(at=_time(status, status.as_of)))}</p></section>')
    return "\n".join(lines)


def _words(language: str) -> dict[str, str]:
    """The words around the messages: those of the language, else English."""
    return WORDS.get(language.split("-")[0].lower(), WORDS["en"])


def _time(status: PublicStatus, at: datetime) -> str:
    zone = words.zone_of(status.time_zone)
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M} ({status.time_zone.replace('_', ' ')})"
