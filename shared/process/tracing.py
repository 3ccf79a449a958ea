"""Traces by OpenTelemetry, where an endpoint is set; without one nothing of it is imported and nothing costs anything.

Ids are computed and not carried: the trace of a push follows from its event's id and a span from what it is about. So
every process names the same parent, also one that starts after a crash, and a run's span can be sent when it has ended
though its tasks named it as their parent long before. A trace may lose spans; it never delays what it is about.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from shared.process import clock
from shared.version import __version__

from .logging import get_logger

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Either one switches traces on (https://opentelemetry.io/docs/specs/otel/protocol/exporter/)."""
INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER = "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"
Attributes = Mapping[str, str | int | float | bool]

_TRACEPARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")

_current: ContextVar[str | None] = ContextVar("traceparent", default=None)
_recorder: Recorder | None = None


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """A span with its times, in seconds since the epoch."""

    name: str
    started_at: float
    ended_at: float
    kind: str = INTERNAL
    parent: str = ""
    """The traceparent of the span above it; empty for the first of a trace, which `own` places then."""
    own: str = ""
    """The traceparent that names this span itself, where others know it by that."""
    links: Sequence[str] = ()
    attributes: Attributes = field(default_factory=dict)
    error: str = ""
    """What failed; empty where nothing did."""


def is_on() -> bool:
    """Whether this process sends traces."""
    return _recorder is not None


def start(service: str, instance: str) -> None:
    """Begin, after any fork; does nothing where no endpoint is set. Stop it with `stop`."""
    global _recorder
    if _recorder is not None or not any(os.environ.get(name) for name in ENDPOINTS):
        return
    try:
        _recorder = Recorder(service, instance)
    except ImportError as error:
        get_logger().error(
            "traces.not-sent",
            reason=f"{error.name} is not installed",
            next_step="Install the extra `traces` of pyproject.toml, or unset OTEL_EXPORTER_OTLP_ENDPOINT.",
        )


def stop() -> None:
    """Send what waits, for a few seconds at most."""
    global _recorder
    recorder, _recorder = _recorder, None
    if recorder is not None:
        recorder.close()


def named(trace: str, span: str) -> str:
    """The traceparent of the span about `span` in the trace of `trace`, both any text; empty while traces are off."""
    if _recorder is None:
        return ""
    trace_id = hashlib.sha256(f"trace {trace}".encode()).hexdigest()[:32]
    return _written(trace_id, _span_id(span), is_sampled=_recorder.samples(trace_id))


def beside(traceparent: str, span: str) -> str:
    """The traceparent of the span about `span` in the same trace; empty where there is none."""
    parts = traceparent.split("-")
    return "-".join((*parts[:2], _span_id(span), *parts[3:])) if len(parts) == 4 else ""


def _span_id(span: str) -> str:
    return hashlib.sha256(f"span {span}".encode()).hexdigest()[:16]


def _written(trace_id: str, span_id: str, *, is_sampled: bool) -> str:
    """W3C Trace Context (https://www.w3.org/TR/trace-context/)."""
    return f"00-{trace_id}-{span_id}-{'01' if is_sampled else '00'}"


def run_span(execution_id: str) -> str:
    """What the span of a run is about."""
    return f"run {execution_id}"


def stage_span(execution_id: str, stage: str) -> str:
    """The same of a stage."""
    return f"stage {execution_id}/{stage}"


def task_span(execution_id: str, stage: str, task: str, try_number: int) -> str:
    """The same of one try of a task."""
    return f"task {execution_id}/{stage}/{task}/{try_number}"


def of_push(event_id: str) -> str:
    """The first span of a push: its webhook call, or what stands for it where it was detected."""
    return named(event_id, f"hook {event_id}")


def current() -> str | None:
    """The traceparent of what this thread does; None where that is nobody's trace."""
    return _current.get() if _recorder is not None else None


@contextmanager
def under(traceparent: str | None) -> Iterator[None]:
    """What is sent within belongs below this span."""
    token = _current.set(traceparent or None)
    try:
        yield
    finally:
        _current.reset(token)


def emit(span: SpanRecord) -> None:
    """Send a span that has ended."""
    if _recorder is not None:
        _recorder.emit(span)


@dataclass(slots=True)
class Handling:
    """How many of the first messages of a batch were handled; the others come in a later one."""

    messages: int


