"""An approval says what it decides: the image, its cause, what changes, and who else has answered."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from services.gateway.pages.questions import image_of
from shared.contracts.catalog import Page

from .site import Site

RUN: dict[str, Any] = {
    "id": "e7",
    "name": "Deploy web",
    "project": "default",
    "comments": "Push of acme/web:1.4.2",
    "_eventId": "d9",
    "_push": {"image": "acme/web", "tag": "1.4.2", "digest": "sha256:" + "a" * 64},
    "stageOrder": ["Plan"],
    "stages": {
        "Plan": {
            "tasks": {"Diff": {"type": "K8S", "output": {"diff": "--- live\n+++ new\n-  replicas: 2\n+  replicas: 3"}}}
        }
    },
}
QUESTION: dict[str, Any] = {
    "id": "q1",
    "status": "ACTIVE",
    "summary": "Ship it?",
    "name": "Deploy.Ask",
    "pipelineName": "Deploy web",
    "executionIndex": 7,
    "executionId": "e7",
    "approvers": ["ann"],
    "approverGroups": [],
    "answers": [{"by": "bob", "status": "Approved", "message": "looked at staging"}],
    "quorum": 2,
    "_mayAnswer": True,
}
WORKLOAD = {
    "id": "l1",
    "name": "web",
    "workloadKind": "Deployment",
    "namespace": "apps",
    "endpoint": "cluster",
    "images": ["registry.example.com/acme/web:1.4.1", "acme/proxy:7"],
}


@pytest.fixture
def asking(site: Site) -> Site:
    site.documents |= {"executions": RUN, "user-operations": QUESTION}
    site.pages |= {
        "executions": Page(documents=(RUN,), total=1),
        "user-operations": Page(documents=(QUESTION,), total=1),
        "deployments": Page(documents=(WORKLOAD,), total=1),
    }
    return site


def test_a_question_names_its_image_its_cause_and_who_has_answered(asking: Site, ann: FlaskClient) -> None:
    page = ann.get("/approvals").text
    assert 'title="acme/web:1.4.2"' in page
    assert '<a href="/activity/d9">Push of acme/web:1.4.2</a>' in page
    assert "by bob: “looked at staging”" in page
    assert "2 must approve" in page


def test_the_dialog_shows_the_image_that_is_replaced_and_what_a_dry_run_printed(asking: Site, ann: FlaskClient) -> None:
    page = ann.get("/approvals").text
    assert 'data-confirm-more="/approvals/q1/change"' in page
    more = ann.get("/approvals/q1/change", headers={"HX-Request": "true"}).text
    assert '<span class="del">- image: registry.example.com/acme/web:1.4.1</span>' in more
    assert '<span class="add">+ image: acme/web:1.4.2</span>' in more
    assert '<span class="add">+  replicas: 3</span>' in more
    assert "acme/proxy" not in more
    assert "by bob" in more


def test_a_run_without_an_image_replaces_none(asking: Site, ann: FlaskClient) -> None:
    with asking.app.test_request_context():
        assert image_of({"input": {}}) == ""
    asking.documents["executions"] = {**RUN, "_push": None, "stages": {}}
    assert "No difference to show" in ann.get("/approvals/q1/change").text


@pytest.mark.parametrize(("may", "expected"), [(True, '<span class="count">1<'), (False, "")])
def test_the_navigation_counts_what_waits_for_the_viewer(
    asking: Site, ann: FlaskClient, may: bool, expected: str
) -> None:
    asking.pages["user-operations"] = Page(documents=({**QUESTION, "_mayAnswer": may},), total=1)
    assert 'hx-get="/approvals/count"' in ann.get("/pipelines").text
    assert ann.get("/approvals/count").text.strip().startswith(expected)
