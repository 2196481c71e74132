"""Times as people type them: `90s`, `30m`, `2h`, `7d` ago, or an ISO 8601 time (UTC unless it says its zone); spans."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from streams import clock
from streams.feed import Window

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Since(click.ParamType):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        ago = re.fullmatch(r"(\d+)([smhd])", value.strip())
        try:
            if ago:
                return clock.now() - timedelta(**{UNITS[ago[2]]: int(ago[1])})
            moment = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time: 30m, 2h, or 2026-11-24T14:02:00Z", param, ctx)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Span(click.ParamType):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        found = re.fullmatch(r"([1-9]\d{0,4})([smhd])", value.strip())
        if found is None:
            self.fail(f"{value!r} is no time: 90s, 30m, 2h, 7d", param, ctx)
        return timedelta(**{UNITS[found[2]]: int(found[1])})


def moment(option: str, text: str | None, zone: ZoneInfo | None) -> datetime | None:
    """An ISO 8601 time; without an offset it is in `zone`, without that, too, in this machine's own."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no ISO 8601 time, such as 2026-01-20", param_hint=option) from None
    return found if found.tzinfo else found.replace(tzinfo=zone) if zone else found.astimezone()


def window(since: str | None, before: str | None, zone: ZoneInfo | None = None) -> Window:
    """What `--from` and `--to` say. Raises BadParameter where the end is not after the beginning."""
    found = moment("--from", since, zone), moment("--to", before, zone)
    if found[0] is not None and found[1] is not None and found[0] >= found[1]:
        raise click.BadParameter(f"{before} is not after --from {since}", param_hint="--to")
    return found


SINCE = Since()
SPAN = Span()
