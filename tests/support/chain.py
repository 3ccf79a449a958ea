"""What a test defines in a whole Portside for a real registry that calls it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cli.ports import free_port

from .distribution import RealRegistry
from .world import World, wait_for

Json = dict[str, Any]


class Chain:
    """A registry and what is defined for it in Portside."""

    def __init__(self, world: World, folder: Path, kubernetes: Json) -> None:
        self.world, self.folder = world, folder
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.hooks: list[str] = []
        self.registry: RealRegistry | None = None
        kube = {"name": "cluster", "type": "k8s", "properties": kubernetes}
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
            return wait_for(found, f"an event {verdict} of {match}")
        except AssertionError:
            seen = [(one["webhook"], one["tag"], one["verdict"], one["reason"]) for one in self.world.events()]
            raise AssertionError(f"no event {verdict} of {match} among {seen}") from None

    def over(self, link: str, limit_s: float = 60) -> Json:
        """The run, once it has ended."""

        def ended() -> Json | None:
            run = self.world.get(link)
            return run if run["status"] in ("COMPLETED", "FAILED", "CANCELED") else None

        return wait_for(ended, f"the end of {link}", limit_s)

    def close(self) -> None:
        """Stop the registry and take away what was defined."""
        if self.registry is not None:
            self.registry.close()
        for kind in ("registry-webhooks", "pipelines", "endpoints"):
            for one in self.world.client.documents(f"/{kind}"):
                self.world.client.delete(f"/{kind}/{one['id']}")
