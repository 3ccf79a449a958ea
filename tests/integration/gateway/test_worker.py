"""The gateway as it is started, over a real broker: hooks before config, broker restarts, spool, stopping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from cli import rabbitmq
from cli.ports import free_port
from shared.bus import Ack, Bus, Incoming, Outcome
from shared.contracts.pushes import Allowlist, AllowlistAsk, AllowlistChanged, HookReceived, TokenEntry
from shared.contracts.topics import ALLOWLIST_ASK, ALLOWLIST_CHANGED, CONFIG_RPC, HOOKS, Service
from shared.process.secrets import create_keys, token_hash

PUSH = {"push_data": {"tag": "1.4.1", "pusher": "ann"}, "repository": {"repo_name": "acme/web"}}


class Config:
    """What the gateway needs of config: the allowlist, and somebody who takes hooks."""

    def __init__(self, url: str) -> None:
        self.entries = [TokenEntry(token_hash=token_hash("good"), webhook_id="w1")]
        self.revision = 1
        self.got: list[HookReceived] = []
        self.bus = Bus(url, service=Service.CONFIG, instance="test")
        self.bus.open()
        self.bus.serve(CONFIG_RPC, {ALLOWLIST_ASK: self._allowlist}, threads=2)
        self.bus.consume_single(HOOKS, self._take)

    def _allowlist(self, incoming: Incoming) -> Allowlist:
        ask = incoming.message
        assert isinstance(ask, AllowlistAsk)
        found = tuple(entry for entry in self.entries if ask.token_hash in (None, entry.token_hash))
        return Allowlist(revision=self.revision, entries=found)

    def _take(self, batch: object) -> list[Outcome]:
        messages = [one.message for one in batch]  # type: ignore[attr-defined]
        self.got += messages
        return [Ack() for _ in messages]


class Gateway:
    """A process of its own."""

    def __init__(self, url: str, home: Path, *words: str, **settings: str) -> None:
        create_keys(home)
        self.url = f"http://127.0.0.1:{(port := free_port(18_100, settings.get('HOST', '127.0.0.1')))}"
        told = {"AMQP_URL": url, "PORTSIDE_HOME": str(home), "PORT": str(port), "WORKERS": "1", "LOG_LEVEL": "INFO"}
        told |= settings
        self.log = home / "gateway.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.gateway", *words], env={**os.environ, **told}, stderr=log, stdout=log
            )
        until(lambda: self.answers("/healthz"), 30)

    def answers(self, path: str) -> bool:
        try:
            return requests.get(self.url + path, timeout=2).status_code == 200
        except requests.RequestException:
            return False

    def push(self, token: str = "good") -> requests.Response:
        address = f"{self.url}/pipelines/api/docker-hub-webhooks"
        return requests.post(address, params={"secureToken": token}, json=PUSH, timeout=10)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)


def until(true: Callable[[], bool], limit_s: float = 15.0) -> None:
    deadline = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def config(vhost_url: str) -> Iterator[Config]:
    config = Config(vhost_url)
    yield config
    config.bus.close()


@pytest.fixture
def gateway(vhost_url: str, home: Path, config: Config) -> Iterator[Gateway]:
    gateway = Gateway(vhost_url, home)
    yield gateway
    gateway.stop()


def test_a_hook_is_confirmed_and_arrives(gateway: Gateway, config: Config) -> None:
    def webhook_of_the_next() -> str | None:
        answer = gateway.push()
        assert answer.status_code == 202
        delivery = answer.json()["delivery"]
        until(lambda: any(one.delivery_id == delivery for one in config.got))
        (arrived,) = (one for one in config.got if one.delivery_id == delivery)
        assert arrived.via == "hook"
        return arrived.webhook_id

    until(lambda: gateway.answers("/healthz?wait=config"))
    # On a busy machine the look-up may come too late, and the delivery is taken unjudged.
    until(lambda: webhook_of_the_next() == "w1")


def test_a_gateway_on_all_addresses_serves_both_families(vhost_url: str, home: Path, config: Config) -> None:
    gateway = Gateway(vhost_url, home, HOST="::", TRUSTED_PROXIES="127.0.0.1")
    config.entries[0] = config.entries[0].model_copy(update={"networks": ("127.0.0.0/8", "198.51.100.0/24")})
    try:
        until(lambda: gateway.answers("/healthz?wait=config"))
        assert gateway.push().status_code == 202
        # IPv4 callers are seen as such: in source networks, and as a proxy whose word counts.
        until(lambda: [one.source_address for one in config.got] == ["127.0.0.1"])
        address = f"{gateway.url}/pipelines/api/docker-hub-webhooks?secureToken=good"
        for client, status in (("198.51.100.9", 202), ("203.0.113.9", 403)):
            headers = {"X-Forwarded-For": client}
            assert requests.post(address, json=PUSH, headers=headers, timeout=10).status_code == status
        over_ipv6 = address.replace("127.0.0.1", "[::1]")
        assert requests.post(over_ipv6, json=PUSH, timeout=10).status_code == 403
        assert "sourceNetworks" in requests.post(over_ipv6, json=PUSH, timeout=10).text
    finally:
        gateway.stop()


def test_a_token_is_good_the_moment_it_is_made_and_bad_the_moment_it_ends(gateway: Gateway, config: Config) -> None:
    until(lambda: gateway.answers("/healthz?wait=config"))
    # On a busy machine the look-up may come too late, and the delivery is taken unjudged; then it is asked again.
    until(lambda: gateway.push("new").status_code == 403)
    config.entries.append(TokenEntry(token_hash=token_hash("new"), webhook_id="w2"))
    assert gateway.push("new").status_code == 202
    config.entries.pop(0)
    config.revision += 1
    change = AllowlistChanged(revision=config.revision, removed=(token_hash("good"),))
    config.bus.broadcast(ALLOWLIST_CHANGED, change, subject="w1")
    until(lambda: gateway.push("good").status_code == 403)


def test_a_stopped_gateway_ends_in_order_and_says_no_token(gateway: Gateway, config: Config) -> None:
    until(lambda: gateway.answers("/healthz?wait=config"))
    gateway.push("very-secret-token")
    gateway.stop()
    assert gateway.process.returncode == 0
    said = gateway.log.read_text()
    assert "very-secret-token" not in said and "Traceback" not in said


def test_hooks_only_serves_no_pages_and_web_only_no_hooks(vhost_url: str, home: Path, config: Config) -> None:
    hooks = Gateway(vhost_url, home, "hooks")
    web = Gateway(vhost_url, home, "web")
    try:
        until(lambda: hooks.answers("/healthz?wait=config"))
        assert hooks.push().status_code == 202
        assert requests.get(f"{hooks.url}/sign-in", timeout=5).status_code == 404
        assert web.push().status_code == 404
        assert requests.get(f"{web.url}/sign-in", timeout=5).status_code == 200
    finally:
        hooks.stop()
        web.stop()


def test_no_hook_that_got_202_is_lost_while_the_broker_is_away(tmp_path: Path, home: Path) -> None:
    node = rabbitmq.PrivateNode(tmp_path / "node")
    node.start()
    config = Config(node.amqp_url)
    gateway = Gateway(node.amqp_url, home)
    try:
        until(lambda: gateway.answers("/healthz?wait=config"))
        accepted = [gateway.push().json()["delivery"] for _ in range(5)]
        node.kill()
        accepted += [gateway.push().json()["delivery"] for _ in range(20)]
        assert any((home / "gateway" / "spool").glob("*.json"))
        node.start()
        until(lambda: {one.delivery_id for one in config.got} >= set(accepted), 60)
        spooled = [one for one in config.got if one.via == "spool"]
        assert len({one.delivery_id for one in spooled}) >= 19
        until(lambda: not any((home / "gateway" / "spool").glob("*.json")))
    finally:
        gateway.stop()
        config.bus.close()
        node.stop()
