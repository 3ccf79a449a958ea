"""One push is one trace: from the webhook call through the queues, the verdict, the run and its tasks to the pods."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from cli import demo
from tests.support.world import a_world, wait_for

MOST_BODIES = 2_000


@dataclass
class Collector:
    """An OTLP/HTTP receiver in this process."""

    url: str = ""
    spans: list[tuple[str, Any]] = field(default_factory=list)
    """Each with the name of its service."""

    def take(self, body: bytes) -> None:
        request = ExportTraceServiceRequest.FromString(body)
        for part in request.resource_spans:
            service = {entry.key: entry.value.string_value for entry in part.resource.attributes}["service.name"]
            self.spans += [(service, span) for scope in part.scope_spans for span in scope.spans]

    def of_tag(self, tag: str) -> dict[str, tuple[str, Any]]:
        """The spans of the trace in which a push of this tag was judged, by name."""
        spans = list(self.spans)
        trace_ids = {span.trace_id for _, span in spans if attributes(span).get("portside.tag") == tag}
        return {span.name: (service, span) for service, span in spans if span.trace_id in trace_ids}


def attributes(span: Any) -> dict[str, Any]:
    return {entry.key: getattr(entry.value, entry.value.WhichOneof("value")) for entry in span.attributes}


ENDS = ("send hook.received", "judge push", "send run.execution", "process runner.runs")
"""Spans in which no other lies, besides the roll-out's."""


def _ancestors(spans: dict[str, tuple[str, Any]], name: str) -> list[str]:
    """The names of the spans in which this one lies, from the inside, as far as they have come."""
    by_id = {span.span_id: span for _, span in spans.values()}
    names, above = [], spans[name][1].parent_span_id
    while above in by_id:
        names.append(by_id[above].name)
        above = by_id[above].parent_span_id
    return names


def _outermost(spans: dict[str, tuple[str, Any]], name: str) -> str:
    return [name, *_ancestors(spans, name)][-1]


@pytest.fixture
def collector() -> Iterator[Collector]:
    kept = Collector()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/v1/traces" and len(kept.spans) < MOST_BODIES:
                kept.take(body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


def test_a_push_is_one_trace_from_the_hook_to_the_pods(tmp_path: Path, collector: Collector) -> None:
    more = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with a_world(tmp_path / "home", more=more) as world:
        world.push("1.4.0")
        execution = world.ended("1.4.0")
        assert execution["status"] == "COMPLETED"
        run_name = f"RUN {execution['name']}"

        def whole() -> dict[str, tuple[str, Any]] | None:
            """Each process sends its own spans in batches, and what a span lies in after it."""
            spans = collector.of_tag("1.4.0")
            roll_outs = [name for name in spans if name.startswith("roll out")]
            ends = {*ENDS, run_name, *roll_outs}
            is_whole = roll_outs and all(name in spans and _outermost(spans, name).startswith("POST ") for name in ends)
            return spans if is_whole else None

        spans = wait_for(whole, f"the spans of a trace; those that came are {[s.name for _, s in collector.spans]}")
        hook = next(span for name, (_, span) in spans.items() if name.startswith("POST "))
        path = f"/apis/apps/v1/namespaces/{demo.NAMESPACE}/deployments/{demo.DEPLOYMENT}"
        deployment = world.cluster.get(path)
    services = {service for service, _ in spans.values()}
    assert services >= {"portside-gateway", "portside-config", "portside-runner"}
    assert not hook.parent_span_id and attributes(hook)["http.response.status_code"] == 202

    by_id = {span.span_id: span for _, span in spans.values()}
    ancestors = partial(_ancestors, spans)
    assert ancestors("send hook.received") == [hook.name]
    assert ancestors("judge push") == [hook.name]
    assert ancestors(run_name) == [hook.name]
    assert ancestors("send run.execution") == [run_name, hook.name]
    assert ancestors("process runner.runs")[-2:] == [run_name, hook.name]
    (roll_out,) = [name for name in spans if name.startswith("roll out")]
    task, stage, *_ = above = ancestors(roll_out)
    assert task.startswith("task ") and stage.startswith("stage ") and above[2:] == [run_name, hook.name]
    run = spans[run_name][1]
    assert attributes(run)["cicd.pipeline.result"] == "success"
    assert hook.start_time_unix_nano <= run.start_time_unix_nano < run.end_time_unix_nano

    linked = {
        link.span_id for _, span in collector.spans if span.name == "process config.hooks" for link in span.links
    } | {span.parent_span_id for _, span in collector.spans if span.name == "process config.hooks"}
    assert spans["send hook.received"][1].span_id in linked

    assert deployment is not None
    written = deployment["metadata"]["annotations"]["portside.dev/traceparent"].split("-")
    assert bytes.fromhex(written[1]) == hook.trace_id and by_id[bytes.fromhex(written[2])].name == task
    assert "portside.dev/traceparent" not in str(deployment["spec"])
