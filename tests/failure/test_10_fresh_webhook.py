"""A webhook made and pushed to in the same second: run, not 403."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import requests

from cli import demo
from tests.support.patience import PATIENCE_S
from tests.support.world import World, wait_for


def test_a_hook_that_comes_right_after_its_webhook_was_made_is_run(world: World) -> None:
    sent = json.dumps({"push_data": {"tag": "fresh", "pusher": "ann"}, "repository": {"repo_name": "acme/fresh"}})
    for number in range(3):
        made = world.client.post(
            "/registry-webhooks",
            {
                "name": f"fresh-{number}",
                "project": "default",
                "endpoint": demo.HUB_ENDPOINT,
                "pipeline": "Deploy web",
                "serverType": "DockerHub",
                "repoName": "acme/fresh",
                "enabled": True,
            },
        )
        answer = requests.post(
            made["hookUrl"], data=sent, headers={"Content-Type": "application/json"}, timeout=PATIENCE_S
        )
        assert answer.status_code == 202, answer.text
        wait_for(partial(_events, world, f"fresh-{number}"), "its event")
        world.client.delete(f"/registry-webhooks/{made['id']}")


def _events(world: World, webhook: str) -> list[Any] | None:
    return world.events(webhook=webhook) or None
