"""Wiring: gunicorn with threads, and in each of its workers a bus, the receiver, the API and the pages."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from flask import Flask
from gunicorn.app.base import BaseApplication
from prometheus_client import multiprocess

from shared.bus import Bus, Incoming, Inspection
from shared.contracts.pushes import AllowlistAsk
from shared.contracts.topics import (
    ALLOWLIST_ASK,
    ALLOWLIST_CHANGED,
    DELIVERY_CHANGED,
    EXECUTION_CHANGED,
    GATEWAY_NEWS,
    PROCESS_HEALTH,
    Service,
    Topic,
)
from shared.grammar.task_schemas import TASK_SCHEMAS
from shared.process import logging as process_logging
from shared.process.clock import now
from shared.process.health import Health
from shared.process.life import CANNOT_START
from shared.process.logging import get_logger
from shared.process.metrics import Metrics
from shared.process.own_tasks import add_own_schemas
from shared.process.secrets import KeysMissing, Sealer, load_jwt_key
from shared.process.settings import read

from .app_context import AppContext
from .broker_watch import BrokerWatch
from .concurrency_limit import ConcurrencyLimit
from .config_client import ConfigClient
from .dispatcher import Dispatcher
from .event_streams import EventStreams
from .health_board import HealthBoard
from .metrics_folder import VARIABLE, forget_master
from .origins import Origins
from .ports import BusPort
from .public_address import PublicAddress
from .readiness import readiness
from .receiver.allowlist_cache import AllowlistCache
from .receiver.app import Receiver
from .receiver.intake import Intake
from .receiver.spool import Spool
from .roles import Roles
from .server.tls import ending_note
from .sessions import Sessions
from .settings import GatewaySettings
from .sign_ins import SignIns
from .sign_on import SignOn
from .web import create_app

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PARTS = ("hooks", "web")
BACKLOG = 1024
KEEP_ALIVE_S = 30
STOP_WITHIN_S = 20
SILENT_WORKER_S = 60
"""A worker that has not shown itself for so long is ended and replaced."""
_PROBE_HASH = "0" * 64

Calls = list[Callable[[], None]]


class Worker:
    """Everything that one process of the gateway runs: wired as it is made, started by `open`, after the fork, since
    threads do not survive one."""

    def __init__(self, settings: GatewaySettings, parts: frozenset[str], *, post: BusPort | None = None) -> None:
        self._instance = f"{os.environ.get('INSTANCE') or socket.gethostname()}-{os.getpid()}"
        self._opened = ExitStack()
        self.health = Health("gateway", settings.home, instance=self._instance)
        self._bus: Bus | None = None
        if post is None:
            bus = self._bus = Bus(settings.amqp_url, service=Service.GATEWAY, instance=self._instance)
            self.health.report_to(lambda report: bus.broadcast(PROCESS_HEALTH, report, subject=report.instance))
            post = bus
        self._post = post
        self._handlers: dict[Topic, Callable[[Incoming], None]] = {}
        self._on_gap: Calls = []
        self._parts: list[AllowlistCache | Intake | BrokerWatch] = []
        self._stop: Callable[[], None] = lambda: None
        self._spool: Spool | None = None
        self._samples: Calls = [self._sample_broker]
        receiver = self._receiver(settings) if "hooks" in parts else None
        app = self._web(settings) if "web" in parts else None
        self._metrics = Metrics(settings, self.health, self._samples)
        self.door = Dispatcher(
            hooks=receiver,
            web=app,
            probes={
                "/healthz": self._answer_health,
                "/livez": lambda _query: (True, {"status": "ok"}),
                "/readyz": lambda _query: readiness(connected=self._post.connected, spool=self._spool),
            },
            crowd=ConcurrencyLimit(max(1, settings.threads - settings.reserved_threads)),
            on_stop=self._stop,
        )

    def open(self) -> Worker:
        """Connect and begin to work. Where that fails, what is open already is closed again."""
        add_own_schemas(TASK_SCHEMAS)
        with ExitStack() as opening:
            if self._bus is not None:
                opening.callback(self._bus.close)
                self._bus.open()
            opening.callback(self.health.close)
            self.health.start()
            listener = self._post.listen(GATEWAY_NEWS, self._handlers, on_gap=self._mind_gap)
            opening.callback(listener.close)
            for part in self._parts:
                opening.callback(part.close)
                part.start()
            opening.callback(self._metrics.close)
            self._metrics.start(shared=True)
            self._opened = opening.pop_all()
        return self

    def close(self) -> None:
        """Stop in order: what is in hand, then nothing new, then the connection."""
        self._opened.close()

    def _mind_gap(self) -> None:
        for on_gap in self._on_gap:
            on_gap()

    def _receiver(self, settings: GatewaySettings) -> Receiver:
        keeper = AllowlistCache(self._post, settings.folder / "allowlist.json")
        spool = self._spool = Spool(
            settings.folder / "spool", max_files=settings.spool_max_files, max_bytes=settings.spool_max_bytes
        )
        intake = Intake(self._post, spool, self.health)
        self._samples.append(spool.sample)
        self._handlers[ALLOWLIST_CHANGED] = keeper.on_change
        self._on_gap.append(keeper.on_gap)
        self._parts += [keeper, intake]
        return Receiver(keeper, intake, proxies=settings.trusted_proxies, cap_per_minute=settings.hook_cap_per_minute)

    def _web(self, settings: GatewaySettings) -> Flask:
        streams, config, health_board = EventStreams(settings.streams), ConfigClient(self._post), HealthBoard()
        sessions, sealer = Sessions(load_jwt_key(settings.home)), Sealer.load(settings.home)
        origins = Origins(sessions, settings.trusted_proxies)
        sign_ins = SignIns(config, origins)
        self.health.watch_note("proxy", origins.note)
        if settings.tls_certfile:
            self.health.watch_note("certificate", lambda: ending_note(Path(settings.tls_certfile), now()))
        self._samples.append(streams.sample)
        self._handlers[EXECUTION_CHANGED] = streams.on_execution
        self._handlers[DELIVERY_CHANGED] = streams.on_delivery
        self._handlers[PROCESS_HEALTH] = health_board.on_health
        self._on_gap.append(streams.on_gap)
        self._stop = streams.stop
        inspection = Inspection(settings.amqp_url, settings.rabbitmq_management_url)
        watch = BrokerWatch(inspection.look)
        self._parts.append(watch)
        return create_app(
            AppContext(
                settings=settings,
                config=config,
                public_address=PublicAddress(config, settings.first_address),
                sessions=sessions,
                origins=origins,
                sign_ins=sign_ins,
                sign_on=SignOn(config, sign_ins, sessions, sealer),
                sealer=sealer,
                streams=streams,
                roles=Roles(config),
                health=health_board,
                look_at_broker=inspection.look,
                recent_looks=watch.looks,
            )
        )

    def _sample_broker(self) -> None:
        if self._bus is not None:
            self._bus.sample()

    def _answer_health(self, query: str) -> tuple[bool, dict[str, object]]:
        document: dict[str, object] = {
            "status": "ok",
            "broker": "connected" if self._post.connected else "away",
            "troubles": list(self.health.troubles),
        }
        well = True
        if "config" in parse_qs(query).get("wait", []):
            try:
                self._post.request(ALLOWLIST_ASK, AllowlistAsk(token_hash=_PROBE_HASH), timeout_s=1.0)
                document["config"] = "serving"
            except Exception as error:
                document |= {"status": "waiting", "config": str(error) or type(error).__name__}
                well = False
        return well, document


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn, configured here rather than by a file."""

    def __init__(self, settings: GatewaySettings, parts: frozenset[str]) -> None:
        self.settings = settings
        self._parts = parts
        self._worker: Worker | None = None
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options().items():
            self.cfg.set(name, value)

    def load(self) -> Callable[[WSGIEnvironment, StartResponse], Any]:
        """Called in each worker, after the fork."""
        self._worker = Worker(self.settings, self._parts).open()
        return self._worker.door

    def _options(self) -> Mapping[str, object]:
        settings = self.settings
        options: dict[str, object] = {
            "bind": settings.bind,
            "workers": settings.workers,
            "threads": settings.threads,
            "worker_class": "services.gateway.server.worker.LoopWorker",
            "logger_class": "services.gateway.server.log.GatewayLogger",
            "backlog": BACKLOG,
            "keepalive": KEEP_ALIVE_S,
            "graceful_timeout": STOP_WITHIN_S,
            "timeout": SILENT_WORKER_S,
            "accesslog": None,
            "loglevel": settings.log_level.lower(),
            "proc_name": "portside-gateway",
            "worker_exit": self._on_worker_exit,
            "child_exit": _on_child_exit,
            "forwarded_allow_ips": settings.forwarders,
            "control_socket_disable": True,
        }
        if settings.tls_certfile:
            # The worker makes the context itself; by these gunicorn knows the scheme.
            options |= {"certfile": settings.tls_certfile, "keyfile": settings.tls_keyfile or None}
        return options

    def _on_worker_exit(self, _arbiter: Any, _worker: Any) -> None:
        if self._worker is not None:
            self._worker.close()


def _on_child_exit(_arbiter: Any, worker: Any) -> None:
    """In the master: the gauges of a worker that ended no longer count."""
    if os.environ.get(VARIABLE):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def main(arguments: list[str]) -> int:
    """The command."""
    unknown = [word for word in arguments if word not in PARTS]
    if unknown:
        print(f"usage: python -m services.gateway [{'|'.join(PARTS)}]   (not: {unknown[0]})")
        return 2
    settings = read(GatewaySettings)
    process_logging.configure("gateway", level=settings.log_level)
    parts = frozenset(arguments) or frozenset(PARTS)
    try:
        if "web" in parts:
            load_jwt_key(settings.home)
            Sealer.load(settings.home)
    except KeysMissing as error:
        get_logger().error("gateway.not-started", reason=str(error))
        return CANNOT_START
    forget_master()
    Server(settings, parts).run()
    return 0
