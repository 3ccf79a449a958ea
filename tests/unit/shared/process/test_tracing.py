"""Ids that every process computes alike, and nothing at all where no endpoint is set."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future

import pytest

from shared.process import tracing
from shared.process.tracing import SpanRecord

RUN = f"00-{'a' * 32}-{'b' * 16}-01"


class Kept:
    """A recorder that keeps what it is given."""

    def __init__(self, *, sampled: bool = True) -> None:
        self.spans: list[SpanRecord] = []
        self._sampled = sampled

    def samples(self, _trace_id: str) -> bool:
        return self._sampled

    def emit(self, span: SpanRecord) -> None:
        self.spans.append(span)


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> Kept:
    recorder = Kept()
    monkeypatch.setattr(tracing, "_recorder", recorder)
    return recorder


def test_without_an_endpoint_nothing_is_imported_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in tracing.ENDPOINTS:
        monkeypatch.delenv(name, raising=False)
    code = (
        "import sys; from shared.process import tracing; tracing.start('config', 'c');"
        "assert not tracing.is_on(); assert not any(name.startswith('opentelemetry') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
    assert tracing.of_push("d1") == "" and tracing.current() is None
    traceparent, on_sent = tracing.sending("hook.received")
    assert traceparent is None
    on_sent(Future())


def test_every_process_names_the_same_span(kept: Kept) -> None:
    assert tracing.of_push("d1") == tracing.of_push("d1") != tracing.of_push("d2")
    run = tracing.named("d1", tracing.run_span("e1"))
    assert run.split("-")[1] == tracing.of_push("d1").split("-")[1] and run != tracing.of_push("d1")
    task = tracing.beside(run, tracing.task_span("e1", "Deploy", "apply", 1))
    assert task.split("-")[:2] == run.split("-")[:2] and task != run
    assert tracing.beside("", "anything") == ""


def test_an_unsampled_trace_says_so_in_each_of_its_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_recorder", Kept(sampled=False))
    assert tracing.of_push("d1").endswith("-00") and tracing.beside(tracing.of_push("d1"), "x").endswith("-00")


def test_what_is_sent_belongs_below_the_span_at_work_and_ends_with_its_confirm(kept: Kept) -> None:
    assert tracing.sending("run.take")[0] is None
    with tracing.under(RUN):
        traceparent, on_sent = tracing.sending("run.take")
    assert traceparent is not None and traceparent.split("-")[1] == "a" * 32 and not kept.spans
    refused: Future[None] = Future()
    refused.set_exception(TimeoutError())
    on_sent(refused)
    (span,) = kept.spans
    assert (span.name, span.parent, span.own, span.error) == ("send run.take", RUN, traceparent, "TimeoutError")


def test_one_message_is_handled_in_its_trace_and_a_batch_beside_with_links(kept: Kept) -> None:
    with tracing.processing("runner.runs", [RUN]):
        inside = tracing.current()
    (alone,) = kept.spans
    assert alone.parent == RUN and alone.own == inside and not alone.links
    with tracing.processing("config.hooks", [RUN, None]):
        assert tracing.current() is None
    batch = kept.spans[-1]
    assert batch.parent == "" and list(batch.links) == [RUN]
    assert batch.attributes["messaging.batch.message_count"] == 2
    with tracing.processing("config.hooks", [None]):
        pass
    with pytest.raises(ValueError, match="broken"), tracing.processing("runner.runs", [RUN]):
        raise ValueError("broken")
    assert [span.error for span in kept.spans] == ["", "", "ValueError"]


@pytest.mark.parametrize("text", ["", "00-zz-1-01", f"00-{'a' * 32}-{'b' * 16}-zz", "x" * 5_000])
def test_what_a_caller_writes_in_place_of_a_traceparent_is_ignored(text: str) -> None:
    assert tracing._ids(text) == (0, 0)
