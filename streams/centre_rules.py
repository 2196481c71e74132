"""What must hold in a centre's model beyond the shape of its fields: names that meet, numbers that make sense."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import get_args, get_type_hints
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import msgspec

from detectors.calendar import CLOSED, DAY_TYPES, Hours
from response import messages
from response.actions import MAY_STAY
from response.drawer import members
from response.template import Messages
from schemas.base import QueueRef
from schemas.centre import (
    BenchPerson,
    Bot,
    CalendarDay,
    Centre,
    CentreChannel,
    CentreQueue,
    CriticalReason,
    Partner,
    Provider,
    Rota,
    Route,
    Team,
)
from streams.centre_file import Draft, nearest
from streams.config import Settings

Mistake = tuple[str, str]
ACTIONS: tuple[str, ...] = get_args(get_type_hints(Route)["action"])
# what is named once: the kind, where it stands, and the field that names it
NAMED: tuple[tuple[type[msgspec.Struct], str, str], ...] = (
    (BenchPerson, "bench[", "person"),
    (Partner, "partners[", "name"),
    (Team, "teams[", "name"),
    (CriticalReason, "critical[", "reason"),
)
NAME = re.compile(r"[A-Za-z0-9._-]+")


def mistakes(draft: Draft) -> list[Mistake]:
    """All that is wrong with a model, in the order of its paths' first mention; what could not be read comes first."""
    for rule in (_whole, _channels, _queues, _routes, _providers, _calendar, _hours, _on_call, _people):
        for path, text in rule(draft):
            draft.mistakes.setdefault(path, text)
    return list(draft.mistakes.items())


def notes(centre: Centre, settings: Settings) -> list[str]:
    """What is allowed, but may not be meant."""
    return [*_notes(centre, settings)]


def languages() -> tuple[str, ...]:
    """Those that there are messages in."""
    every = members(messages, Messages).values()
    return tuple(sorted({template.language for one in every for template in one.templates}))


def _whole(draft: Draft) -> Iterator[Mistake]:
    for _, centre in draft.of(Centre, ""):
        if "|" in centre.tenant:
            yield "tenant", "must hold no |, which parts a record's key"
        yield from _time_zone(centre.time_zone)
        for action in centre.modes:
            if action not in ACTIONS:
                yield f"modes.{action}", f"is no action of a route{nearest(action, ACTIONS)}"
        if centre.shrinkage >= 1:
            yield "shrinkage", "must be below 1: nobody would be left to answer"
        if not centre.languages:
            yield "languages", f"names none: messages are there in {', '.join(languages())}"
        for n, language in enumerate(centre.languages):
            if language not in languages():
                yield f"languages[{n}]", f"there are no messages in {language!r}{nearest(language, languages())}"
        if centre.status_page and not _is_address(centre.status_page):
            yield "status_page", "must be an address that begins with https:// or http://"


def _time_zone(name: str) -> Iterator[Mistake]:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "time_zone", f"{name!r} is no zone of the IANA list (Europe/Berlin){nearest(name, available_timezones())}"


def _is_address(text: str) -> bool:
    try:
        address = urlsplit(text)
        return address.scheme in ("https", "http") and bool(address.hostname)
    except ValueError:
        return False


def _channels(draft: Draft) -> Iterator[Mistake]:
    for path, channel in draft.of(CentreChannel, "channels."):
        if not NAME.fullmatch(path.removeprefix("channels.")):
            yield path, "a channel is part of a topic's name: letters, digits, dot, underscore and hyphen alone"
        if channel.occupancy_max <= 0:
            yield f"{path}.occupancy_max", "must be above 0: nobody could take a contact"


def _queues(draft: Draft) -> Iterator[Mistake]:
    seen: dict[QueueRef, str] = {}
    for path, queue in draft.of(CentreQueue, "queues["):
        if queue.at in seen:
            yield f"{path}.at", f"{queue.at} stands at {seen[queue.at]} already"
        seen.setdefault(queue.at, path)
        yield from _known_channel(draft, f"{path}.at", queue.at.channel)
        # without a plan the floor is held against what the workforce feed says
        if queue.agents and queue.floor_agents > queue.agents:
            text = f"{queue.floor_agents} is above agents ({queue.agents}): the queue could never help another"
            yield f"{path}.floor_agents", text


def _known_channel(draft: Draft, path: str, channel: str) -> Iterator[Mistake]:
    known = {name.removeprefix("channels.") for name, _ in draft.of(CentreChannel, "channels.")}
    if channel not in known:
        yield path, f"channel {channel} is not under `channels`{nearest(channel, known)}"


def _routes(draft: Draft) -> Iterator[Mistake]:
    queues = {at for _, at in draft.of(QueueRef, "queues[")}
    for path, at in draft.of(QueueRef, "routes["):
        if not _is_staffed(at, queues):
            yield path, f"{at} is not under `queues`{nearest(str(at), map(str, queues))}"
    seen: dict[tuple[str, QueueRef, QueueRef], str] = {}
    for path, route in draft.of(Route, "routes["):
        if route.action not in MAY_STAY and _overlap(route):
            text = f"{route.from_queue} to {route.to_queue} moves nothing away: name another queue"
            yield f"{path}.to_queue", text
        way = (route.action, route.from_queue, route.to_queue)
        if way in seen:
            yield path, f"is the same as {seen[way]}: {route.action} from {route.from_queue} to {route.to_queue}"
        seen.setdefault(way, path)
        if route.share_max <= 0:
            yield f"{path}.share_max", "must be above 0: a route that may move nothing is left out"