@contextmanager
def processing(queue: str, parents: Sequence[str | None]) -> Iterator[Handling]:
    """A CONSUMER span: below the one message's, or for a batch apart with a link to each message's."""
    sent_by = [parent for parent in parents if parent] if _recorder is not None else []
    handling = Handling(len(parents))
    if not sent_by:
        yield handling
        return
    began, error = clock.now(), ""
    alone = len(parents) == 1
    own = beside(sent_by[0], os.urandom(8).hex()) if alone else named(os.urandom(16).hex(), queue)
    try:
        # What a batch sends belongs to the runs and pushes in it, which say so themselves.
        with under(own if alone else None):
            yield handling
    except Exception as failure:
        error = type(failure).__name__
        raise
    finally:
        emit(
            SpanRecord(
                f"process {queue}",
                began,
                clock.now(),
                CONSUMER,
                parent=sent_by[0] if alone else "",
                own=own,
                links=() if alone else [parent for parent in parents[: handling.messages] if parent],
                attributes={
                    "messaging.system": "rabbitmq",
                    "messaging.destination.name": queue,
                    "messaging.operation.name": "process",
                    "messaging.operation.type": "process",
                    "messaging.batch.message_count": handling.messages,
                },
                error=error,
            )
        )


def sending(topic: str) -> tuple[str | None, Callable[[Future[Any]], None]]:
    """The traceparent that a message carries, and what to call when it is confirmed or answered: a PRODUCER span."""
    above = current()
    if above is None:
        return None, lambda _done: None
    began, own = clock.now(), beside(above, os.urandom(8).hex())

    def ended(done: Future[Any]) -> None:
        failure = None if done.cancelled() else done.exception()
        emit(
            SpanRecord(
                f"send {topic}",
                began,
                clock.now(),
                PRODUCER,
                parent=above,
                own=own,
                attributes={
                    "messaging.system": "rabbitmq",
                    "messaging.destination.name": topic,
                    "messaging.operation.name": "send",
                    "messaging.operation.type": "send",
                },
                error="" if failure is None else type(failure).__name__,
            )
        )

    return own, ended


class Recorder:
    """The SDK: imported here alone, for it takes a second to start."""

    def __init__(self, service: str, instance: str) -> None:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        chosen = self._chosen = threading.local()

        class ChosenIds(RandomIdGenerator):
            def generate_span_id(self) -> int:
                return int(getattr(chosen, "span_id", 0)) or super().generate_span_id()

            def generate_trace_id(self) -> int:
                return int(getattr(chosen, "trace_id", 0)) or super().generate_trace_id()

        self._api = trace
        resource = Resource.create(
            {
                "service.name": os.environ.get("OTEL_SERVICE_NAME") or f"portside-{service}",
                "service.instance.id": instance,
                "service.version": __version__,
            }
        )
        self._provider = TracerProvider(resource=resource, id_generator=ChosenIds(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("portside", __version__)

    def samples(self, trace_id: str) -> bool:
        """Whether OTEL_TRACES_SAMPLER takes this trace; every process decides alike."""
        decided = self._provider.sampler.should_sample(None, int(trace_id, 16), "")
        return bool(decided.decision.is_sampled())  # type: ignore[no-untyped-call]

    def emit(self, span: SpanRecord) -> None:
        """Queue it for sending; where the queue is full it is lost."""
        context = self._context(span.parent)
        self._chosen.trace_id, self._chosen.span_id = _ids(span.own)
        try:
            recorded = self._tracer.start_span(
                span.name,
                context=self._api.set_span_in_context(self._api.NonRecordingSpan(context)) if context else None,
                kind=self._api.SpanKind[span.kind],
                attributes=dict(span.attributes),
                links=[self._api.Link(linked) for link in span.links if (linked := self._context(link))],
                start_time=int(span.started_at * 1e9),
            )
        finally:
            self._chosen.trace_id = self._chosen.span_id = 0
        if span.error:
            recorded.set_status(self._api.Status(self._api.StatusCode.ERROR, span.error))
        recorded.end(int(max(span.started_at, span.ended_at) * 1e9))

    def close(self) -> None:
        self._provider.force_flush(3_000)
        self._provider.shutdown()

    def _context(self, traceparent: str) -> Any:
        trace_id, span_id = _ids(traceparent)
        if not (trace_id and span_id):
            return None
        flags = self._api.TraceFlags(int(traceparent[-2:], 16) & 1)
        return self._api.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


def _ids(traceparent: str) -> tuple[int, int]:
    """Trace and span id; zeros for what is not a traceparent."""
    parts = _TRACEPARENT.fullmatch(traceparent)
    return (int(parts[1], 16), int(parts[2], 16)) if parts else (0, 0)
