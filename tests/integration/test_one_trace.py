"""A whole worker with traces on: from contact events over panes to the desk, and from the desk to a page.

The outage itself is scripted on the desk, since detection takes days of history to know one; its records carry the
trace that detection gave to what it wrote there.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from schemas import codec, topics
from schemas.contact import ContactEvent
from streams import traces
from streams.bus import Bus, Outgoing
from streams.config import Settings
from tests.desk_builder import START, centre, entries, telephony_outage
from tests.recorded import records
from tests.running_worker import Running

pytest.importorskip("opentelemetry.exporter.otlp", reason="the extra `traces` is not installed")


class Collector:
    """Takes spans by OTLP/HTTP and events by webhook."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.events: list[Any] = []
        self.tokens: set[str] = set()

    def take(self, path: str, body: bytes, token: str) -> None:
        if path == "/webhook":
            self.events.append(orjson.loads(body))
            return
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        self.tokens.add(token)
        request = ExportTraceServiceRequest.FromString(body)
        self.spans += [span for one in request.resource_spans for scope in one.scope_spans for span in scope.spans]

    def named(self, name: str) -> dict[bytes, Any]:
        return {span.span_id: span for span in self.spans if span.name == name}


@contextmanager
def listening(collector: Collector) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(self.path, body, self.headers.get("Authorization", ""))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(settings: Settings, outgoing: list[Outgoing]) -> None:
    async def run() -> None:
        bus = Bus(settings)
        await bus.start()
        for first in range(0, len(outgoing), 50):
            await bus.send(outgoing[first : first + 50])
        await bus.stop()

    asyncio.run(run())


def contacts() -> list[Outgoing]:
    """A minute of a source that says how far it is, so that panes close."""
    at = datetime.now(UTC) - timedelta(minutes=2)
    events = [
        ContactEvent(
            type="heartbeat" if n % 2 else "offered",
            occurred_at=at + timedelta(seconds=n),
            source="acd",
            event_id=f"e{n}",
            tenant="acme",
            channel="voice",
            queue="billing",
        )
        for n in range(90)
    ]
    return [Outgoing("contact-events.voice", b"acme|billing", codec.encode(event), (), 0) for event in events]


def outage(trace: str) -> list[Outgoing]:
    found = []
    for n, (entry, _) in enumerate(entries([centre(), *telephony_outage()])):
        headers = codec.headers(entry, id=str(n), source="breakwater/test", time=START) + traces.headers(trace)
        found.append(Outgoing(topics.DESK.name, entry.tenant.encode(), codec.encode(entry), headers))
    return found


def await_that(reached: Callable[[], Any], worker: Running, seconds: float = 90) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := reached()):
        assert time.monotonic() < deadline, worker.log()[-3000:]
        time.sleep(0.3)
    return found


def contexts(settings: Settings, topic: topics.Topic) -> list[str]:
    return [trace for one in records(settings, topic) if (trace := traces.parent_of(one.headers))]


def test_a_page_leads_back_to_the_events_that_were_read(kafka: Any, settings_for: Any, tmp_path: Any) -> None:
    collector = Collector()
    (tmp_path / "token").write_text("collector-token")
    with listening(collector) as address:
        settings = settings_for(
            kafka,
            traces={"endpoint": f"{address}/v1/traces", "token_file": str(tmp_path / "token")},
            notify={"webhook": {"url": f"{address}/webhook"}},
        )
        worker = Running(settings, tmp_path / "worker", "--role", "all")
        try:
            worker.ready()
            send(settings, contacts())
            on_desk = await_that(lambda: contexts(settings, topics.DESK), worker)[0]
            assert on_desk[:35] in {trace[:35] for trace in contexts(settings, topics.QUEUE_PANES)}
            send(settings, outage(on_desk))
            event = await_that(lambda: collector.events, worker)[0]
            worker.child.terminate()  # what is still to be sent goes out
            assert worker.child.wait(20) == 0
        finally:
            worker.stop()

    assert event["type"] == "breakwater.incident.v1"
    trace_id = bytes.fromhex(event["traceparent"][3:35])
    assert trace_id.hex() == on_desk[3:35]
    (told,) = [span for span in collector.named("tell webhook").values() if span.attributes and told_of(span, event)]
    lineage = [told]
    every = {span.span_id: span for span in collector.spans}
    while lineage[-1].parent_span_id:
        lineage.append(every[lineage[-1].parent_span_id])
    assert [span.name for span in lineage] == ["tell webhook", "respond step", "detect step", "ingest panes"]
    assert {span.trace_id for span in lineage} == {trace_id}
    assert collector.tokens == {"Bearer collector-token"}


def told_of(span: Any, event: Any) -> bool:
    about = {pair.key: pair.value.string_value for pair in span.attributes}
    return about == {"what": event["what"], "subject": event["subject"]}
