"""Running by hand offers the tags of the pipeline's repositories, and folds away what only a push fills in."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.contracts.catalog import Get, Inspect, Inspected, Page
from shared.contracts.problems import Code, refuse
from shared.grammar.inputs import inject

from .site import Site

DIGEST = "sha256:" + "b" * 64
ENDPOINT = {"name": "hub", "type": "docker", "properties": {"serverType": "DockerHub", "repoURL": "acme/web"}}
WEBHOOK = {"id": "w1", "endpoint": "hub", "repository": "acme/web", "repoName": "", "project": "default"}
INPUT, META = inject({"NAMESPACE": "apps"}, {}, ["DOCKER_TRIGGER"])
PIPELINE: dict[str, Any] = {
    "id": "p1",
    "name": "Deploy web",
    "project": "default",
    "enabled": True,
    "options": ["DOCKER_TRIGGER"],
    "input": INPUT,
    "_inputMeta": META,
}


@pytest.fixture
def pipeline(site: Site) -> Site:
    site.documents |= {"pipelines": PIPELINE, "endpoints": ENDPOINT}
    site.pages["registry-webhooks"] = Page(documents=(WEBHOOK,), total=1)
    tags = [{"name": "1.4.1", "digest": DIGEST, "pushedAt": "2026-11-30T09:00:00Z"}, {"name": "1.4.0"}]
    site.post.answers["hub.inspect"] = lambda _: Inspected(document={"repository": "acme/web", "tags": tags})
    return site


def test_a_tag_is_offered_with_its_digest_and_age_and_fills_in_what_its_push_would(
    pipeline: Site, ann: FlaskClient
) -> None:
    page = ann.get("/pipelines/p1/tags").text
    fills = [json.loads(unescape(text)) for text in re.findall('data-fills="([^"]*)"', page)]
    assert fills[0] == {
        "in.DOCKER_EVENT_OWNER_NAME": "",
        "in.DOCKER_IMAGE": "acme/web",
        "in.DOCKER_REPO_NAME": "web",
        "in.DOCKER_REPO_NAMESPACE": "acme",
        "in.DOCKER_TAG": "1.4.1",
        "in.DOCKER_DIGEST": DIGEST,
        "in.DOCKER_IMAGE_REF": f"acme/web:1.4.1@{DIGEST}",
        "in.DOCKER_PUSHED_AT": "2026-11-30T09:00:00Z",
        "in.DOCKER_TAGS": "1.4.1",
    }
    assert 'pushed <time datetime="2026-11-30T09:00:00Z"' in page and "bbbbbbbbbbbb" in page
    assert fills[1]["in.DOCKER_IMAGE_REF"] == "acme/web:1.4.0"
    (asked,) = [message for message in pipeline.asked if isinstance(message, Inspect)]
    assert asked.what == "tags" and asked.options == {"repository": "acme/web", "details": True}
    assert {"forTags": True} in [message.options for message in pipeline.asked if isinstance(message, Get)]


def test_a_registry_that_does_not_answer_leaves_the_form_as_it_is(pipeline: Site, ann: FlaskClient) -> None:
    def away(_: Inspect) -> Inspected:
        raise refuse(Code.UNAVAILABLE, "Docker Hub did not answer.")

    pipeline.post.answers["hub.inspect"] = away
    assert "cannot be shown: Docker Hub did not answer." in ann.get("/pipelines/p1/tags").text


def test_a_pipeline_without_a_webhook_says_why_it_offers_none(pipeline: Site, ann: FlaskClient) -> None:
    pipeline.pages["registry-webhooks"] = Page()
    assert "No webhook says which repository" in ann.get("/pipelines/p1/tags").text


def test_what_only_a_push_knows_is_folded_away(pipeline: Site, ann: FlaskClient) -> None:
    page = ann.get("/pipelines/p1").text
    shown, _, folded = page.partition('<details id="pushed-inputs">')
    assert 'name="in.DOCKER_IMAGE"' in shown and 'name="in.NAMESPACE"' in shown
    assert 'name="in.DOCKER_DIGEST"' in folded and 'name="in.DOCKER_DIGEST"' not in shown
    assert "What a push fills in (7)" in folded
