"""A whole Portside of real processes beside a demo Hub and a demo cluster, for tests that kill and restart them."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import requests
from rich.console import Console

from cli import demo, system
from cli.kube import ClusterClient, KubeconfigAccess
from cli.ports import free_port
from cli.portside.api import ApiError, Client, Unreachable
from cli.processes import Process, Supervisor, portside
from cli.rabbitmq import PrivateNode
from shared.process.secrets import KEY_FILES
from tests.support.balancer import Balancer
from tests.support.broker_cluster import BrokerCluster
from tests.support.patience import PATIENCE_S
from tests.support.patience import wait_for as wait_for

Json = dict[str, Any]
T = TypeVar("T")
SERVICES = ("config", "runner-1", "runner-2", "hubsync", "gateway")
STANDBY = "config-2"


@dataclass
class World:
    """Everything that one test may touch. Dead services come back by themselves, as under any supervisor."""

    home: Path
    broker: PrivateNode
    layout: system.Layout
    environment: dict[str, str]
    supervisor: Supervisor
    hub_url: str
    cluster_url: str
    client: Client
    cluster: ClusterClient
    services: tuple[str, ...] = SERVICES
    balancer: Balancer | None = None
    """Before the gateways, where there are several."""
    stopped: set[str] = field(default_factory=set)

    @property
    def scene(self) -> demo.Scene:
        """What the demo's own steps need to know of this world."""
        return demo.Scene(self.hub_url, self.hub_url, "", demo.fake_kubernetes(self.cluster_url), self.cluster)

    def define_endpoints(self) -> None:
        """The demo's Hub and cluster alone."""
        demo.define_endpoints(self.client, self.scene, demo.Steps(Console(quiet=True)))

    def kill(self, name: str) -> None:
        """`kill -9`, as the system's out-of-memory killer would; the supervisor starts it again."""
        self._signal(name, signal.SIGKILL)

    def freeze(self, name: str) -> None:
        """Stop a process without ending it: a zombie, once woken."""
        self.stopped.add(name)
        self._signal(name, signal.SIGSTOP)

    def wake(self, name: str) -> None:
        self.stopped.discard(name)
        self._signal(name, signal.SIGCONT)

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Stopped while the block lasts."""
        for name in names:
            self.freeze(name)
        try:
            yield
        finally:
            for name in names:
                self.wake(name)

    def active_config(self) -> str:
        """Which config works; the others stand by."""
        names = [name for name in self.services if name.startswith("config")]

        def active() -> str | None:
            lines_of = {
                name: [line for line in self.log_of(name) if '"config.active"' in line or "standing-by" in line]
                for name in names
            }
            last = [
                (json.loads(lines[-1])["timestamp"], name)
                for name, lines in lines_of.items()
                if lines and '"config.active"' in lines[-1]
            ]
            return max(last)[1] if last else None

        return wait_for(active, "a config that is active")

    def log_of(self, name: str) -> list[str]:
        """The lines that a process has written."""
        return self.supervisor.log_of(name).read_text(errors="replace").splitlines()

    def _signal(self, name: str, signal_number: signal.Signals) -> None:
        with suppress(ProcessLookupError):  # It may be dead still from the last time.
            os.killpg(self.supervisor.pid_of(name), signal_number)

    def restart_broker(self, *, away_s: float = 0.0, kill: bool = False) -> None:
        """Stop (or kill) the broker, wait, and start it on the same ports with the same disk."""
        if kill:
            self.broker.kill()
        else:
            self.broker.stop()
        time.sleep(away_s)
        self.broker.start()

    def push(self, tag: str, repository: str = demo.REPOSITORY, **more: Any) -> Json:
        """Let the demo Hub announce an image; returns what it recorded of the push and of its deliveries."""
        return self.steer_hub("push", {"repository": repository, "tag": tag, "pusher": "ann", **more})

    def hub_state(self) -> Json:
        """All that the demo Hub knows: repositories with their hooks, deliveries with their URLs."""
        state: Json = requests.get(f"{self.hub_url}/_fake/state", timeout=PATIENCE_S).json()
        return state

    def steer_hub(self, call: str, order: Json) -> Json:
        """One of the demo Hub's own calls (`demo/hub/admin.py`)."""
        answer = requests.post(f"{self.hub_url}/_fake/{call}", json=order, timeout=PATIENCE_S)
        answer.raise_for_status()
        recorded: Json = answer.json()
        return recorded

    def events(self, **match: Any) -> list[Json]:
        events = self.documents("/registry-events?$top=200&$orderby=timeStampInMicros desc")
        return [event for event in events if all(event.get(key) == value for key, value in match.items())]

    def executions(self, **match: Any) -> list[Json]:
        runs = self.documents("/executions?$top=200&$orderby=_requestTimeInMicros desc")
        return [run for run in runs if all(run.get(key) == value for key, value in match.items())]

    def execution_of(self, tag: str, *, limit_s: float = 60) -> Json:
        """The one execution that the push of a tag started, once it is known."""

        def started() -> Json | None:
            events = [event for event in self.events(tag=tag) if event.get("executionLink")]
            return self.get(events[0]["executionLink"]) if events else None

        return wait_for(started, f"an execution for the push of {tag}", limit_s)

    def ended(self, tag: str, *, limit_s: float = 90) -> Json:
        """Wait until the execution that a push started has ended, and return it."""
        first = self.execution_of(tag, limit_s=limit_s)

        def over() -> Json | None:
            execution = self.get(first["_link"])
            return execution if execution["status"] in ("COMPLETED", "FAILED", "CANCELED") else None

        return wait_for(over, f"the end of {first['name']} #{first['index']}", limit_s)

    def get(self, link: str) -> Json:
        """Ask the API for one of its own links, through restarts of the gateway and of config."""

        return self._patiently(lambda: self.client.get(link.removeprefix("/codestream/api")), link)

    def documents(self, path: str) -> list[Json]:
        """The documents of a list, through restarts of the gateway and of config."""
        return self._patiently(lambda: self.client.documents(path), path)

    def retry(self, ask: Callable[[], T]) -> T:
        """Call the API again while the gateway or config is away; what is asked must be harmless twice."""
        return self._patiently(ask, "the call")

    def _patiently(self, ask: Callable[[], T], what: str) -> T:
        """Ask again while the gateway or config is away, as any client of a restarting service does."""

        def once() -> tuple[T] | None:
            try:
                return (ask(),)
            except Unreachable:
                return None
            except ApiError as refused:
                if refused.status < 500:
                    raise
                return None

        return wait_for(once, f"an answer on {what}")[0]

    def running_image(self) -> str | None:
        """The image that the demo's Deployment carries in the cluster now."""
        path = f"/apis/apps/v1/namespaces/{demo.NAMESPACE}/deployments/{demo.DEPLOYMENT}"
        deployment = self.cluster.get(path)
        if deployment is None:
            return None
        return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _further_gateway(layout: system.Layout, number: int, port: int, environment: Mapping[str, str]) -> Process:
    """On another machine it would have a disk of its own, so here it has a home of its own, with the same keys."""
    name = f"gateway-{number}"
    keys = {f"{variable}_FILE": str(layout.home / "keys" / file) for file, variable in KEY_FILES.items()}
    own = {"PORTSIDE_HOME": str(layout.home / name), "PORT": str(port), "INSTANCE": name, **keys}
    ready = partial(system.http_answers, f"http://127.0.0.1:{port}/healthz")
    return Process(name, portside("services.gateway"), {**environment, **own}, ready=ready)


