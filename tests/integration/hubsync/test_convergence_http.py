"""The same story as in the unit tests, now over HTTP against the fake Docker Hub."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from demo.hub import hooks as hook_routes
from demo.hub import server
from demo.hub.http import Answer
from demo.hub.server import FakeHub
from demo.hub.world import Hook, Repository
from services.hubsync.dockerhub import DockerHub, HubCaller
from services.hubsync.mirror import Mirror
from services.hubsync.plan import ListedHook
from services.hubsync.signing import HubSignIns
from tests.support.outbound import LOOPBACK
from tests.support.patience import PATIENCE_S
from tests.unit.hubsync.machine import REPOSITORIES, MirrorMachine
from tests.unit.hubsync.registry import opened


@pytest.fixture(scope="module")
def hub() -> Iterator[FakeHub]:
    fake = FakeHub()
    yield fake
    fake.close()


class OverHttp(MirrorMachine):
    """The story with a Hub behind HTTP, where faults have the Hub's own shapes."""

    hub: FakeHub

    def __init__(self) -> None:
        world = self.hub.world
        self.hub.faults.clear()
        world.repositories = {name: Repository(name, admins={"acme"}) for name in REPOSITORIES}
        world.accounts["acme"].failures, world.accounts["acme"].locked_until = 0, 0.0
        self.caller = HubCaller(LOOPBACK, connect_s=PATIENCE_S, read_s=PATIENCE_S)
        self.missed: list[list[str]] = []
        world.on_delete = lambda: self.missed.append(self.still_catching())  # type: ignore[attr-defined]
        super().__init__()
        self.now = time.time()

    def make_mirror(self) -> Mirror:
        sign_ins = HubSignIns(self.caller, lambda: self.now)
        return Mirror(
            lambda account: DockerHub(account, self.caller, sign_ins, lambda: self.now),
            opened,
            lambda: self.now,
            lambda: 0.5,
        )

    def hub_url(self) -> str:
        return self.hub.url

    def actual(self, repository: str) -> dict[str, ListedHook]:
        there = self.hub.world.repositories[repository].hooks
        return {slug: ListedHook(slug, hook.name, tuple(hook.urls)) for slug, hook in there.items()}

    def put(self, repository: str, seen: ListedHook) -> None:
        hook = Hook(seen.slug, seen.name, list(seen.urls), time.time(), False)
        self.hub.world.repositories[repository].hooks[seen.slug] = hook

    def take(self, repository: str, slug: str) -> None:
        self.hub.world.repositories[repository].hooks.pop(slug, None)

    def fail(self, kind: str) -> None:
        shapes: dict[str, dict[str, Any]] = {
            "away": {"shape": "502-html", "route": "hooks"},
            "lost": {"shape": "lost-answer", "route": "hooks"},
            "limited": {"shape": "429", "route": "hooks", "retry_after_s": 60},
            "forbidden": {"shape": "403-pat", "route": "hooks"},
            "rejected": {"shape": "400-name", "route": "hooks", "method": "POST"},
            "signed-out": {"shape": "401", "route": "hooks", "times": 2},
        }
        self.hub.faults.add(shapes[kind])

    def heal(self) -> None:
        self.hub.faults.clear()

    def teardown(self) -> None:
        assert not any(self.missed), self.missed
        super().teardown()


def test_over_http_too_no_push_is_missed_and_all_ends_in_step(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = hook_routes.delete

    def watched(world: Any, request: Any, name: str, slug: str) -> Answer:
        answer = genuine(world, request, name, slug)
        world.on_delete()
        return answer

    routes = tuple(
        (method, pattern, watched if handler is genuine else handler) for method, pattern, handler in server.ROUTES
    )
    monkeypatch.setattr(server, "ROUTES", routes)
    OverHttp.hub = hub
    run_state_machine_as_test(
        OverHttp,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
