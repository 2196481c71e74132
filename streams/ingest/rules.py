"""What the settings mean to the ingest: how panes are counted, and how librdkafka reads."""

from __future__ import annotations

from typing import Any

from detectors.panes import PaneRules
from streams import broker
from streams.config import Settings


def pane_rules(settings: Settings, channel: str) -> PaneRules:
    limits, how = settings.ingest, settings.channels[channel]
    return PaneRules(
        pane_seconds=how.pane_seconds,
        lateness_seconds=how.lateness_seconds,
        idle_close_seconds=how.idle_close_seconds,
        unknown_after_seconds=how.unknown_after_seconds,
        future_limit_seconds=how.future_limit_seconds,
        silence=how.silence,
        event_clock=frozenset(name for name, tenant in settings.tenants.items() if tenant.clock == "event"),
        names_a_map_max=limits.names_a_map_max,
        queues_a_pane_max=limits.queues_a_pane_max,
        tenants_a_partition_max=limits.tenants_a_partition_max,
        record_bytes_max=limits.record_bytes_max,
    )


def consumer_settings(settings: Settings) -> dict[str, Any]:
    """A group member that fetches far ahead: with librdkafka's defaults it stalls for a second whenever its queue is
    full."""
    return {
        **broker.confluent_group_settings(settings, "ingest"),
        "enable.partition.eof": True,
        "fetch.queue.backoff.ms": 5,
        "queued.min.messages": 1_000_000,
        "queued.max.messages.kbytes": 65_536,
        "log_level": 0,
    }
