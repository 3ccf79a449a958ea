"""Docker Hub answers 401, 403, 404, 429, 5xx, HTML or nothing: the mirror says why on the webhook, and converges."""

from __future__ import annotations

from cli import demo
from tests.support.world import World, wait_for

BY_ITSELF = ("401", "429", "500", "502-html", "200-html", "drop")
"""The mirror signs in again, or tries again after a while."""
BY_SOMEBODY = {"403": "not permitted", "404": "create it by hand"}
"""Tried again when a webhook changes, or after five minutes."""
SHAPES = (*BY_ITSELF, *BY_SOMEBODY)


def test_webhooks_that_the_hub_refuses_say_why_and_are_made_once_they_can_be(world: World) -> None:
    made = {shape: _webhook(world, shape) for shape in SHAPES}
    told: dict[str, set[str]] = {shape: set() for shape in SHAPES}

    def in_step() -> set[str]:
        """Who is in step now; what the others say meanwhile is kept."""
        states = {shape: world.client.get(f"/registry-webhooks/{id}") for shape, id in made.items()}
        for shape, now in states.items():
            if now["hubState"] != "in step" and now["hubMessage"]:
                told[shape].add(f"{now['hubState']}: {now['hubMessage']}")
        return {shape for shape, now in states.items() if now["hubState"] == "in step"}

    def all_refused() -> bool:
        in_step()
        return all(any(state in words for words in told[shape]) for shape, state in BY_SOMEBODY.items())

    wait_for(all_refused, "the refusals to be told")
    for shape in BY_SOMEBODY:
        # Somebody has given the right; the webhook is saved again.
        world.client.patch(f"/registry-webhooks/{made[shape]}", {"description": "The account may do it now."})
    wait_for(lambda: in_step() == set(SHAPES), "every webhook to be in step")
    # An ended session is opened again without a word.
    assert not [shape for shape, words in told.items() if not words and shape != "401"], told
    hooks = world.hub_state()["repositories"]
    assert [len(hooks[_repository(shape)]["hooks"]) for shape in SHAPES] == [1] * len(SHAPES)
    for id in made.values():
        world.client.delete(f"/registry-webhooks/{id}")


def _repository(shape: str) -> str:
    return f"acme/faulty-{shape}"


def _webhook(world: World, shape: str) -> str:
    """A webhook whose first calls at the Hub go wrong in that way."""
    repository = _repository(shape)
    world.steer_hub("repositories", {"name": repository, "admins": [demo.HUB_USER]})
    fault = {"shape": shape, "path": f"/{repository}/webhook_pipeline", "retry_after_s": 3 if shape == "429" else None}
    world.steer_hub("faults", fault)
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
