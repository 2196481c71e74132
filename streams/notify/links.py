"""Addresses that lead a woken person to the incident: its card, its dashboard, its playbook. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self
from urllib.parse import quote, urlencode

import msgspec

from schemas.command import LoadShiftCommand, StaffingAlert
from schemas.incident import Incident
from streams.config import Notify

INCIDENT_DASHBOARD = "/d/breakwater-incident"
BEFORE = timedelta(minutes=30)


class Link(msgspec.Struct, frozen=True):
    """An address and what is behind it."""

    text: str
    href: str


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Where a site's pages lie; what is None is not linked."""

    status_url: str | None = None
    dashboard_url: str | None = None
    playbook_url: str | None = None

    @classmethod
    def of(cls, notify: Notify) -> Self:
        """From the settings; without one of its own the dashboard is where `breakwater dashboards apply` puts it."""
        dashboard = notify.dashboard_url
        if dashboard is None and notify.grafana is not None:
            dashboard = notify.grafana.url.rstrip("/") + INCIDENT_DASHBOARD
        return cls(status_url=notify.status_url, dashboard_url=dashboard, playbook_url=notify.playbook_url)

    def status(self, tenant: str, incident_id: str | None = None) -> str | None:
        """The tenant's status page, at the incident."""
        if not self.status_url:
            return None
        anchor = f"#incident-{quote(incident_id, safe='')}" if incident_id else ""
        return f"{self.status_url.rstrip('/')}/?{urlencode({'tenant': tenant})}{anchor}"

    def dashboard(self, incident: Incident) -> str | None:
        """The incident's dashboard, from half an hour before its onset."""
        if not self.dashboard_url:
            return None
        ends = "now" if incident.resolved_at is None else _milliseconds(incident.resolved_at + BEFORE)
        query = {"from": _milliseconds(incident.onset - BEFORE), "to": ends}
        query |= {"var-tenant": incident.tenant, "var-incident": incident.incident_id}
        return f"{self.dashboard_url}?{urlencode(query)}"

    def playbook(self, incident: Incident) -> str | None:
        """The playbook's page: its name behind the address of them all."""
        if not self.playbook_url or not incident.playbook:
            return None
        return f"{self.playbook_url.rstrip('/')}/{quote(incident.playbook, safe='')}"

    def about(self, subject: Incident | StaffingAlert | LoadShiftCommand) -> list[Link]:
        """All that there are, the most useful first."""
        page = Link("Status page: timeline, evidence, plan", self.status(subject.tenant, subject.incident_id) or "")
        found = [page]
        if isinstance(subject, Incident):
            found.append(Link("Dashboard", self.dashboard(subject) or ""))
            found.append(Link("Playbook", self.playbook(subject) or ""))
        return [link for link in found if link.href]


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
