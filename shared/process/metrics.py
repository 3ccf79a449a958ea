"""Figures for Prometheus: a port of its own in each process, and what samples the figures that are states.

A metric is a constant of a module `metrics`; names follow OpenMetrics and, where there is one, OpenTelemetry's
convention (https://opentelemetry.io/docs/specs/semconv/). No label ever holds an execution, tag, image or token: each
of their values would be a time series for ever.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from shutil import disk_usage
from socketserver import TCPServer
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, Gauge, make_wsgi_app, multiprocess

from shared.process import clock
from shared.version import __version__

from .health import Health
from .logging import get_logger
from .settings import CommonSettings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SAMPLE_EVERY_S = 5.0
_SILENT_PEER_S = 5.0
FAST_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of histograms of what takes milliseconds."""
SLOW_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0)
"""The same of what a push waits for."""
DAYS_S = (60.0, 300.0, 900.0, 3600.0, 14_400.0, 43_200.0, 86_400.0, 259_200.0, 604_800.0)
"""The same of what people wait for."""

BUILD_INFO = Gauge("portside_build_info", "The release that runs, always 1.", ["version"], multiprocess_mode="livemax")
BROKER_UP = Gauge("portside_broker_up", "1 while a message can be sent to the broker.", multiprocess_mode="livemin")
BROKER_BLOCKED = Gauge(
    "portside_broker_blocked",
    "1 while the broker takes nothing, being short of memory or disk.",
    multiprocess_mode="livemax",
)
TROUBLES = Gauge(
    "portside_health_troubles", "Troubles that the process reports on Health.", multiprocess_mode="livemax"
)
HOME_FREE = Gauge("portside_home_free_bytes", "Free bytes on the disk of PORTSIDE_HOME.", multiprocess_mode="livemin")

Sample = Callable[[], None]
"""Sets gauges to what is true now."""


class Metrics:
    """Serves `/metrics` and samples, each in a thread; does nothing where no port is set."""

    def __init__(self, settings: CommonSettings, health: Health, samples: Iterable[Sample]) -> None:
        own = (lambda: TROUBLES.set(len(health.troubles)), lambda: HOME_FREE.set(disk_usage(settings.home).free))
        self._samples = (*own, *samples)
        self._closing = threading.Event()
        self._server: WSGIServer | None = None
        self._health = health
        self._host, self._port = settings.metrics_host, settings.metrics_port

    def start(self, *, shared: bool = False) -> Metrics:
        """Begin, after any fork. `shared`: other workers of this service listen on the same port, and each answers for
        all, by the files in `PROMETHEUS_MULTIPROC_DIR`.
        """
        if not self._port:
            return self
        BUILD_INFO.labels(__version__).set(1)
        self._sample()
        threading.Thread(target=self._sample_for_ever, name="metrics-sample", daemon=True).start()
        try:
            self._server = _server(self._host, self._port, shared=shared)
        except OSError as error:
            self._health.note(
                "metrics",
                f"Metrics are not served: {self._host}:{self._port} cannot be opened ({error.strerror}). "
                "Set another METRICS_PORT for this process.",
            )
            return self
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()
        return self

    def close(self) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def _sample_for_ever(self) -> None:
        while not self._closing.wait(SAMPLE_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        for sample in self._samples:
            try:
                sample()
            except Exception as error:
                get_logger().warning("metric.not-sampled", reason=f"{type(error).__name__}: {error}")


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = clock.monotonic()

    @property
    def seconds(self) -> float:
        return clock.monotonic() - self._began


class _Handler(WSGIRequestHandler):
    timeout = _SILENT_PEER_S

    def log_message(self, *_: Any) -> None:
        """Scrapes are not logged."""


class _Server(WSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A peer that went away or fell silent is its own trouble."""


def _server(host: str, port: int, *, shared: bool) -> WSGIServer:
    class Listener(_Server):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        allow_reuse_port = shared

        def server_bind(self) -> None:
            # Not its parent's, which looks up the host's name.
            TCPServer.server_bind(self)
            self.server_name, self.server_port = host, port
            self.setup_environ()

    server = Listener((host, port), _Handler)
    server.set_app(_only_metrics(_registry_app(shared=shared)))
    return server


def _registry_app(*, shared: bool) -> Any:
    if not shared:
        return make_wsgi_app(REGISTRY)

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        answer: Iterable[bytes] = make_wsgi_app(registry)(environ, start_response)
        return answer

    return app


def _only_metrics(app: Any) -> Any:
    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == "/metrics":
            body: Iterable[bytes] = app(environ, start_response)
            return body
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"Metrics are at /metrics.\n"]

    return answer
