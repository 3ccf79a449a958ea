"""What the rows share: one Portside with what they define in it, beside its broker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from bench.chain import Workers
from bench.watch import Watch
from cli import system
from cli.ports import free_port
from cli.portside.api import Client
from tests.support.world import World, a_world, wait_for

PIPELINE = """---
project: default
kind: PIPELINE
name: {name}
enabled: true
concurrency: 10000
supersede: parallel
options: [DOCKER_TRIGGER]
input:
  DOCKER_TAG: ''
stageOrder: [Only]
stages:
  Only:
    taskOrder: [One, Two, Three]
    tasks:
      One: {task}
      Two: {task}
      Three: {task}
"""
NO_OP = "{type: Log, input: {message: ''}}"


class Stage:
    """One world, and what rows want of it, made when it is first wanted."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._closers: list[Callable[[], object]] = []

    @property
    def amqp_url(self) -> str:
        return self.world.broker.amqp_url

    @cached_property
    def no_ops(self) -> str:
        """The hook URL of a pipeline of three tasks that do nothing."""
        return hook_url(self.world.client, "Three no-ops", NO_OP)

    def calls(self, method: str) -> str:
        """Define a pipeline of three tasks that each make one HTTP call to `echo_url`; returns its hook URL."""
        task = f"{{type: REST, input: {{action: {method}, url: '{self.echo_url}'}}}}"
        return hook_url(self.world.client, f"Three {method}s", task)

    @cached_property
    def echo_url(self) -> str:
        port = free_port()
        service = subprocess.Popen([sys.executable, "-m", "bench.echo", str(port)], start_new_session=True)
        self._closers += [lambda: service.wait(10), service.terminate]
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: system.http_answers(url), "the service that tasks call")
        return url

    @cached_property
    def celery(self) -> Workers:
        workers = Workers(self.world.broker.add_vhost("celery"))
        self._closers.append(workers.close)
        return workers

    @cached_property
    def ends(self) -> Watch:
        """Every end of a run."""
        watch = Watch(self.amqp_url, "execution.over")
        self._closers.append(watch.close)
        return watch

    def close(self) -> None:
        for close in reversed(self._closers):
            close()

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Stop these processes meanwhile."""
        for name in names:
            self.world.freeze(name)
        try:
            yield
        finally:
            for name in names:
                self.world.wake(name)


def hook_url(client: Client, name: str, task: str, *, enabled: bool = True) -> str:
    """Define a pipeline of three equal tasks and a webhook of its own; returns what a registry would call."""
    client.import_yaml(PIPELINE.format(name=name, task=task))
    if not client.documents("/endpoints?$filter=name eq 'bench-hub'"):
        nowhere = "http://127.0.0.1:9"
        properties = {"serverType": "DockerHub", "repoURL": "acme/web", "hubURL": nowhere, "registryURL": nowhere}
        client.post(
            "/endpoints", {"name": "bench-hub", "project": "default", "type": "docker", "properties": properties}
        )
    body = {"name": name, "project": "default", "endpoint": "bench-hub", "pipeline": name, "enabled": enabled}
    made = client.post("/registry-webhooks", body)
    token = re.search(r"secureToken=([\w-]+)", str(made))
    secret = token.group(1) if token else made["secretToken"]
    return f"{client.base_url}/pipelines/api/docker-hub-webhooks?secureToken={secret}"


@contextmanager
def a_stage() -> Iterator[Stage]:
    """A private broker and a Portside with one runner, and no other broker in the way."""
    os.environ.pop("AMQP_URL", None)
    os.environ["OUTGOING_LOCAL"] = "true"
    with tempfile.TemporaryDirectory() as folder, a_world(Path(folder) / "home", runners=1, define=False) as world:
        stage = Stage(world)
        try:
            yield stage
        finally:
            stage.close()
