"""The gateway as it is started, and as much of config as it needs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import requests

from cli.ports import free_port
from shared.bus import Ack, Bus, Incoming, Outcome, Server
from shared.contracts.pushes import Allowlist, AllowlistAsk, HookReceived, TokenEntry
from shared.contracts.topics import ALLOWLIST_ASK, CONFIG_READS, CONFIG_RPC, HOOKS, Service, Topic
from shared.process.secrets import create_keys, token_hash
from tests.support.patience import PATIENCE_S
from tests.support.patience import until as until

HOOK = "/pipelines/api/docker-hub-webhooks"
PUSH = {"push_data": {"tag": "1.4.1", "pusher": "ann"}, "repository": {"repo_name": "acme/web"}}


class Config:
    """What the gateway needs of config: the allowlist, and somebody who takes hooks."""

    def __init__(self, url: str, more: Mapping[Topic, Server] | None = None, *, threads: int = 2) -> None:
        self.entries = [TokenEntry(token_hash=token_hash("good"), webhook_id="w1")]
        self.revision = 1
        self.got: list[HookReceived] = []
        self.bus = Bus(url, service=Service.CONFIG, instance="test")
        self.bus.open()
        self.bus.serve(CONFIG_READS, {ALLOWLIST_ASK: self._allowlist}, threads=threads)
        if more:
            self.bus.serve(CONFIG_RPC, more, threads=threads)
        self.bus.consume_single(HOOKS, self._take)

    def _allowlist(self, incoming: Incoming) -> Allowlist:
        ask = incoming.message
        assert isinstance(ask, AllowlistAsk)
        found = tuple(entry for entry in self.entries if ask.token_hash in (None, entry.token_hash))
        return Allowlist(revision=self.revision, entries=found)

    def _take(self, batch: object) -> list[Outcome]:
        messages = [incoming.message for incoming in batch]  # type: ignore[attr-defined]
        self.got += messages
        return [Ack() for _ in messages]


class Gateway:
    """A process of its own; `settings` are environment variables, `ca` the authority of its certificate."""

    def __init__(self, url: str, home: Path, *words: str, ca: str = "", **settings: str) -> None:
        create_keys(home)
        self.port = free_port(0, settings.get("HOST", "127.0.0.1"))
        self.url = f"{'https' if ca else 'http'}://127.0.0.1:{self.port}"
        self._verify: str | bool = ca or True
        own = {"AMQP_URL": url, "PORTSIDE_HOME": str(home), "PORT": str(self.port), "WORKERS": "1", "LOG_LEVEL": "INFO"}
        self.log = home / "gateway.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "services.gateway", *words],
                env={**os.environ, **own, **settings},
                stderr=log,
                stdout=log,
            )
        until(self._started)

    def _started(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return self.answers("/healthz")

    def answers(self, path: str) -> bool:
        try:
            return requests.get(self.url + path, timeout=2, verify=self._verify).status_code == 200
        except requests.RequestException:
            return False

    def push(self, token: str = "good") -> requests.Response:
        return requests.post(
            self.url + HOOK, params={"secureToken": token}, json=PUSH, timeout=PATIENCE_S, verify=self._verify
        )

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(PATIENCE_S)
