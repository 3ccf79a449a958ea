"""Where a task's span goes outside: into a request, and onto a workload that changes."""

from __future__ import annotations

from typing import Any, cast

from services.runner.task_protocol import TaskRequest, Tools
from services.runner.tasks.k8s import desired, diff
from services.runner.tasks.k8s.fence import TRACE
from services.runner.tasks.rest import headers_of
from shared.contracts.runs import Started
from shared.process.tracing import beside, task_span

BEFORE, AFTER = f"00-{'a' * 32}-{'b' * 16}-01", f"00-{'c' * 32}-{'d' * 16}-01"


def deployment(**annotations: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", **({"annotations": annotations} if annotations else {})},
        "spec": {"template": {"metadata": {}, "spec": {"containers": []}}},
    }


def request(traceparent: str, **headers: str) -> TaskRequest:
    about = Started(
        execution_id="e1",
        project="default",
        pipeline="web",
        pipeline_id="p1",
        index=1,
        requested_by="ann",
        traceparent=traceparent,
    )
    return TaskRequest(
        type="REST",
        stage="Deploy",
        task="call",
        try_number=2,
        attempt=1,
        start_number=1,
        input={"headers": headers},
        roles={},
        about=about,
        inputs={},
        tools=cast("Tools", None),
        memory={},
    )


def test_a_request_carries_the_span_of_its_try_unless_its_author_names_one() -> None:
    span = beside(BEFORE, task_span("e1", "Deploy", "call", 2))
    assert headers_of(request(BEFORE, Accept="*/*")) == {"Accept": "*/*", "traceparent": span}
    assert headers_of(request(BEFORE, TraceParent=AFTER)) == {"TraceParent": AFTER}
    assert headers_of(request("", Accept="*/*")) == {"Accept": "*/*"}


def test_a_workload_that_changes_gets_the_span_on_its_own_metadata_alone() -> None:
    body = deployment()
    traced = desired.with_trace(body, None, AFTER)
    assert traced["metadata"]["annotations"] == {TRACE: AFTER} and traced["spec"] == body["spec"]
    assert "annotations" not in body["metadata"]
    assert diff.comparable(traced) == diff.comparable(body)


def test_one_that_does_not_change_keeps_the_span_of_its_last_change() -> None:
    live = deployment(**{TRACE: BEFORE})
    assert desired.with_trace(deployment(), live, "")["metadata"]["annotations"] == {TRACE: BEFORE}
    assert desired.with_trace(deployment(), deployment(), "") == deployment()
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}}
    assert desired.with_trace(config_map, None, AFTER) == config_map
