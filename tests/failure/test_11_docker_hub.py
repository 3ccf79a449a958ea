"""Docker Hub answers 401, 403, 404, 429, 5xx, HTML or nothing: the mirror says why on the webhook, and converges."""

from __future__ import annotations

import requests

from cli import demo
from tests.support.world import World, wait_for

SHAPES = ("401", "403", "404", "429", "500", "502-html", "200-html", "drop")


def test_webhooks_that_the_hub_refuses_say_why_and_are_made_once_they_can_be(world: World) -> None:
    made = {shape: _webhook(world, shape) for shape in SHAPES}
    told: dict[str, set[str]] = {shape: set() for shape in SHAPES}

    def all_in_step() -> bool:
        states = {}
        for shape, id in made.items():
            now = world.client.get(f"/registry-webhooks/{id}")
            states[shape] = now["hubState"]
            if now["hubState"] != "in step" and now["hubMessage"]:
                told[shape].add(f"{now['hubState']}: {now['hubMessage']}")
        return set(states.values()) == {"in step"}

    wait_for(all_in_step, "every webhook to be in step", 90)
    assert not [shape for shape, words in told.items() if not words], told
    assert any(word.startswith("not permitted") for word in told["403"]), told["403"]
    hooks = requests.get(f"{world.hub_url}/_fake/state", timeout=10).json()["repositories"]
    assert [len(hooks[_repository(shape)]["hooks"]) for shape in SHAPES] == [1] * len(SHAPES)
    for id in made.values():
        world.client.delete(f"/registry-webhooks/{id}")


def _repository(shape: str) -> str:
    return f"acme/faulty-{shape}"


def _webhook(world: World, shape: str) -> str:
    """A webhook whose first calls at the Hub go wrong in that way."""
    repository = _repository(shape)
    world.steer_hub("repositories", {"name": repository, "admins": [demo.HUB_USER]})
    world.steer_hub("faults", {"shape": shape, "path": f"/{repository}/webhook_pipeline"})
    body = {
        "name": f"faulty-{shape}",
        "project": "default",
        "endpoint": demo.HUB_ENDPOINT,
        "pipeline": "Deploy web",
        "serverType": "DockerHub",
        "repoName": repository,
        "enabled": True,
    }
    return str(world.client.post("/registry-webhooks", body)["id"])
