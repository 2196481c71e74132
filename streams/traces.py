"""OpenTelemetry traces, off by default: one trace from the events that were read to the page that they caused.

Between processes the W3C trace context travels in the records' header `traceparent`. A step is noted when it is done,
and only where something came of it: a step that says nothing leaves no span. The libraries come with the extra `traces`
and are imported only where `traces.endpoint` is set.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Mapping
from typing import Any

from schemas.errors import BadConfig
from streams import clock
from streams.config import Traces, read_secret

HEADER = "traceparent"
SETTING = "traces.endpoint"
NANOSECONDS = 1_000_000_000
Attribute = str | int | float | bool

# the one tracer of this process, as there is one log; None: off
_tracer: Any = None


def check(section: Traces) -> None:
    """Raises BadConfig where traces could not be sent."""
    if section.endpoint is None:
        return
    if importlib.util.find_spec("opentelemetry.exporter") is None:
        raise BadConfig([(SETTING, "needs the extra `traces`: pip install 'breakwater[traces]'")])
    if not section.endpoint.startswith(("http://", "https://")):
        raise BadConfig(
            [(SETTING, f"must be an address such as http://collector:4318/v1/traces (got {section.endpoint!r})")]
        )
    if section.token_file is not None:
        read_secret(section.token_file)


def configure(section: Traces) -> None:
    """Begins to send spans in the background, where it is set. Raises BadConfig."""
    check(section)
    if section.endpoint is None:
        use(None)
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    token = {} if section.token_file is None else {"Authorization": f"Bearer {read_secret(section.token_file)}"}
    certificate = None if section.ca_file is None else str(section.ca_file)
    exporter = OTLPSpanExporter(section.endpoint, certificate, headers=token, timeout=section.deadline_seconds)
    use(BatchSpanProcessor(exporter), section.share)


def use(processor: Any, share: float = 1.0) -> None:
    """Spans go to this processor of the SDK (None: nowhere); of new traces only a `share` is kept."""
    global _tracer  # noqa: PLW0603
    if _tracer is not None:
        _tracer.span_processor.shutdown()  # what is still to be sent goes out
        _tracer = None
    if processor is None:
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(share)), resource=Resource({"service.name": "breakwater"})
    )
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("breakwater")


def began() -> int:
    """The moment at which a step that may be noted begins: nanoseconds since 1970, 0 while traces are off."""
    return 0 if _tracer is None else int(clock.now().timestamp() * NANOSECONDS)


def note(
    name: str, parent: str | None, since: int, about: Mapping[str, Attribute] | None = None, failed: str | None = None
) -> str | None:
    """A step from `since` until now as a span, within the trace of `parent` or a new one. Gives its trace context, for
    what it caused; None while traces are off."""
    if _tracer is None:
        return None
    from opentelemetry.trace import StatusCode, set_span_in_context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    context = propagator.extract({HEADER: parent} if parent else {})
    span = _tracer.start_span(name, context, start_time=since or None, attributes=dict(about or {}))
    if failed is not None:
        span.set_status(StatusCode.ERROR, failed)
    span.end()
    carrier: dict[str, str] = {}
    propagator.inject(carrier, set_span_in_context(span))
    return carrier.get(HEADER)


def parent_of(headers: Any) -> str | None:
    """The trace context that a record carries, by its headers (pairs, or a mapping)."""
    pairs: Iterable[tuple[str, Any]] = headers.items() if isinstance(headers, dict) else headers
    for name, text in pairs:
        if name == HEADER and text:
            return text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
    return None


def headers(trace: str | None) -> list[tuple[str, bytes]]:
    """What a record carries of it."""
    return [(HEADER, trace.encode())] if trace else []
