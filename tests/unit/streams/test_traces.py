"""Traces: off they cost nothing and are nowhere; on, what one step caused belongs to its trace."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from notice_examples import incident, resolved

from schemas import codec, topics
from schemas.base import Origin
from schemas.errors import BadConfig
from schemas.fold import Output
from schemas.incident import Incident
from schemas.tick import Tick
from streams import config, traces
from streams.bus import outgoing
from streams.config import Traces
from streams.defects import Defects
from streams.faust_handler import Arrival, FoldHandler, FoldRole
from streams.notify.role import Notifier
from streams.state import Source, StateLog
from tests.fake_bus import FakeBus

sdk = pytest.importorskip("opentelemetry.sdk.trace.export", reason="the extra `traces` is not installed")
MOMENT = datetime(2026, 3, 3, 14, 2, tzinfo=UTC)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Copying:
    """Says the incident that it is told of, and nothing at a tick."""

    def step(self, record: Any, origin: Origin) -> list[Output]:
        del origin
        if isinstance(record, Tick):
            return []
        return [Output(topic=topics.INCIDENTS, key="acme", value=record, id=str(record.revision), time=MOMENT)]

    def changes(self) -> dict[str, bytes | None]:
        return {}

    def restore(self, entries: Any) -> None:
        del entries


@pytest.fixture
def spans() -> Iterator[Any]:
    """What was sent, as it was sent."""
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    traces.use(sdk.SimpleSpanProcessor(exporter))
    yield exporter
    traces.use(None)


def test_off_nothing_is_noted_carried_or_imported() -> None:
    assert traces.began() == 0
    assert traces.note("ingest panes", PARENT, 0) is None
    assert traces.headers(None) == []
    output = Output(topic=topics.INCIDENTS, key="k", value=incident(), id="i", time=MOMENT)
    assert "traceparent" not in dict(outgoing(output, "respond").headers)


def test_the_worker_loads_no_tracing_library_unless_it_is_set() -> None:
    script = "import streams.app, streams.cli.worker, sys; print(any('opentelemetry' in name for name in sys.modules))"

    async def run() -> bytes:
        child = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
        return (await child.communicate())[0]

    assert asyncio.run(run()).strip() == b"False"


def test_a_step_is_a_child_of_what_caused_it_and_a_first_one_begins_a_trace(spans: Any) -> None:
    first = traces.note("ingest panes", None, traces.began())
    second = traces.note("detect step", first, traces.began(), {"topic": "queue-panes"})
    failed = traces.note("tell pagerduty", second, traces.began(), failed="503")

    assert first and second and failed
    assert first[3:35] == second[3:35] == failed[3:35]
    one, two, three = spans.get_finished_spans()
    assert (one.parent, two.parent.span_id, three.parent.span_id) == (None, one.context.span_id, two.context.span_id)
    assert two.attributes["topic"] == "queue-panes"
    assert three.status.description == "503"
    assert one.end_time >= one.start_time > 0


@pytest.mark.parametrize("rubbish", ["", "00-0-0-01", "x" * 10_000, "00-" + "0" * 32 + "-b7ad6b7169203331-01"])
def test_a_trace_context_that_is_none_begins_a_new_trace(spans: Any, rubbish: str) -> None:
    noted = traces.note("detect step", rubbish, traces.began())

    assert noted is not None
    assert spans.get_finished_spans()[0].parent is None


def test_of_new_traces_only_a_share_is_kept_and_all_steps_agree_which() -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    traces.use(sdk.SimpleSpanProcessor(exporter), 0.0)
    try:
        first = traces.note("ingest panes", None, traces.began())
        traces.note("detect step", first, traces.began())
        assert exporter.get_finished_spans() == ()
        traces.note("detect step", PARENT, traces.began())  # somebody before us keeps it
        assert len(exporter.get_finished_spans()) == 1
    finally:
        traces.use(None)


def test_one_trace_leads_from_the_record_to_the_page(spans: Any, tmp_path: Path) -> None:
    asyncio.run(record_to_page(tmp_path))

    by_name = {span.name: span for span in spans.get_finished_spans()}
    assert set(by_name) == {"respond step", "tell file"}  # nothing of the tick
    step, told = by_name["respond step"], by_name["tell file"]
    assert f"{step.context.trace_id:032x}" == PARENT[3:35]
    assert f"{step.parent.span_id:016x}" == PARENT[36:52]
    assert told.parent.span_id == step.context.span_id
    assert told.attributes["subject"] == incident().incident_id
    (line,) = (tmp_path / "notices.jsonl").read_text().splitlines()
    assert f'"traceparent":"00-{PARENT[3:35]}-{step.context.span_id:016x}-01"' in line


async def record_to_page(folder: Path) -> None:
    bus: Any = FakeBus()
    role = FoldRole("respond", (topics.DESK,), topics.RESPOND_STATE, decoded, Copying)
    handler = FoldHandler(
        role, bus, StateLog(bus, role.state), Defects(bus, "group"), owns=lambda _: True, end=lambda: None
    )
    handler.assigned([Source("desk", 0)])
    tick = Tick(tenant="acme", at=MOMENT, read_to=MOMENT, complete_to=MOMENT)
    arrivals = [
        Arrival("desk", 0, n, b"acme", codec.encode(value), [("traceparent", PARENT.encode())], MOMENT)
        for n, value in enumerate([tick, incident()])
    ]
    await handler.apply(arrivals)
    (said,) = bus.logs[("incidents", 0)]

    async def record(_: Output) -> None: ...

    settings = config.load(environment={}, notify={"file": {"path": folder / "notices.jsonl"}})
    notifier = Notifier(settings, record, end=lambda: None)
    await notifier.start()
    await notifier.apply([Arrival("incidents", 0, 0, said.key, said.value, said.headers, MOMENT)])
    async with asyncio.timeout(10):
        while not (folder / "notices.jsonl").read_text():  # noqa: ASYNC110  # another thread writes it
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.1)
    await notifier.stop()


def decoded(arrival: Arrival) -> Any:
    return codec.decode(Incident | Tick, arrival.value)  # type: ignore[arg-type]  # a union


def test_what_cannot_be_sent_anywhere_is_said_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadConfig, match=r"traces\.endpoint: must be an address"):
        traces.configure(Traces(endpoint="collector:4318"))
    with pytest.raises(BadConfig, match="secret cannot be read"):
        traces.configure(Traces(endpoint="http://c:4318/v1/traces", token_file=tmp_path / "none"))
    monkeypatch.setattr(traces.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(BadConfig, match="needs the extra `traces`"):
        traces.configure(Traces(endpoint="http://c:4318/v1/traces"))
    assert traces.note("step", None, 0) is None


def test_the_context_travels_in_the_headers_of_a_record() -> None:
    output = Output(topic=topics.INCIDENTS, key="k", value=resolved(), id="i", time=MOMENT)

    assert traces.parent_of(outgoing(output, "respond", PARENT).headers) == PARENT
    assert traces.parent_of({"traceparent": PARENT}) == PARENT
    assert traces.parent_of([("ce_id", b"1")]) is None
