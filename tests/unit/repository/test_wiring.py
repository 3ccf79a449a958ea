"""Making a service opens nothing, and one that cannot be opened whole leaves nothing open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.config.service import Config
from services.config.settings import Settings
from services.gateway.service import PARTS, Worker
from services.gateway.settings import GatewaySettings
from services.hubsync.service import Hubsync
from services.hubsync.settings import HubsyncSettings
from services.runner.service import Runner
from services.runner.settings import RunnerSettings
from shared.process.metrics import Metrics
from shared.process.secrets import create_keys

NOBODY = "amqp://guest:guest@127.0.0.1:1/"
SERVICES: dict[str, Callable[[Path], Any]] = {
    "config": lambda home: Config(Settings(amqp_url=NOBODY, portside_home=home)),
    "gateway": lambda home: Worker(GatewaySettings(amqp_url=NOBODY, portside_home=home), frozenset(PARTS)),
    "hubsync": lambda home: Hubsync(HubsyncSettings(amqp_url=NOBODY, portside_home=home)),
    "runner": lambda home: Runner(RunnerSettings(amqp_url=NOBODY, portside_home=home)),
}


def files(home: Path) -> set[str]:
    return {path.name for path in home.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_is_made_has_opened_nothing(name: str, home: Path) -> None:
    create_keys(home)
    before, keys = set(threading.enumerate()), files(home)
    SERVICES[name](home)
    assert (set(threading.enumerate()) - before, files(home)) == (set(), keys)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_that_cannot_be_opened_whole_is_closed_again(
    name: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_keys(home)

    def broken(*_: object, **__: object) -> None:
        raise OSError("no port is free")

    monkeypatch.setattr(Metrics, "start", broken)
    monkeypatch.setattr("services.config.service.what_is_missing", lambda _store: "")
    before = set(threading.enumerate())
    with pytest.raises(OSError, match="no port is free"):
        SERVICES[name](home).open()
    assert not [thread.name for thread in set(threading.enumerate()) - before if thread.is_alive()]
    assert not list((home / "run").iterdir())
