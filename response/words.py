"""The few words that messages are put together from, by language."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

CHANNELS: dict[str, dict[str, str]] = {
    "voice": {"en": "phone", "de": "Telefon"},
    "chat": {"en": "chat", "de": "Chat"},
    "email": {"en": "e-mail", "de": "E-Mail"},
    "social": {"en": "social media", "de": "soziale Medien"},
    "sms": {"en": "SMS", "de": "SMS"},
    "app": {"en": "our app", "de": "unsere App"},
    "web": {"en": "our website", "de": "unsere Website"},
}
AND = {"en": "and", "de": "und"}
AT = {"en": "at", "de": "in"}
SILENT = {"en": "silent", "de": "still"}
NOT_DELIVERED = {"en": "not delivered", "de": "ohne Daten"}
MEASURES: dict[str, dict[str, str]] = {
    "abandoned": {"en": "abandoned", "de": "Abbrüche"},
    "answered": {"en": "answered", "de": "angenommen"},
    "backlog": {"en": "backlog", "de": "Rückstand"},
    "escalated": {"en": "escalated", "de": "Eskalationen"},
    "negative": {"en": "complaints", "de": "Beschwerden"},
    "handle_seconds": {"en": "handle time", "de": "Bearbeitungszeit"},
    "wait_seconds": {"en": "wait", "de": "Wartezeit"},
}
TITLES: dict[str, dict[str, str]] = {
    "telephony": {"de": "Ausfall der Telefonie"},
    "chat-platform": {"de": "Ausfall der Chat-Plattform"},
    "crm": {"de": "Ausfall des CRM"},
    "e-mail": {"de": "Ausfall der E-Mail"},
    "wfm": {"de": "Ausfall der Personalplanung"},
    "routing": {"de": "Ausfall der Verteilung"},
    "power-or-site": {"de": "Strom- oder Standortausfall"},
    "demand-surge": {"de": "Ansturm"},
    "data-feed-lost": {"de": "Daten bleiben aus"},
    "unknown": {"de": "Etwas Ungewöhnliches"},
}
STATES: dict[str, dict[str, str]] = {
    "over": {"de": "vorbei"},
    "pending": {"de": "unbestätigt"},
    "open": {"de": "offen"},
    "easing": {"de": "abklingend"},
    "watching": {"de": "beobachtet"},
    "resolved": {"de": "behoben"},
    "critical": {"de": "kritisch"},
    "error": {"de": "schwer"},
    "warning": {"de": "Warnung"},
    "info": {"de": "Hinweis"},
}
ROLES: dict[str, dict[str, str]] = {
    "operations lead": {"de": "Einsatzleitung"},
    "real-time analyst": {"de": "Steuerung"},
    "team lead": {"de": "Teamleitung"},
    "telephony engineer": {"de": "Telefonietechnik"},
    "platform engineer": {"de": "Plattformtechnik"},
    "communications": {"de": "Kommunikation"},
}


def word(words: dict[str, dict[str, str]], name: str, language: str) -> str:
    """The word for `name`, or the name itself where there is none."""
    return words.get(name, {}).get(language, name)


def place(name: str, language: str) -> str:
    """`voice/orders` as people say it: the channel's word, the queue's own name."""
    channel, slash, queue = name.partition("/")
    return word(CHANNELS, channel, language) + slash + queue


def listed(channels: list[str], language: str) -> str:
    """chat, e-mail and our app."""
    words = [word(CHANNELS, name, language) for name in channels]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {AND.get(language, '&')} {words[-1]}"


def clock_time(moment: datetime, now: datetime, zone: ZoneInfo) -> str:
    """14:05, with the date where it is not today's; with UTC said, for there nobody's watch shows it."""
    local = moment.astimezone(zone)
    same_day = local.date() == now.astimezone(zone).date()
    text = local.strftime("%H:%M" if same_day else "%Y-%m-%d %H:%M")
    return f"{text} UTC" if zone.key == "UTC" else text
