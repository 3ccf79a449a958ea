"""What every row asserts in the end, and the moment at which most of them strike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pika

from cli import demo
from tests.support.world import World, wait_for

Json = dict[str, Any]


def assert_deployed_once(world: World, tag: str) -> Json:
    """The push of that tag was run exactly once, to its end, and the cluster runs its image; returns the execution."""
    execution = world.ended(tag)
    assert execution["status"] == "COMPLETED", execution["statusMessage"]
    assert [run["id"] for run in runs_of(world, tag)] == [execution["id"]]
    # A push that no runner could look up in time runs by its tag alone.
    (digest,) = {event["digest"] for event in world.events(tag=tag) if event["executionId"] == execution["id"]}
    assert world.running_image() == f"{demo.REPOSITORY}:{tag}" + (f"@{digest}" if digest else "")
    return execution


def runs_of(world: World, tag: str) -> list[Json]:
    """Every execution that the pushes of a tag started."""
    return [run for run in world.executions() if run["input"].get("DOCKER_TAG") == tag]


@contextmanager
def untaken(world: World, tag: str) -> Iterator[Json]:
    """Push, and have the run's message lie in the queue, what runners had fetched too; their successors come soon."""
    runners = ("runner-1", "runner-2")
    with world.frozen(*runners):
        world.push(tag)
        execution = world.execution_of(tag)
        for runner in runners:
            world.kill(runner)
        # The broker has noticed that the killed are gone; their successors need longer than that to start.
        wait_for(lambda: _lies_in_the_queue(world), "the run's message to be back in its queue", every_s=0.02)
        yield execution


def _lies_in_the_queue(world: World) -> bool:
    with closing(pika.BlockingConnection(pika.URLParameters(world.broker.amqp_url))) as connection:
        declared = connection.channel().queue_declare("runner.runs", passive=True)
    return bool(declared.method.message_count)


def in_the_middle(world: World, tag: str) -> Json:
    """Wait until the run's roll-out has begun and is not over; returns the execution."""

    def begun() -> Json | None:
        found = runs_of(world, tag)
        return found[0] if found and found[0]["stages"]["Deploy"]["status"] == "RUNNING" else None

    return wait_for(begun, f"the roll-out of {tag} to begin")


def accepted(pushed: Json) -> bool:
    """Whether every hook of a push got its 202."""
    return [delivery["status"] for delivery in pushed["deliveries"]] == [202]
