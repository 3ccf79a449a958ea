"""Hooks that go on while somebody attacks: a steady rate, each over a connection of its own as registries do it."""

from __future__ import annotations

import http.client
import json
import ssl
import threading
import time
from dataclasses import dataclass, field

from tests.support.gateway import HOOK, PUSH

SENDERS = 16
GIVE_UP_S = 30.0


@dataclass(frozen=True)
class Hook:
    """Where hooks go, and what they carry beside a push."""

    path: str = f"{HOOK}?secureToken=good"
    headers: dict[str, str] = field(default_factory=dict)


OWN_HOOK = Hook()
"""Of `tests.support.gateway.Config`."""


@dataclass
class Steady:
    """What became of them: how long each took in ms, and what was not 202."""

    times_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @property
    def p99_ms(self) -> float:
        """Of those that were sent; a failed one counts as long as was waited for it."""
        times = sorted(self.times_ms)
        return times[min(len(times) - 1, int(len(times) * 0.99))]


def send(
    port: int, seconds: float, *, per_s: float = 50.0, tls: ssl.SSLContext | None = None, hook: Hook = OWN_HOOK
) -> Steady:
    """Post for so long; every hook is sent at its time, however slow those before it are."""
    steady, began = Steady(), time.monotonic()
    places = iter(range(int(seconds * per_s)))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                place = next(places, None)
            if place is None:
                return
            time.sleep(max(0.0, began + place / per_s - time.monotonic()))
            _post(port, tls, steady, hook)

    senders = [threading.Thread(target=work, daemon=True) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(seconds + SENDERS * GIVE_UP_S)
    return steady


def _post(port: int, tls: ssl.SSLContext | None, steady: Steady, hook: Hook) -> None:
    started = time.perf_counter()
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=GIVE_UP_S, context=tls)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_S)
    )
    try:
        headers = {"Content-Type": "application/json", **hook.headers}
        connection.request("POST", hook.path, json.dumps(PUSH), headers)
        status = connection.getresponse().status
        if status != 202:
            steady.failures.append(str(status))
    except (OSError, http.client.HTTPException) as error:
        steady.failures.append(type(error).__name__)
    finally:
        connection.close()
        steady.times_ms.append((time.perf_counter() - started) * 1000)
