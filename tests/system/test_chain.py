"""A pipeline's own push is an event like any other, in a whole Portside beside a real registry that calls it.

Also here, because it needs the same whole: a task type of one's own, installed beside Portside.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import demo
from tests.support.chain import Chain
from tests.support.distribution import CONFIG, MANIFEST
from tests.support.installed import install
from tests.support.world import World, a_world, wait_for

pytestmark = pytest.mark.registry
Json = dict[str, Any]
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: '${input.DOCKER_IMAGE}:${input.DOCKER_TAG}'}]}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(install(Path("examples/own-task"), tmp_path_factory.mktemp("installed"))))
        with a_world(tmp_path_factory.mktemp("world"), runners=1, define=False) as running:
            yield running


@pytest.fixture
def chain(world: World, tmp_path: Path) -> Iterator[Chain]:
    made = Chain(world, tmp_path / "registry", demo.fake_kubernetes(world.cluster_url))
    yield made
    made.close()


def test_what_one_pipeline_promotes_another_deploys(chain: Chain) -> None:
    promote = {"type": "IMAGE", "endpoints": {"source": "web", "target": "prod"}}
    chain.pipeline("Promote web", {**promote, "input": {"target": "acme/prod:${input.DOCKER_TAG}"}})
    apply = {"type": "K8S", "endpoints": {"kubernetesServer": "cluster"}}
    chain.pipeline("Deploy web", {**apply, "input": {"action": "APPLY", "namespace": "apps", "yaml": DEPLOYMENT}})
    chain.webhook("built", "web", "Promote web")
    chain.webhook("promoted", "prod", "Deploy web")
    registry = chain.start()

    digest = registry.index("acme/web", "1.0", "one")
    first = chain.event("started", webhook="built", tag="1.0")
    assert chain.over(first["executionLink"])["status"] == "COMPLETED"
    second = chain.event("started", webhook="promoted", tag="1.0")
    assert second["pushedBy"] == "Promote web #1"
    deployed = chain.over(second["executionLink"])
    assert deployed["status"] == "COMPLETED", deployed["statusMessage"]
    assert chain.world.running_image() == f"{chain.host}/acme/prod:1.0@{digest}"


def test_a_chart_and_a_signature_start_nothing_and_their_image_does(chain: Chain) -> None:
    apply = {"type": "K8S", "endpoints": {"kubernetesServer": "cluster"}}
    chain.pipeline("Deploy web", {**apply, "input": {"action": "APPLY", "namespace": "apps", "yaml": DEPLOYMENT}})
    chain.webhook("built", "web", "Deploy web")
    registry = chain.start()
    for tag, config, layer in (
        ("chart", "application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"),
        ("signed", CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"),
    ):
        blob = registry.blob("acme/web", tag.encode())
        parts = {"config": {**blob, "mediaType": config}, "layers": [{**blob, "mediaType": layer}]}
        registry.manifest("acme/web", tag, {"schemaVersion": 2, "mediaType": MANIFEST, **parts})
        event = chain.event("ignored: not an image", webhook="built", tag=tag)
        assert (config if tag == "chart" else layer) in event["reason"], event
    registry.image("acme/web", "1.0", "one")
    started = chain.event("started", webhook="built", tag="1.0")
    assert chain.over(started["executionLink"])["status"] == "COMPLETED"


def test_a_task_type_of_ones_own_is_checked_offered_and_run(chain: Chain) -> None:
    chain.pipeline("Office", {"type": "BusinessHours", "input": {"from": 0, "to": 24}}, options=[])
    tiles = chain.world.client.get("/pipeline-tiles")
    assert "Business hours" in str(tiles)
    run = chain.world.client.post("/pipelines/default/Office/executions", {"input": {}})
    link = run.get("executionLink") or run["_link"]
    messages = ("Somebody is at work.", "Nobody is at work.", "Execution Completed.")
    wait_for(lambda: chain.world.get(link)["stages"]["S"]["tasks"]["T"]["statusMessage"] in messages, "its message")


def test_one_repository_with_two_tags_promotes_once_and_says_why_not_again(chain: Chain) -> None:
    promote = {"type": "IMAGE", "endpoints": {"target": "web"}, "input": {"target": ":prod"}}
    chain.pipeline("Promote in place", promote)
    chain.webhook("every tag", "web", "Promote in place")
    registry = chain.start()

    digest = registry.index("acme/web", "2.0", "two")
    first = chain.event("started", webhook="every tag", tag="2.0")
    assert chain.over(first["executionLink"])["status"] == "COMPLETED"
    assert registry.digest("acme/web", "prod") == digest
    own = chain.event("loop", webhook="every tag", tag="prod")
    assert "Promote in place #1" in own["reason"]
    assert not own["executionLink"]

    # Another image is no loop, even where the run that it starts moves the same tag.
    newer = registry.index("acme/web", "2.1", "newer")
    again = chain.event("started", webhook="every tag", tag="2.1")
    assert chain.over(again["executionLink"])["status"] == "COMPLETED"
    assert registry.digest("acme/web", "prod") == newer