@contextmanager
def a_world(
    home: Path,
    *,
    runners: int = 2,
    define: bool = True,
    standby: bool = False,
    pace_s: float = 1.0,
    certificate: str = "",
    brokers: BrokerCluster | None = None,
    gateways: int = 1,
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[World]:
    """Start everything, sign in, and (by default) define what the demo defines.

    With a `certificate` it serves HTTPS; `standby` adds a second config, `pace_s` is how long a roll-out of the demo
    cluster takes, and every process finds `more` in its environment. `brokers` run already, and go on after it; without
    them it has a broker of its own. Further `gateways` have a spool each, and a load balancer is before all of them.
    """
    layout = system.lay_out(home, host="127.0.0.1", port=0, certificate=certificate)
    balancer = Balancer([layout.port, *(free_port() for _ in range(gateways - 1))]) if gateways > 1 else None
    if balancer:
        layout = replace(layout, public_url=balancer.url)
    broker = brokers.nodes[0] if brokers else PrivateNode(layout.home / "rabbitmq")
    if not brokers:
        broker.start()
    supervisor = Supervisor(layout.home / "log")
    world: World | None = None
    try:
        amqp_url = brokers.amqp_url if brokers else broker.amqp_url
        local = {"OUTGOING_LOCAL": "true"}  # The servers of tests are on this machine.
        environment = {**system.environment(layout, amqp_url, broker.management_url), **local, **more}
        environment["RABBITMQ_MANAGEMENT_URL"] = broker.management_url.replace("//", f"//portside:{broker.password}@")
        system.initialise(layout, environment)
        system.start(supervisor, layout, environment, runners=runners)
        if standby:
            supervisor.start(system.service_process(layout, STANDBY, environment))
        for number, port in enumerate(balancer.ports[1:] if balancer else [], start=2):
            supervisor.start(_further_gateway(layout, number, port, environment))
        hub_port, cluster_port = free_port(), free_port()
        hub_url, cluster_url = f"http://127.0.0.1:{hub_port}", f"http://127.0.0.1:{cluster_port}"
        hub = portside("demo.hub", "--port", str(hub_port))
        fake = portside("demo.cluster", "--port", str(cluster_port), "--pace", str(pace_s))
        # The Hub calls our hooks, so it must trust our certificate.
        trust = {"REQUESTS_CA_BUNDLE": certificate} if certificate else {}
        supervisor.start(Process("demo-hub", hub, trust, ready=partial(system.http_answers, hub_url)))
        supervisor.start(Process("demo-cluster", fake, ready=partial(system.http_answers, cluster_url)))
        client = Client(balancer.url if balancer else layout.url, certificate=certificate)
        client.sign_in(system.ADMIN, layout.password_file.read_text().strip())
        cluster = ClusterClient(KubeconfigAccess(cluster_url, token=demo.CLUSTER_TOKEN))
        world = World(layout.home, broker, layout, environment, supervisor, hub_url, cluster_url, client, cluster)
        world.balancer = balancer
        world.services += (STANDBY,) if standby else ()
        world.services += tuple(f"gateway-{number}" for number in range(2, gateways + 1))
        if define:
            demo.define(client, world.scene, demo.Steps(Console(quiet=True)))
        yield world
    finally:
        for name in list(world.stopped) if world else []:
            world.wake(name)  # type: ignore[union-attr]
        supervisor.stop()
        if balancer:
            balancer.close()
        if not brokers:
            broker.kill()  # Nobody reads its disk again, and to stop in order takes a node six seconds.
