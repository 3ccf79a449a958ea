"""The gateway as it is started, over a real broker: hooks before config, broker restarts, spool, stopping."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from cli import rabbitmq
from services.gateway.server.worker import SIGN_IN_THREADS
from shared.bus import Incoming
from shared.contracts.catalog import SignedIn
from shared.contracts.pushes import AllowlistChanged, TokenEntry
from shared.contracts.topics import ALLOWLIST_CHANGED, SIGN_IN
from shared.process.secrets import token_hash
from tests.support.gateway import PUSH, Config, Gateway, until
from tests.support.patience import PATIENCE_S, wait_for


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
    # On a busy machine the look-up may come too late, and the delivery is taken unjudged; one address has few of those.
    wait_for(lambda: webhook_of_the_next() == "w1", "a delivery whose token was looked up", every_s=0.5)


def test_without_a_broker_it_is_ready_until_its_spool_is_nearly_full(tmp_path: Path, home: Path) -> None:
    node = rabbitmq.PrivateNode(tmp_path / "node")
    node.start()
    config = Config(node.amqp_url)
    gateway = Gateway(node.amqp_url, home, SPOOL_MAX_FILES="20")

    def probe(path: str) -> tuple[int, dict[str, object]]:
        answer = requests.get(f"{gateway.url}{path}", timeout=PATIENCE_S)
        return answer.status_code, answer.json()

    try:
        until(lambda: gateway.answers("/healthz?wait=config"))
        gateway.push()
        assert probe("/livez") == (200, {"status": "ok"})
        ready = {"status": "ready", "broker": "connected", "spool": "usable", "spoolUsed": 0.0}
        until(lambda: probe("/readyz") == (200, ready))
        node.kill()
        until(lambda: probe("/readyz")[1]["broker"] == "away")
        assert probe("/readyz")[0] == 200
        while len(list((home / "gateway" / "spool").glob("*.json"))) < 18:
            assert gateway.push().status_code == 202
        until(lambda: probe("/readyz")[0] == 503)
        assert probe("/readyz")[1] == ready | {"status": "not ready", "broker": "away", "spoolUsed": 0.9}
        assert probe("/livez")[0] == 200
        assert gateway.push().status_code == 202
    finally:
        gateway.stop()
        config.bus.close()
        node.kill()


def test_a_gateway_on_all_addresses_serves_both_families(vhost_url: str, home: Path, config: Config) -> None:
    config.entries[0] = config.entries[0].model_copy(update={"networks": ("127.0.0.0/8", "198.51.100.0/24")})
    gateway = Gateway(vhost_url, home, HOST="::", TRUSTED_PROXIES="127.0.0.1")
    try:
        until(lambda: gateway.answers("/healthz?wait=config"))
        # On a busy machine the look-up may come too late, and the delivery is taken unjudged.
        wait_for(lambda: gateway.push().ok and any(one.webhook_id for one in config.got), "a look-up", every_s=0.5)
        # IPv4 callers are seen as such: in source networks, and as a proxy whose word counts.
        assert {one.source_address for one in config.got} == {"127.0.0.1"}
        address = f"{gateway.url}/pipelines/api/docker-hub-webhooks?secureToken=good"
        for client, status in (("198.51.100.9", 202), ("203.0.113.9", 403)):
            headers = {"X-Forwarded-For": client}
            assert requests.post(address, json=PUSH, headers=headers, timeout=PATIENCE_S).status_code == status
        over_ipv6 = address.replace("127.0.0.1", "[::1]")
        assert requests.post(over_ipv6, json=PUSH, timeout=PATIENCE_S).status_code == 403
        assert "sourceNetworks" in requests.post(over_ipv6, json=PUSH, timeout=PATIENCE_S).text
    finally:
        gateway.stop()


def test_a_token_is_good_the_moment_it_is_made_and_bad_the_moment_it_ends(gateway: Gateway, config: Config) -> None:
    until(lambda: gateway.answers("/healthz?wait=config"))
    # On a busy machine the look-up may come too late, and the delivery is taken unjudged; then it is asked again.
    wait_for(lambda: gateway.push("new").status_code == 403, "a look-up", every_s=0.5)
    config.entries.append(TokenEntry(token_hash=token_hash("new"), webhook_id="w2"))
    assert gateway.push("new").status_code == 202
    config.entries.pop(0)
    config.revision += 1
    change = AllowlistChanged(revision=config.revision, removed=(token_hash("good"),))
    config.bus.broadcast(ALLOWLIST_CHANGED, change, subject="w1")
    wait_for(lambda: gateway.push("good").status_code == 403, "the change to be heard", every_s=0.5)


def test_sign_ins_have_a_few_threads_however_many_come_and_hooks_do_not_wait_for_them(
    vhost_url: str, home: Path
) -> None:
    under_way, most, over = set[str](), [0], threading.Event()

    def slow(incoming: Incoming) -> SignedIn:
        under_way.add(incoming.envelope.id)
        most[0] = max(most[0], len(under_way))
        over.wait(PATIENCE_S)
        under_way.discard(incoming.envelope.id)
        return SignedIn(user="ann", token_id="t1")

    config = Config(vhost_url, {SIGN_IN: slow}, threads=16)
    gateway = Gateway(vhost_url, home)

    def sign_in(number: int) -> int:
        body = {"refreshToken": f"token-{number}"}
        return requests.post(f"{gateway.url}/iaas/api/login", json=body, timeout=PATIENCE_S).status_code

    try:
        until(lambda: gateway.answers("/healthz?wait=config"))
        with ThreadPoolExecutor(12) as people:
            statuses = people.map(sign_in, range(12))
            until(lambda: len(under_way) >= SIGN_IN_THREADS)
            assert [gateway.push().status_code for _ in range(5)] == [202] * 5
            over.set()
            assert list(statuses) == [200] * 12
        assert most[0] == SIGN_IN_THREADS
    finally:
        over.set()
        gateway.stop()
        config.bus.close()


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
        assert requests.get(f"{hooks.url}/sign-in", timeout=PATIENCE_S).status_code == 404
        assert web.push().status_code == 404
        assert requests.get(f"{web.url}/sign-in", timeout=PATIENCE_S).status_code == 200
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
        until(lambda: {one.delivery_id for one in config.got} >= set(accepted))
        spooled = [one for one in config.got if one.via == "spool"]
        assert len({one.delivery_id for one in spooled}) >= 19
        until(lambda: not any((home / "gateway" / "spool").glob("*.json")))
    finally:
        gateway.stop()
        config.bus.close()
        node.kill()
