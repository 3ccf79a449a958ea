"""Messages put into the broker past every sender, as any program with its password could."""

from __future__ import annotations

import base64
import time

from cli import demo
from shared.bus import wire
from shared.bus.topology import DEAD
from shared.contracts.pushes import HookReceived, Push
from shared.contracts.topics import HOOK_RECEIVED
from shared.process.secrets import token_hash
from tests.support.world import World


def publish(world: World, where: str, body: bytes, message_id: str, *, exchange: bool = False, **more: str) -> None:
    """Into a queue, or with `exchange` into an exchange of that name."""
    name, key = (where, "") if exchange else ("amq.default", where)
    order = {
        "properties": {"message_id": message_id, "delivery_mode": 2, **more},
        "routing_key": key,
        "payload": base64.b64encode(body).decode(),
        "payload_encoding": "base64",
    }
    answer = world.broker.manage("POST", f"/api/exchanges/%2F/{name}/publish", order)
    assert answer == {"routed": True}


def quarantine_hook(world: World, url: str, tag: str, delivery_id: str) -> None:
    """A hook of the demo's repository that can be read, among the dead letters."""
    hook = HookReceived(
        delivery_id=delivery_id,
        received_at=time.time(),
        token_hash=token_hash(url.partition("secureToken=")[2]),
        pushes=(Push(provider="dockerhub", registry_host="docker.io", repository=demo.REPOSITORY, tag=tag),),
    )
    parcel = wire.pack(HOOK_RECEIVED, hook, source="test", subject=delivery_id)
    publish(world, DEAD, parcel.body, delivery_id, exchange=True, type=HOOK_RECEIVED.type)
