"""What the folds said can be read from the metrics."""

from __future__ import annotations

from pathlib import Path

import msgspec

from schemas import codec, documents
from streams import telemetry
from streams.gauges import Gauges

EXAMPLES = Path(__file__).parents[3] / "schemas/examples"


def example(kind: str) -> object:
    return codec.decode(documents.BY_KIND[kind], (EXAMPLES / f"{kind}.v1.json").read_bytes())


def value(name: str, **labels: str) -> float | None:
    return telemetry.REGISTRY.get_sample_value(f"breakwater_{name}", labels)


def desk(body: object) -> object:
    entry = example("desk-entry")
    return type(entry)(tenant=entry.tenant, origin=entry.origin, body=body)  # type: ignore[attr-defined]


def test_a_channels_load_is_shown_per_minute_and_a_queues_is_not() -> None:
    load = example("load")
    whole = msgspec.structs.replace(load.loads[0], at=type(load.loads[0].at)(channel="chat"), known_seconds=30.0)  # type: ignore[attr-defined]
    Gauges().observe(desk(msgspec.structs.replace(load, loads=[load.loads[0], whole])))  # type: ignore[attr-defined]
    assert value("arrivals_per_minute", tenant="northwind", channel="chat") == 76
    assert value("expected_high_arrivals_per_minute", tenant="northwind", channel="chat") == 34
    assert value("backlog_contacts", tenant="northwind", channel="chat") == 26


def test_an_incident_is_counted_in_its_phase_and_leaves_when_resolved() -> None:
    gauges, incident = Gauges(), example("incident")
    gauges.observe(incident)
    assert value("incidents_open", tenant="northwind", phase="open") == 1
    gauges.observe(msgspec.structs.replace(incident, phase="easing"))
    assert value("incidents_open", tenant="northwind", phase="open") == 0
    assert value("incidents_open", tenant="northwind", phase="easing") == 1
    gauges.observe(msgspec.structs.replace(incident, phase="resolved"))
    assert value("incidents_open", tenant="northwind", phase="easing") == 0


def test_missing_agents_are_added_over_a_channels_queues_and_closed_alerts_count_nothing() -> None:
    gauges, alert = Gauges(), example("staffing-alert")
    gauges.observe(alert)
    assert value("agents_short", tenant="northwind", channel="chat") == 34
    gauges.observe(msgspec.structs.replace(alert, state="closed"))
    assert value("agents_short", tenant="northwind", channel="chat") == 0


def test_signals_and_commands_are_counted_by_kind() -> None:
    before = value("signals_total", signal_kind="surge", state="opened") or 0
    gauges = Gauges()
    gauges.observe(desk(example("signal")))
    gauges.observe(example("load-shift-command"))
    assert value("signals_total", signal_kind="surge", state="opened") == before + 1
    assert value("load_shift_commands_total", action="deflect", mode="auto") is not None
