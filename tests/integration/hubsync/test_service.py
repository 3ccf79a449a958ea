"""hubsync as a real process on a real broker: asked by config, at work at the fake Hub, reporting back."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from demo.hub.server import FakeHub
from shared.bus import Ack, Bus, Incoming, Outcome
from shared.contracts.mirror import MirrorPass, MirrorReport, MirrorState, Wanted, WantedAsk, WantedHook
from shared.contracts.topics import CONFIG_RPC, LEDGER, MIRROR_PASS, MIRROR_WANTED, Service
from shared.process.secrets import Sealer, create_keys
from tests.support.patience import PATIENCE_S

BASE = "https://ci.example.com/pipelines/api/docker-hub-webhooks?secureToken="


class Config:
    """As much of config as the mirror meets."""

    def __init__(self, url: str, wanted_hooks: Wanted | None = None) -> None:
        # Known before the first question can come: an empty answer ends a pass that waits already.
        self.wanted = wanted_hooks or Wanted(installation="i1")
        self.asked: list[WantedAsk] = []
        self.reports: queue.Queue[MirrorReport] = queue.Queue()
        self.bus = Bus(url, service=Service.CONFIG, instance="t")
        self.bus.open()
        assert self.bus.wait_connected(PATIENCE_S), self.bus.trouble
        self.bus.serve(CONFIG_RPC, {MIRROR_WANTED: self._answer}, threads=1)
        self.bus.consume_single(LEDGER, self._take)

    def _answer(self, incoming: Incoming) -> Wanted:
        assert isinstance(incoming.message, WantedAsk)
        self.asked.append(incoming.message)
        return self.wanted

    def _take(self, batch: Sequence[Incoming]) -> Sequence[Outcome]:
        for incoming in batch:
            assert isinstance(incoming.message, MirrorReport)
            self.reports.put(incoming.message)
        return [Ack()] * len(batch)

    def look(self, *ids: str) -> None:
        self.bus.publish(MIRROR_PASS, MirrorPass(reason="test", webhook_ids=ids), subject="mirror")


@pytest.fixture
def config(vhost_url: str) -> Iterator[Config]:
    made = Config(vhost_url)
    yield made
    made.bus.close()


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    fake = FakeHub()
    fake.world.add_repository("acme/web")
    yield fake
    fake.close()


@pytest.fixture
def process(vhost_url: str, home: Path) -> Iterator[subprocess.Popen[str]]:
    create_keys(home)
    environment = {**os.environ, "AMQP_URL": vhost_url, "PORTSIDE_HOME": str(home), "PYTHONWARNINGS": "default"}
    started = subprocess.Popen(
        [sys.executable, "-m", "services.hubsync"], env=environment, stderr=subprocess.PIPE, text=True
    )
    yield started
    if started.poll() is None:
        started.terminate()
        started.communicate(timeout=PATIENCE_S)


def wanted(home: Path, hub: FakeHub, **changes: object) -> Wanted:
    sealer = Sealer.load(home)
    values: dict[str, object] = {
        "webhook_id": "w1",
        "hook_name": "portside-i1-w1-1",
        "generation": 1,
        "repository": "acme/web",
        "url_base": BASE,
        "token": sealer.seal("t0ken-one"),
        "hub_url": hub.url,
        "hub_local": True,
        "username": "acme",
        "password": sealer.seal("demo-password"),
    }
    return Wanted(installation="i1", hooks=(WantedHook.model_validate(values | changes),))


def test_a_pass_asks_config_makes_the_hook_and_reports_it(
    config: Config, hub: FakeHub, home: Path, process: subprocess.Popen[str]
) -> None:
    config.wanted = wanted(home, hub)
    config.look("w1")
    report = config.reports.get(timeout=PATIENCE_S)
    assert (report.webhook_id, report.state, report.slug) == ("w1", MirrorState.IN_STEP, "portside-i1-w1-1")
    assert config.asked[0].webhook_ids == ("w1",)
    assert hub.world.repositories["acme/web"].hooks["portside-i1-w1-1"].urls == [f"{BASE}t0ken-one"]

    config.wanted = wanted(home, hub, gone=True)
    config.look()
    assert config.reports.get(timeout=PATIENCE_S).state is MirrorState.GONE

    process.terminate()
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    assert "t0ken-one" not in said and "demo-password" not in said
    assert '"in step"' in said or "in step" in said


def test_what_is_asked_while_config_is_away_is_done_when_it_is_back(
    vhost_url: str, hub: FakeHub, home: Path, process: subprocess.Popen[str]
) -> None:
    with Bus(vhost_url, service=Service.CONFIG, instance="before") as before:
        assert before.wait_connected(PATIENCE_S)
        before.publish(MIRROR_PASS, MirrorPass(reason="test"), subject="mirror")
    threading.Event().wait(1.0)
    late = Config(vhost_url, wanted(home, hub))
    try:
        assert late.reports.get(timeout=PATIENCE_S).state is MirrorState.IN_STEP
    finally:
        late.bus.close()
