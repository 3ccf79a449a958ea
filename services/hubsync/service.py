"""The wiring of hubsync: which classes implement the ports."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack

from shared.bus import Bus
from shared.contracts.base import Sealed
from shared.contracts.mirror import MirrorReport, Wanted
from shared.contracts.topics import HUB_INSPECT, HUBSYNC_RPC, LOOKS, MIRROR, PROCESS_HEALTH, TAGS_LOOK_HUB, Service
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient
from shared.process import secrets
from shared.process.clock import now
from shared.process.health import Health
from shared.process.life import Fatal
from shared.process.logging import configure
from shared.process.metrics import Metrics
from shared.process.settings import read

from .dockerhub import DockerHub, HubCaller
from .handlers import inspect, list_tags, mirror_batch
from .inspection import HubInspector
from .mirror import CannotUnseal, Mirror
from .settings import HubsyncSettings
from .signing import HubAccount, HubSignIns
from .tag_polls import HubTagLister

CLOSE_S = 20.0
LOOKERS = 2
"""Looks at tag lists under way at the same time; the mirror is never kept waiting by them."""


class Hubsync:
    """Everything that runs in this process: wired as it is made, started by `open`."""

    def __init__(self, settings: HubsyncSettings) -> None:
        try:
            opener = secrets.Opener.load(settings.home)
        except secrets.KeysMissing as missing:
            raise Fatal(str(missing)) from missing
        self._opened = ExitStack()
        guard = Guard(allow_local=settings.outgoing_local, deny=settings.denied_networks)
        self._client = HttpClient(guard, user_agent="portside-hubsync")
        caller = HubCaller(self._client, connect_s=settings.hub_connect_timeout_s, read_s=settings.hub_read_timeout_s)
        sign_ins = HubSignIns(caller, now)
        self._bus = Bus(settings.amqp_url, service=Service.HUBSYNC, instance=settings.instance)
        self._health = Health("hubsync", settings.home, instance=settings.instance)
        self._health.report_to(lambda report: self._bus.broadcast(PROCESS_HEALTH, report, subject=report.instance))
        self._health.watch("broker", lambda: self._bus.trouble)
        self._metrics = Metrics(settings, self._health, (self._bus.sample,))

        def connect(account: HubAccount) -> DockerHub:
            return DockerHub(account, caller, sign_ins, now, settings.hub_auth_scheme)

        def open_sealed(sealed: Sealed) -> str:
            try:
                opened = opener.open(sealed)
            except secrets.CannotOpen as closed:
                self._health.note("secrets", str(closed))
                raise CannotUnseal(str(closed)) from closed
            return opened

        mirror = Mirror(connect, open_sealed, now, random.random)

        def run(hooks: Wanted) -> Iterator[MirrorReport]:
            self._health.clear("secrets")
            yield from mirror.run(hooks)

        self._mirrors = mirror_batch(self._bus, run)
        self._looks = {TAGS_LOOK_HUB: list_tags(HubTagLister(connect, open_sealed), self._bus)}
        self._rpc = {HUB_INSPECT: inspect(HubInspector(connect, open_sealed))}

    def open(self) -> Hubsync:
        """Connect and begin to work. Where that fails, what is open already is closed again."""
        with ExitStack() as opening:
            opening.callback(self._client.close)
            opening.callback(self._bus.close)
            self._bus.open()
            opening.callback(self._health.close)
            self._health.start()
            # Apart from the passes: a page does not wait for one.
            self._bus.serve(HUBSYNC_RPC, self._rpc, threads=LOOKERS)
            # One pass at a time: with more in hand a standby could become active beside a pass that still runs.
            opening.callback(self._bus.consume_single(MIRROR, self._mirrors, max_batch=1).close, CLOSE_S)
            looker = self._bus.consume_pool(LOOKS, self._looks, threads=LOOKERS, prefetch=LOOKERS)
            opening.callback(looker.close, CLOSE_S)
            opening.callback(self._metrics.close)
            self._metrics.start()
            self._opened = opening.pop_all()
        return self

    def close(self) -> None:
        """Finish the pass in hand, then let go."""
        self._opened.close()


def build() -> Hubsync:
    """The running service."""
    settings = read(HubsyncSettings)
    configure("hubsync", instance=settings.instance, level=settings.log_level)
    return Hubsync(settings).open()
