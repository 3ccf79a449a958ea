"""Connections that never finish stop no hook: each attack beside fifty hooks a second, against a real gateway."""

from __future__ import annotations

import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.adversary import hooks
from tests.adversary.hooks import Steady
from tests.support import processes, tls
from tests.support.gateway import Config, Gateway, until
from tests.support.patience import PATIENCE_S

CONNECTIONS = 1_500
ENOUGH = 400
"""That many at once hold every thread several times over; of the others a slow machine's gateway has closed some."""
SECONDS = 6.0
JITTER_MS = 150.0
"""What a machine with nothing but two cores adds now and then, whoever attacks."""
STOPPED_MS = 8_000.0
"""A hook that takes longer waited for a stranger: none holds a thread for less than the ten seconds a head may take."""
MOST_GROWTH = 64 * 1024 * 1024


@pytest.fixture
def config(vhost_url: str) -> Iterator[Config]:
    config = Config(vhost_url)
    yield config
    config.bus.close()


@contextmanager
def started(url: str, home: Path, **settings: str) -> Iterator[Gateway]:
    gateway = Gateway(url, home, WORKERS="2", **settings)
    try:
        until(lambda: gateway.answers("/healthz?wait=config"))
        yield gateway
    finally:
        gateway.stop()


@contextmanager
def attacked(kind: str, port: int, count: int = CONNECTIONS) -> Iterator[int]:
    """A stranger at work; the number of connections that he has."""
    command = [sys.executable, "-m", "tests.adversary.slow_peers", kind, "127.0.0.1", str(port), str(count), "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as stranger:
        try:
            assert stranger.stdout
            yield int(stranger.stdout.readline())
        finally:
            stranger.kill()


def memory(gateway: Gateway) -> list[int]:
    """Bytes that each of its processes holds."""
    return [processes.resident_bytes(pid) for pid in processes.tree(gateway.process.pid)]


def page_ms(gateway: Gateway) -> float:
    """How long the sign-in page takes."""
    started = time.perf_counter()
    assert requests.get(f"{gateway.url}/sign-in", timeout=PATIENCE_S).status_code == 200
    return (time.perf_counter() - started) * 1000


def demand_unharmed(during: Steady) -> None:
    assert during.failures == [], during.failures[:5]
    assert max(during.times_ms) < STOPPED_MS


def beside(gateway: Gateway, kind: str, context: ssl.SSLContext | None = None) -> None:
    """Hooks while the stranger holds connections: none fails, none waits for one of them, and memory stays."""
    held = memory(gateway)
    with attacked(kind, gateway.port) as count:
        assert count >= ENOUGH
        during, grown = hooks.send(gateway.port, SECONDS, tls=context), memory(gateway)
    assert max(map(int.__sub__, grown, held)) < MOST_GROWTH
    demand_unharmed(during)


@pytest.mark.parametrize("kind", ["half-heads", "dripping-heads", "dripping-bodies", "silence"])
def test_whoever_finishes_nothing_stops_no_hook(kind: str, vhost_url: str, home: Path, config: Config) -> None:
    with started(vhost_url, home) as gateway:
        beside(gateway, kind)


@pytest.mark.outer
@pytest.mark.parametrize("kind", ["half-heads", "dripping-heads", "dripping-bodies", "silence"])
def test_the_slowest_hooks_take_at_most_twice_their_own_time(
    kind: str, vhost_url: str, home: Path, config: Config
) -> None:
    pairs: list[tuple[float, float]] = []
    with started(vhost_url, home) as gateway:
        while len(pairs) < 3:
            alone = hooks.send(gateway.port, SECONDS).p99_ms
            with attacked(kind, gateway.port):
                pairs.append((alone, hooks.send(gateway.port, SECONDS).p99_ms))
            if pairs[-1][1] <= max(2 * alone, alone + JITTER_MS):
                return
    pytest.fail(f"the slowest of a hundred hooks, alone and beside the stranger, in ms: {pairs}")


def test_answers_that_nobody_reads_keep_no_page_from_others(vhost_url: str, home: Path, config: Config) -> None:
    with started(vhost_url, home) as gateway:
        held = memory(gateway)
        with attacked("slow-readers", gateway.port, 600):
            time.sleep(5)
            # The machine may still be composing the first answers.
            until(lambda: page_ms(gateway) < STOPPED_MS)
            assert max(page_ms(gateway) for _ in range(20)) < STOPPED_MS
            assert max(map(int.__sub__, memory(gateway), held)) < MOST_GROWTH
        demand_unharmed(hooks.send(gateway.port, 2.0))


@pytest.mark.parametrize("kind", ["half-handshakes", "silence"])
def test_handshakes_that_never_end_stop_no_hook(
    kind: str, vhost_url: str, home: Path, tmp_path: Path, config: Config
) -> None:
    file = tls.write_server(tmp_path)
    context = ssl.create_default_context(cafile=str(file))
    context.check_hostname = False
    with started(vhost_url, home, ca=str(file), TLS_CERTFILE=str(file)) as gateway:
        beside(gateway, kind, context)


def test_behind_a_trusted_proxy_the_proxys_connections_are_not_bounded(
    vhost_url: str, home: Path, config: Config
) -> None:
    settings = {"TRUSTED_PROXIES": "127.0.0.2", "CONNECTIONS_PER_ADDRESS": "20"}
    with started(vhost_url, home, **settings) as gateway, attacked("silence", gateway.port, 400) as count:
        assert count == 400
        demand_unharmed(hooks.send(gateway.port, 2.0))
        assert processes.connections_from("127.0.0.2", gateway.port) >= 390
