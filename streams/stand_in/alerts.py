"""Prometheus Alertmanager's API v2: alerts by their labels, each with its end."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from aiohttp import web

from streams import clock
from streams.stand_in._answers import Say, answer, read

LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
Identity = tuple[tuple[str, str], ...]


class Alerts:
    """What was posted, the newest of each identity."""

    def __init__(self, say: Say) -> None:
        self.posted: dict[Identity, dict[str, Any]] = {}
        self._say = say

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/api/v2/alerts", self._take)]

    def active(self, at: datetime | None = None) -> list[dict[str, Any]]:
        """Those that have not ended by then."""
        moment = at or clock.now()
        return [one for one in self.posted.values() if datetime.fromisoformat(one["endsAt"]) > moment]

    async def _take(self, request: web.Request) -> web.Response:
        alerts = read(await request.read())
        refused = refusal(alerts)
        if refused:
            return answer(400, refused)
        for alert in alerts:
            self.posted[tuple(sorted(alert["labels"].items()))] = alert
        self._say(f"alerts      {len(self.active())} active: {alerts[0]['annotations'].get('summary', '')}")
        return web.Response(status=200)


def refusal(alerts: Any) -> str | None:
    """Why Alertmanager would answer 400."""
    if not isinstance(alerts, list):
        return "parsing alerts body failed"
    for alert in alerts:
        labels = alert.get("labels", {})
        if not labels or not all(LABEL_NAME.fullmatch(name) for name in labels):
            return "at least one label pair required, each with a valid name"
        if datetime.fromisoformat(alert["endsAt"]) < datetime.fromisoformat(alert["startsAt"]):
            return "start time must be before end time"
    return None
