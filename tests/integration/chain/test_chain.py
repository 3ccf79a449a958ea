"""A pipeline's own push is an event like any other, in a whole Portside beside a real registry that calls it.

Also here, because it needs the same whole: a task type of one's own, installed beside Portside.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli import demo
from cli.ports import free_port
from tests.support.installed import install
from tests.support.registry import RealRegistry
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


class Chain:
    """A registry and what is defined for it in Portside."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.hooks: list[str] = []
        self.registry: RealRegistry | None = None
        kube = {"name": "cluster", "type": "k8s", "properties": demo.fake_kubernetes(world.cluster_url)}
        for body in (kube, *(self._docker(name) for name in ("web", "prod"))):
            self._made("endpoints", body)

    def _docker(self, name: str) -> Json:
        url = f"http://{self.host}/acme/{name}"
        return {"name": name, "type": "docker", "properties": {"serverType": "OCI", "repoURL": url}}

    def _made(self, kind: str, body: Json) -> Json:
        made: Json = self.world.client.post(f"/{kind}", {"project": "default", **body})
        return made

    def pipeline(self, name: str, task: Json, **more: Any) -> None:
        names = ("DOCKER_IMAGE", "DOCKER_TAG", "DOCKER_DIGEST")
        stages = {"S": {"taskOrder": ["T"], "tasks": {"T": task}}}
        tree = {"options": ["DOCKER_TRIGGER"], "input": dict.fromkeys(names, ""), "stageOrder": ["S"], "stages": stages}
        made = self._made("pipelines", {"name": name, **tree, **more})
        self.world.client.patch(f"/pipelines/{made['id']}", {"state": "ENABLED"})

    def webhook(self, name: str, endpoint: str, pipeline: str, **more: Any) -> None:
        body = {"name": name, "endpoint": endpoint, "pipeline": pipeline, "serverType": "OCI", "enabled": True, **more}
        made = self._made("registry-webhooks", {"repoName": f"acme/{endpoint}", **body})
        self.hooks.append(made["hookUrl"])

    def start(self) -> RealRegistry:
        self.registry = RealRegistry(self.folder, port=self.port, notify=self.hooks)
        return self.registry

    def event(self, verdict: str, **match: Any) -> Json:
        """The event with that verdict, once it is there."""

        def found() -> Json | None:
            return next(iter(self.world.events(verdict=verdict, **match)), None)

        try:
            return wait_for(found, f"an event {verdict} of {match}", 30)
        except AssertionError:
            seen = [(one["webhook"], one["tag"], one["verdict"], one["reason"]) for one in self.world.events()]
            raise AssertionError(f"no event {verdict} of {match} among {seen}") from None

    def over(self, link: str) -> Json:
        def ended() -> Json | None:
            run = self.world.get(link)
            return run if run["status"] in ("COMPLETED", "FAILED", "CANCELED") else None

        return wait_for(ended, f"the end of {link}", 60)


@pytest.fixture
def chain(world: World, tmp_path: Path) -> Iterator[Chain]:
    made = Chain(world, tmp_path / "registry")
    yield made
    if made.registry is not None:
        made.registry.close()
    for kind in ("registry-webhooks", "pipelines", "endpoints"):
        for one in world.client.documents(f"/{kind}"):
            if one["project"] == "default":
                world.client.delete(f"/{kind}/{one['id']}")


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
    deployed = chain.over(second["executionLink"])
    assert deployed["status"] == "COMPLETED", deployed["statusMessage"]
    assert chain.world.running_image() == f"{chain.host}/acme/prod:1.0@{digest}"


def test_a_task_type_of_ones_own_is_checked_offered_and_run(chain: Chain) -> None:
    chain.pipeline("Office", {"type": "BusinessHours", "input": {"from": 0, "to": 24}}, options=[])
    tiles = chain.world.client.get("/pipeline-tiles")
    assert "Business hours" in str(tiles)
    run = chain.world.client.post("/pipelines/default/Office/executions", {"input": {}})
    link = run.get("executionLink") or run["_link"]
    wait_for(
        lambda: chain.world.get(link)["stages"]["S"]["tasks"]["T"]["status"] in ("RUNNING", "COMPLETED"), "a start"
    )
    task = chain.world.get(link)["stages"]["S"]["tasks"]["T"]
    assert task["statusMessage"] in ("Somebody is at work.", "Nobody is at work.", "Execution Completed.")
