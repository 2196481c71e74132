"""The Grafana dashboards, made by code: what compose mounts, what the chart ships, what `dashboards apply` sends."""

from __future__ import annotations

from typing import Any

from tools.dashboards import centre, incident, itself, tool_health


def boards() -> dict[str, dict[str, Any]]:
    """Each dashboard by the name of its file."""
    return {
        "contact-centre-now": centre.board(),
        "incident": incident.board(),
        "tool-health": tool_health.board(),
        "breakwater-itself": itself.board(),
    }
