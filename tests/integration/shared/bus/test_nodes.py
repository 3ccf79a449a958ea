"""Several nodes, queues that cannot be declared, refusals without a reason, and queues of an earlier release."""

from __future__ import annotations

import socket
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from cli.ports import free_port
from cli.rabbitmq import PrivateNode
from shared.bus import (
    Bus,
    Incoming,
    Inspection,
    NotConfirmed,
    RequestTimeout,
    Unavailable,
    link,
    refusals,
    retirement,
)
from shared.bus.nodes import Nodes
from shared.contracts import pushes, runs, topics
from shared.contracts.base import Message
from shared.contracts.topics import Service
from tests.support.hostile import Answer, drip, flood, hostile_server, reply
from tests.support.patience import PATIENCE_S, until


def test_nodes_that_do_not_answer_are_passed_over(vhost_url: str) -> None:
    url = vhost_url.replace("@", f"@127.0.0.1:{free_port()},127.0.0.1:{free_port()},")
    with Bus(url, service=Service.CONFIG, instance="n") as bus:
        assert bus.wait_connected(PATIENCE_S), bus.trouble
    states = Inspection(url, "").look().queues
    assert {state.ready for state in states} == {0}


def test_every_address_of_a_name_is_tried_and_the_last_one_used_comes_last(
    vhost_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo
    addresses = {"mq.example.com": ["127.0.0.1", "127.0.0.7", "127.0.0.8"]}

    def look_up_here(host: str, port: int, **more: Any) -> Any:
        return [found for address in addresses.get(host, [host]) for found in look_up(address, port, **more)]

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    parts = urlsplit(vhost_url)
    url = vhost_url.replace("127.0.0.1", "mq.example.com")
    last = ("127.0.0.7", parts.port or 0)
    turns = Nodes(url, "n").in_turn(last)
    assert sorted(node.host for node in turns) == addresses["mq.example.com"]
    assert turns[-1].host == "127.0.0.7"
    with Bus(url, service=Service.CONFIG, instance="n") as bus:
        assert bus.wait_connected(PATIENCE_S), bus.trouble


def test_a_name_that_nobody_knows_is_said_and_looked_up_again(vhost_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up, known = socket.getaddrinfo, list[bool]()

    def look_up_here(host: str, port: int, **more: Any) -> Any:
        if host == "mq.example.com" and not known:
            raise socket.gaierror(-2, "Name or service not known")
        return look_up("127.0.0.1", port, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    with Bus(vhost_url.replace("127.0.0.1", "mq.example.com"), service=Service.CONFIG, instance="n") as bus:
        until(lambda: "name is unknown" in bus.trouble)
        known.append(True)
        assert bus.wait_connected(PATIENCE_S), bus.trouble


def test_a_queue_that_cannot_be_declared_is_a_trouble_of_that_queue(
    raw: Any, open_bus: Callable[[Service], Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "_BEFORE_REPAIR_S", 0.5)
    raw.queue_declare("hubsync.rpc.v2", durable=True)
    config = open_bus(Service.CONFIG)
    up_since = config._sending._up_since
    until(lambda: "hubsync.rpc.v2 cannot be used" in config.trouble)
    hook = pushes.HookReceived(delivery_id="d", received_at=1.0, token_hash="h")
    config.publish(topics.HOOK_RECEIVED, hook, subject="d")
    raw.queue_delete("hubsync.rpc.v2")
    until(lambda: config.trouble == "")
    assert config._sending._up_since == up_since


@pytest.fixture
def full(broker: PrivateNode, vhost_url: str) -> Callable[[], None]:
    """An operator's policy that lets one hook into its queue, which no argument of the queue tells."""

    def limit() -> None:
        name = urlsplit(vhost_url).path[1:]
        policy = {"pattern": "config[.]hooks$", "definition": {"max-length": 1}, "apply-to": "queues"}
        broker.manage("PUT", f"/api/policies/{quote(name, safe='')}/p{uuid.uuid4().hex[:6]}", policy)

    return limit


def test_refusals_that_go_on_change_the_channel_and_then_the_node_and_say_the_depth(
    config: Bus, full: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "PATIENCE_S", 1.0)
    monkeypatch.setattr(refusals, "_READ_AGAIN_S", 0.2)
    full()
    channel, up_since = config._publisher._confirmed, config._sending._up_since
    reasons = list[str]()

    def send() -> None:
        hook = pushes.HookReceived(delivery_id="d", received_at=1.0, token_hash="h")
        try:
            config.publish(topics.HOOK_RECEIVED, hook, subject="d", timeout_s=2)
        except NotConfirmed as refused:
            reasons.append(str(refused))

    def changed_channel() -> bool:
        send()
        return config._publisher._confirmed not in (channel, None)

    def changed_node() -> bool:
        send()
        return config._sending._up_since != up_since

    until(changed_channel)
    assert config._sending._up_since == up_since
    assert any("refused by the broker: config.hooks holds " in reason for reason in reasons), reasons
    assert "refused messages" in config.trouble and "config.hooks holds" in config.trouble
    until(changed_node)


def test_requests_that_go_on_without_an_answer_change_the_channel(
    config: Bus, runner: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "PATIENCE_S", 0.5)
    monkeypatch.setattr(refusals, "_READ_AGAIN_S", 0.1)
    answers = list[runs.HeldAnswer]()

    def answer(_incoming: Incoming) -> runs.HeldAnswer | Future[Message]:
        return answers[0] if answers else Future()

    config.serve(topics.SIGNS_OF_LIFE, {topics.RUN_HELD: answer}, threads=1, deferred=100)
    channel = runner._requester._channel

    def changed() -> bool:
        with pytest.raises((RequestTimeout, Unavailable)):
            runner.request(topics.RUN_HELD, runs.Held(runner="r"), timeout_s=0.2)
        return runner._requester._channel not in (channel, None)

    until(changed)
    answers.append(runs.HeldAnswer())
    until(lambda: runner._requester.ready)
    assert runner.request(topics.RUN_HELD, runs.Held(runner="r"), timeout_s=PATIENCE_S) == runs.HeldAnswer()


def test_a_queue_of_an_earlier_release_is_deleted_when_nobody_consumes_it_any_more(
    raw: Any, open_bus: Callable[[Service], Bus], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retirement, "_LOOK_S", 0.2)
    raw.exchange_declare("portside.commands", exchange_type="direct", durable=True)
    raw.queue_declare("config.rpc", durable=True, arguments={"x-queue-type": "classic", "x-max-length": 10_000})
    raw.queue_bind("config.rpc", "portside.commands", "allowlist.ask")
    received = list[bytes]()
    raw.basic_consume("config.rpc", lambda *message: received.append(message[3]), auto_ack=True, consumer_tag="old")
    config = open_bus(Service.CONFIG)

    def asked() -> bool:
        with pytest.raises(RequestTimeout):
            config.request(topics.ALLOWLIST_ASK, pushes.AllowlistAsk(), timeout_s=0.3)
        raw.connection.process_data_events(0.1)
        return len(received) >= 3

    until(asked)
    raw.basic_cancel("old")
    config.request_nowait(topics.ALLOWLIST_ASK, pushes.AllowlistAsk(), timeout_s=1.0)

    def gone() -> bool:
        channel = raw.connection.channel()
        try:
            channel.queue_declare("config.rpc", passive=True)
        except Exception:
            return True
        channel.close()
        return False

    until(gone)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (drip(), "within 3 s"),
        (reply(body=b'{"error": "not_authorised"}', status="401 Unauthorized"), "answers 401"),
        (reply(body=b'"queues"', Content_Type="application/json"), "of another shape"),
        (reply(body=b"<html>", Content_Type="text/html"), "of another shape"),
        (reply(status="302 Found", Location="http://127.0.0.1:9/"), "answers 302"),
        (flood(b"HTTP/1.1 200 OK\r\n\r\n", 64 * 2**20), "8 MiB"),
    ],
    ids=["drips", "refuses", "no rows", "no JSON", "leads elsewhere", "floods"],
)
def test_a_management_api_that_misbehaves_costs_the_rates_alone(vhost_url: str, answer: Answer, words: str) -> None:
    with hostile_server(answer) as server:
        url = server.url.replace("//", "//portside:secret@")
        state = Inspection(vhost_url, url).look()
    assert words in state.missing and "secret" not in state.missing
    assert all(queue.ready is None and queue.published_s is None for queue in state.queues)
