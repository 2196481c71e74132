"""Times as people type them: `90s`, `30m`, `2h`, `7d` ago, or an ISO 8601 time (UTC unless it says its zone); spans."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from streams import clock

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


SINCE = Since()
SPAN = Span()
