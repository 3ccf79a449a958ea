"""The broker goes away, is short of memory, and comes back: on a node of this module's own."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from cli.rabbitmq import PrivateNode, server_script
from shared.bus import Ack, Bus, Incoming, NotConfirmed, Outcome, RequestTimeout, Unavailable
from shared.contracts import pushes, runs, topics
from shared.contracts.topics import Service
from tests.support.patience import PATIENCE_S, until


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateNode]:
    node = PrivateNode(tmp_path_factory.mktemp("outages"))
    node.start()
    yield node
    node.kill()


@pytest.fixture
def pair(node: PrivateNode) -> Iterator[tuple[Bus, Bus]]:
    buses = [Bus(node.amqp_url, service=service, instance="o") for service in (Service.GATEWAY, Service.CONFIG)]
    for bus in buses:
        bus.open()
        assert bus.wait_connected(PATIENCE_S), bus.trouble
    yield buses[0], buses[1]
    for bus in buses:
        bus.close()


def _hook(bus: Bus, name: str, timeout_s: float = 5.0) -> None:
    hook = pushes.HookReceived(delivery_id=name, received_at=1.0, token_hash="h")
    bus.publish(topics.HOOK_RECEIVED, hook, subject=name, timeout_s=timeout_s)


def _refused_at_once(call: Callable[[], None]) -> None:
    """It does not wait the five seconds for which a confirmation is waited for."""
    began = time.monotonic()
    with pytest.raises(NotConfirmed):
        call()
    assert time.monotonic() - began < 3.0


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_nothing_confirmed_is_lost_when_the_broker_restarts_and_all_recovers_alone(
    node: PrivateNode, pair: tuple[Bus, Bus], how: str
) -> None:
    gateway, config = pair
    handled: set[str] = set()
    gaps: list[float] = []

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        handled.update(incoming.envelope.subject for incoming in batch)
        return [Ack() for _ in batch]

    config.consume_single(topics.HOOKS, handle)
    config.serve(
        topics.CONFIG_READS, {topics.ALLOWLIST_ASK: lambda _i: pushes.Allowlist(revision=1, entries=())}, threads=1
    )
    gateway.listen(topics.GATEWAY_NEWS, {topics.ALLOWLIST_CHANGED: lambda _i: None}, on_gap=lambda: gaps.append(1.0))
    confirmed: set[str] = set()
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            name = f"{how}-{number}"
            try:
                _hook(gateway, name, timeout_s=2)
                confirmed.add(name)
            except NotConfirmed:
                time.sleep(0.01)

    loader = threading.Thread(target=load)
    loader.start()
    try:
        until(lambda: len(confirmed) > 50 and len(gaps) == 1)
        getattr(node, how)()
        until(lambda: not gateway.connected and not config.connected)
        before = len(confirmed)
        _refused_at_once(lambda: _hook(gateway, "x"))
        with pytest.raises(Unavailable):
            gateway.request(topics.ALLOWLIST_ASK, pushes.AllowlistAsk())
        assert "away" in gateway.trouble
        node.start()
        until(lambda: len(confirmed) > before + 50)
    finally:
        stop.set()
        loader.join(PATIENCE_S)
    until(lambda: confirmed <= handled)
    until(lambda: len(gaps) >= 2)
    assert gateway.trouble == ""

    def answered() -> object:
        try:
            return gateway.request(topics.ALLOWLIST_ASK, pushes.AllowlistAsk())
        except (Unavailable, RequestTimeout):
            return None

    assert until(answered) == pushes.Allowlist(revision=1, entries=())


def test_a_broker_whose_queues_were_lost_gets_them_again(node: PrivateNode, pair: tuple[Bus, Bus]) -> None:
    gateway, config = pair
    handled: list[str] = []

    def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
        handled.extend(incoming.envelope.subject for incoming in batch)
        return [Ack() for _ in batch]

    consumer = config.consume_single(topics.HOOKS, handle)
    until(lambda: consumer.running)
    node.manage("DELETE", "/api/queues/%2F/config.hooks")

    def arrives() -> bool:
        try:
            _hook(gateway, "after")
        except NotConfirmed:
            return False
        return True

    until(arrives)
    until(lambda: "after" in handled)


def test_while_the_broker_is_short_of_memory_sending_fails_at_once_and_consuming_goes_on(
    node: PrivateNode, pair: tuple[Bus, Bus]
) -> None:
    gateway, config = pair
    for number in range(20):
        _hook(gateway, f"early-{number}")
    _alarm(node, on=True)
    try:
        # The broker says so at the first message after its alarm; that one waits in vain.
        until(lambda: _refused(gateway) and gateway.blocked)
        _refused_at_once(lambda: _hook(gateway, "x"))
        with pytest.raises(Unavailable, match="memory"):
            gateway.request(topics.RUN_HELD, runs.Held(runner="r"))
        gateway.broadcast(topics.RUN_INTENT, runs.IntentChanged(execution_id="e"), subject="e")
        assert not gateway.connected
        assert "short of memory" in gateway.trouble
        handled: list[str] = []

        def handle(batch: Sequence[Incoming]) -> Sequence[Outcome]:
            handled.extend(incoming.envelope.subject for incoming in batch)
            return [Ack() for _ in batch]

        config.consume_single(topics.HOOKS, handle)
        until(lambda: len([name for name in handled if name.startswith("early")]) == 20)
    finally:
        _alarm(node, on=False)
    until(lambda: gateway.connected)
    _hook(gateway, "late")
    until(lambda: "late" in handled)


def _refused(bus: Bus) -> bool:
    try:
        _hook(bus, "blocked", timeout_s=0.3)
    except NotConfirmed:
        return True
    return False


def _alarm(node: PrivateNode, *, on: bool) -> None:
    """A watermark that any node is above, as in an outage of memory; and the usual one again."""
    script = server_script()
    assert script is not None
    subprocess.run(
        [str(script.with_name("rabbitmqctl")), "-q", "set_vm_memory_high_watermark", "0.00000001" if on else "0.4"],
        env=node.environment,
        check=True,
        timeout=60,
        capture_output=True,
    )
