"""Every attack of a stranger against a whole system: hooks, runs and people notice nothing, and no memory fills."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.adversary import hooks
from tests.adversary.beside import held_runs, runs_to_hold, sending, sign_in_s
from tests.adversary.hooks import Hook, Steady
from tests.adversary.senders import PROXY, STRANGER
from tests.support import processes
from tests.support.web import Web
from tests.support.world import World, a_world

pytestmark = pytest.mark.outer

MEASURED_S = 10.0
LEASE_S = 5
JITTER_MS = 150.0
"""What a machine with nothing but two cores adds now and then, whoever attacks."""
SIGN_IN_WITHIN_S = 5.0
MOST_GROWTH = 64 * 1024 * 1024
SENDERS = {
    "sign-ins": (40, STRANGER),
    "sign-ins through a trusted proxy": (200, PROXY),
    "guessed-tokens": (40, STRANGER),
    "guessed-hooks": (40, STRANGER),
    "device-codes": (40, STRANGER),
    "yaml-aliases": (40, STRANGER),
    "deep-documents": (40, STRANGER),
    "gzip-bombs": (20, STRANGER),
    "large-bodies": (20, STRANGER),
}
"""How many connections send what, and from where."""
NEVER_FINISHED = ("half-heads", "dripping-heads", "dripping-bodies", "silence", "slow-readers")
CONNECTIONS = 800


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    more = {"TRUSTED_PROXIES": PROXY, "LEASE_S": str(LEASE_S)}
    with a_world(tmp_path_factory.mktemp("world"), more=more) as running:
        yield running


@pytest.fixture(scope="module")
def polled(world: World) -> Iterator[Web]:
    with runs_to_hold(world) as web:
        yield web


@pytest.fixture(scope="module")
def hook(world: World) -> Hook:
    """The demo's own hook, judged as a test: it starts nothing."""
    text = json.dumps(world.hub_state())
    start = text.index(f"{world.layout.public_url}/") + len(world.layout.public_url)
    return Hook(text[start : text.index('"', start)], {"X-Portside-Test": "1"})


@contextmanager
def never_finishing(kind: str, port: int) -> Iterator[None]:
    command = [sys.executable, "-m", "tests.adversary.slow_peers", kind, "127.0.0.1", str(port), str(CONNECTIONS), "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stranger:
        try:
            assert stranger.stdout and int(stranger.stdout.readline())
            yield
        finally:
            stranger.kill()


def memory(world: World) -> dict[str, int]:
    """Bytes that each service holds, its largest process counting."""
    return {
        name: max(processes.resident_bytes(pid) for pid in processes.tree(world.supervisor.pid_of(name)))
        for name in world.services
    }


def hooks_and_sign_ins(world: World, hook: Hook) -> tuple[Steady, list[float]]:
    """What a quiet installation does all day: hooks, and a few people who sign in, each in seconds."""
    with ThreadPoolExecutor(1) as person:
        signing_in = person.submit(lambda: [sign_in_s(world) for _ in range(3)])
        steady = hooks.send(world.layout.port, MEASURED_S - 1, hook=hook)
        return steady, signing_in.result(60)


def demand_unharmed(world: World, polled: Web, hook: Hook, attack: Callable[[], AbstractContextManager[None]]) -> None:
    """Once more where the machine itself was slow."""
    for last in (False, True):
        with held_runs(world, polled):
            alone, alone_s = hooks_and_sign_ins(world, hook)
            held = memory(world)
            with attack():
                during, waits_s = hooks_and_sign_ins(world, hook)
        grown = {name: now - held[name] for name, now in memory(world).items()}
        ratio = during.p99_ms / alone.p99_ms
        print(
            f"p99 {alone.p99_ms:.0f} ms without, {during.p99_ms:.0f} beside ({ratio:.1f} times); slowest sign-in "
            f"{max(alone_s):.1f} s without, {max(waits_s):.1f} beside; grown by {max(grown.values()) / 2**20:.1f} MiB"
        )
        assert during.failures == [], during.failures[:5]
        assert max(waits_s) < SIGN_IN_WITHIN_S, waits_s
        assert max(grown.values()) < MOST_GROWTH, grown
        if during.p99_ms <= max(2 * alone.p99_ms, alone.p99_ms + JITTER_MS):
            return
        assert not last, (alone.p99_ms, during.p99_ms)


@pytest.mark.parametrize("kind", SENDERS)
def test_requests_of_strangers_harm_nobody(kind: str, world: World, polled: Web, hook: Hook) -> None:
    count, source = SENDERS[kind]
    demand_unharmed(world, polled, hook, lambda: sending(kind, world.layout.port, count, source, MEASURED_S))


@pytest.mark.parametrize("kind", NEVER_FINISHED)
def test_connections_that_never_finish_harm_nobody(kind: str, world: World, polled: Web, hook: Hook) -> None:
    demand_unharmed(world, polled, hook, lambda: never_finishing(kind, world.layout.port))