def _people(draft: Draft) -> Iterator[Mistake]:
    """Bench, bots, partners, teams and critical reasons: who is named once, and places that there are."""
    places = {at for _, at in draft.of(QueueRef, "queues[")}
    for kind, under, name in NAMED:
        seen: dict[str, str] = {}
        for path, part in draft.of(kind, under):
            said = getattr(part, name)
            if said in seen:
                yield f"{path}.{name}", f"{said} stands at {seen[said]} already"
            seen.setdefault(said, path)
    for under in ("bench[", "partners[", "teams[", "critical["):
        for path, at in draft.of(QueueRef, under):
            if not _is_staffed(at, places):
                yield path, f"{at} is not under `queues`{nearest(str(at), map(str, places))}"
    providers = {provider.name for _, provider in draft.of(Provider, "providers[")}
    critical = {one.reason for _, one in draft.of(CriticalReason, "critical[")}
    for path, route in draft.of(Route, "routes["):
        if route.provider is not None and route.provider not in providers:
            yield f"{path}.provider", f"{route.provider} is not under `providers`{nearest(route.provider, providers)}"
        for n, reason in enumerate(route.reasons):
            if reason not in critical:
                yield f"{path}.reasons[{n}]", f"{reason} is not under `critical`{nearest(reason, critical)}"
    for path, bot in draft.of(Bot, "bots["):
        if bot.containment_floor > bot.containment_usual:
            yield f"{path}.containment_floor", "is above what is usual: bot mode would end as it begins"


def _is_staffed(at: QueueRef, queues: set[QueueRef]) -> bool:
    return at in queues or (at.queue is None and any(queue.channel == at.channel for queue in queues))


def _overlap(route: Route) -> bool:
    ends = (route.from_queue, route.to_queue)
    same_channel = ends[0].channel == ends[1].channel
    return same_channel and (ends[0].queue == ends[1].queue or None in (ends[0].queue, ends[1].queue))


def _providers(draft: Draft) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for path, provider in draft.of(Provider, "providers["):
        if provider.name in seen:
            yield f"{path}.name", f"{provider.name} stands at {seen[provider.name]} already"
        seen.setdefault(provider.name, path)
        for n, channel in enumerate(provider.channels):
            yield from _known_channel(draft, f"{path}.channels[{n}]", channel)


def _calendar(draft: Draft) -> Iterator[Mistake]:
    seen: dict[tuple[str, tuple[str, ...]], str] = {}
    for path, day in draft.of(CalendarDay, "calendar["):
        for field, text in (("date", day.date), ("until", day.until or day.date)):
            if not _is_date(text):
                yield f"{path}.{field}", f"{text!r} is no date: 2026-12-25"
        if day.until is not None and day.until < day.date:
            yield f"{path}.until", f"{day.until} is before {day.date}"
        place = (day.date, tuple(sorted(day.channels)))
        if place in seen:
            yield f"{path}.date", f"{day.date} stands at {seen[place]} already"
        seen.setdefault(place, path)
        for n, channel in enumerate(day.channels):
            yield from _known_channel(draft, f"{path}.channels[{n}]", channel)


def _hours(draft: Draft) -> Iterator[Mistake]:
    places = [(path, channel.opening_hours) for path, channel in draft.of(CentreChannel, "channels.")]
    places += [(path, queue.opening_hours) for path, queue in draft.of(CentreQueue, "queues[")]
    for path, lines in places:
        for days, times in lines.items():
            try:
                Hours({days: times})
            except ValueError as error:
                yield f"{path}.opening_hours.{days}", str(error)


def _on_call(draft: Draft) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    before = 0
    for path, rota in draft.of(Rota, "on_call["):
        if rota.name in seen:
            yield f"{path}.name", f"{rota.name} stands at {seen[rota.name]} already"
        seen.setdefault(rota.name, path)
        if rota.after_seconds < before:
            yield (
                f"{path}.after_seconds",
                f"is before that of the rota above ({before}): who is asked first stands first",
            )
        before = max(before, rota.after_seconds)
        if not rota.duties:
            yield f"{path}.duties", "names nobody: who is on it, and when?"
        if rota.time_zone is not None:
            for _, text in _time_zone(rota.time_zone):
                yield f"{path}.time_zone", text


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _notes(centre: Centre, settings: Settings) -> Iterator[str]:
    for name in sorted(set(centre.channels) - set(settings.channels)):
        yield f"channel {name}: the settings read no contacts of this channel: add it to their `channels`"
    if not centre.routes:
        yield "routes: there are none, so nothing is ever moved; alerts and messages still go out"
    used = {route.action for route in centre.routes}
    for action in sorted(set(centre.modes) - used):
        yield f"mode of {action}: no route has this action"
    for day in centre.calendar:
        if day.day_type.lower() not in (*DAY_TYPES, "special", CLOSED):
            text = f"{day.day_type} has no season of its own, its weekday's is taken with a wider band"
            yield f"calendar {day.date}: {text}{nearest(day.day_type, DAY_TYPES)}"
