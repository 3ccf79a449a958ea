"""A stranger who sends whole requests over many connections, as fast as they are answered: a process of its own.

`python -m tests.adversary.senders KIND PORT COUNT SECONDS [SOURCE]` prints `ready`, then works, and prints how often
each status came (0 for none) when it is over. From a SOURCE that is a trusted proxy each connection is a client of
its own. Bounded in count and time; loopback only.
"""

from __future__ import annotations

import gzip
import http.client
import itertools
import json
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.support.gateway import HOOK, PUSH

STRANGER, PROXY = "127.0.0.2", "127.0.0.3"
GIVE_UP_S = 20.0
PAUSE_S = 0.02
"""Of a connection between two requests: a stranger's network takes time too."""
LOGIN, TOKEN_LOGIN = "/csp/gateway/am/api/login", "/iaas/api/login"
JSON, YAML, FORM = "application/json", "application/x-yaml", "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Sent:
    """A request of a stranger."""

    path: str
    body: bytes = b""
    content_type: str = JSON
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)


def _sign_in(number: int) -> Sent:
    return Sent(LOGIN, json.dumps({"username": f"invented-{number}", "password": f"guess {number}"}).encode())


def _token(number: int) -> Sent:
    return Sent(TOKEN_LOGIN, json.dumps({"refreshToken": f"guess-{number}"}).encode())


def _alias(_number: int) -> Sent:
    return Sent(TOKEN_LOGIN, b"a: &a [*a]", YAML)


_DEEP = b"[" * 3_000 + b"]" * 3_000
_BOMB = gzip.compress(bytes(64 * 1024 * 1024), 9)
_LARGE = b'{"username": "' + b"a" * (1024 * 1024) + b'"}'


def _guessed_hook(number: int) -> Sent:
    return Sent(f"{HOOK}?secureToken=guess-{number}-{random.random()}", json.dumps(PUSH).encode())


def _device(number: int) -> Sent:
    return Sent("/oauth/device", f"client_id=cli&client_name=a{number}".encode(), FORM)


KINDS: dict[str, Callable[[int], Sent]] = {
    "sign-ins": _sign_in,
    "guessed-tokens": _token,
    "guessed-hooks": _guessed_hook,
    "device-codes": _device,
    "yaml-aliases": _alias,
    "deep-documents": lambda _number: Sent(LOGIN, _DEEP),
    "gzip-bombs": lambda number: Sent(_guessed_hook(number).path, _BOMB, headers={"Content-Encoding": "gzip"}),
    "large-bodies": lambda _number: Sent(LOGIN, _LARGE),
}


def attack(kind: str, port: int, count: int, seconds: float, source: str) -> Counter[int]:
    """Send until the time is over; how often each status came."""
    # A stranger works on a machine of his own.
    os.nice(10)
    until, numbers, codes = time.monotonic() + seconds, itertools.count(), Counter[int]()

    def work(place: int) -> None:
        client = {"X-Forwarded-For": f"203.0.113.{place}"} if source == PROXY else {}
        while time.monotonic() < until:
            connection = http.client.HTTPConnection("127.0.0.1", port, GIVE_UP_S, (source, 0))
            try:
                while time.monotonic() < until:
                    sent = KINDS[kind](next(numbers))
                    headers = {"Content-Type": sent.content_type, **sent.headers, **client}
                    connection.request(sent.method, sent.path, sent.body, headers)
                    answer = connection.getresponse()
                    answer.read()
                    codes[answer.status] += 1
                    time.sleep(PAUSE_S)
            except (OSError, http.client.HTTPException):
                codes[0] += 1
                time.sleep(PAUSE_S)
            finally:
                connection.close()

    strangers = [threading.Thread(target=work, args=(place,), daemon=True) for place in range(count)]
    for stranger in strangers:
        stranger.start()
    print("ready", flush=True)
    for stranger in strangers:
        stranger.join(seconds + GIVE_UP_S)
    return codes


if __name__ == "__main__":
    kind, port, count, seconds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    print(json.dumps(attack(kind, port, count, seconds, sys.argv[5] if sys.argv[5:] else STRANGER)), flush=True)
