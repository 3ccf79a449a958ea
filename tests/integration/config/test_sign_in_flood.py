"""Strangers who try names and passwords hold up nobody: neither runners nor those who have signed in before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from statistics import median

from services.config.service import Config
from shared.bus import Bus, RequestTimeout
from shared.contracts.catalog import Act, Kind, SignedIn, SignIn
from shared.contracts.problems import Code, Refused
from shared.contracts.runs import Held, HeldAnswer, HeldRun
from shared.contracts.topics import CATALOG_ACT, RUN_HELD, SIGN_IN, Service
from shared.process.secrets import password_digest
from tests.support.patience import PATIENCE_S

from .test_service import ADMIN, config, gateway, runner, settings  # noqa: F401

CONNECTIONS = 40
FLOOD_S = 5.0
LEASE_S = 20.0
"""A sign of life that takes longer comes too late."""
SOON_S = 2.0
"""Behind the passwords of all strangers each would take longer; that a busy machine stops for a while harms nobody."""
OFFICE = "198.51.100.7"
PASSWORD = password_digest("correct horse battery staple")


@contextmanager
def flood(bus: Bus) -> Iterator[list[Code]]:
    """This many strangers at once, each from a new address with a new name, for as long as the block lasts."""
    numbers, over, refusals = count(), threading.Event(), list[Code]()

    def knock() -> None:
        while not over.is_set():
            number = next(numbers)
            address = f"203.0.{number // 250 % 250}.{number % 250}"
            ask = SignIn(username=f"invented-{number}", password_digest="0" * 64, source_address=address)
            try:
                bus.request(SIGN_IN, ask, timeout_s=PATIENCE_S)
            except Refused as refused:
                refusals.append(refused.problem.code)
            except RequestTimeout:
                refusals.append(Code.TIMEOUT)

    strangers = [threading.Thread(target=knock, daemon=True) for _ in range(CONNECTIONS)]
    for stranger in strangers:
        stranger.start()
    try:
        yield refusals
    finally:
        over.set()
        for stranger in strangers:
            stranger.join(PATIENCE_S)


def sign_in(bus: Bus, address: str) -> SignedIn:
    ask = SignIn(username="ann", password_digest=PASSWORD, source_address=address)
    answer = bus.request(SIGN_IN, ask, timeout_s=PATIENCE_S)
    assert isinstance(answer, SignedIn)
    return answer


def test_runners_are_heard_and_ann_gets_in_while_strangers_knock(
    config: Config,  # noqa: F811
    gateway: Bus,  # noqa: F811
    runner: Bus,  # noqa: F811
    vhost_url: str,
) -> None:
    made = Act(kind=Kind.USERS, verb="create", body={"name": "ann"}, hashes={"password": PASSWORD})
    gateway.request(CATALOG_ACT, made, caller=ADMIN, timeout_s=PATIENCE_S)
    sign_in(gateway, OFFICE)
    waits = list[float]()
    with Bus(vhost_url, service=Service.GATEWAY, instance="g2") as outside:
        assert outside.wait_connected(PATIENCE_S)
        with flood(outside) as refusals:
            until = time.monotonic() + FLOOD_S
            while time.monotonic() < until or refusals.count(Code.TOO_MANY) <= CONNECTIONS:
                assert time.monotonic() < until + PATIENCE_S, "the strangers hardly knocked"
                asked_at = time.monotonic()
                held = Held(runner="r1", holds=(HeldRun(execution_id="x", attempt=1),))
                answer = runner.request(RUN_HELD, held, timeout_s=LEASE_S)
                waits.append(time.monotonic() - asked_at)
                assert isinstance(answer, HeldAnswer)
                time.sleep(0.05)
            assert sign_in(gateway, OFFICE).user == "ann"
    assert median(waits) < SOON_S, f"a runner waits {median(waits):.2f} s for its sign of life"
