"""Every metric and log event once: name, kind, unit, meaning. Prefix `breakwater_`, base units, bounded labels."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)


def _counter(name: str, meaning: str, *labels: str) -> Counter:
    return Counter(f"breakwater_{name}", meaning, labels, registry=REGISTRY)


def _gauge(name: str, meaning: str, *labels: str) -> Gauge:
    return Gauge(f"breakwater_{name}", meaning, labels, registry=REGISTRY)


def _seconds(name: str, meaning: str, *labels: str) -> Histogram:
    buckets = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
    return Histogram(f"breakwater_{name}_seconds", meaning, labels, buckets=buckets, registry=REGISTRY)


# every stage
RECORDS_CONSUMED = _counter("records_consumed", "Records read, by topic", "topic")
RECORDS_PRODUCED = _counter("records_produced", "Records written and acknowledged, by topic", "topic")
DEAD_LETTERS = _counter("dead_letters", "Records that could not be read, by topic and reason", "topic", "reason")


def configure_logging(form: str) -> None:
    """One line a fact on standard error: `console` for people, `json` for programs."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    last: Any = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger(stage: str) -> Any:
    """A logger whose lines carry the stage (ingest, detect, respond, notify, web ...)."""
    return structlog.get_logger().bind(stage=stage)
