"""Portside's own processes on one machine: keys, database, then config, runner, hubsync and gateway."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from cli import files
from cli.ports import free_port, own_address
from cli.processes import Process, Supervisor, portside
from shared.process.password_policy import RULE, password_flaw
from shared.process.secrets import create_keys

ADMIN = "admin"


class SetUpFailed(Exception):
    """A one-shot command failed; the message holds what it printed."""


EVERYWHERE = ("0.0.0.0", "::")
"""Hosts to listen on; neither is an address to call."""


@dataclass(frozen=True)
class Layout:
    """Where a system keeps its state and where it listens."""

    home: Path
    host: str
    port: int
    public_url: str
    certificate: str = ""
    """The gateway's own certificate, where it serves HTTPS itself; clients on this machine trust it."""

    @property
    def local_url(self) -> str:
        """Where hooks of this machine reach the gateway."""
        return _url("127.0.0.1", self.port, self.certificate)

    @property
    def url(self) -> str:
        """Where this machine reaches the gateway."""
        return _url("127.0.0.1" if self.host in EVERYWHERE else self.host, self.port, self.certificate)

    @property
    def page_url(self) -> str:
        """Where a person's browser reaches the page, from another machine too where it is served to others."""
        if self.host not in EVERYWHERE:
            return self.url
        return os.environ.get("PUBLIC_URL") or _url(own_address(), self.port, self.certificate)

    @property
    def password_file(self) -> Path:
        return self.home / "admin-password"

    @property
    def samples(self) -> Path:
        """Where the page asks for sample data."""
        return self.home / "samples"


def lay_out(home: Path, *, host: str, port: int, certificate: str = "") -> Layout:
    """Choose the gateway's port (the wanted one if it is free) and the address that hooks are to call."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.chmod(home, 0o700)
    chosen = free_port(port, host)
    certificate = certificate or os.environ.get("TLS_CERTFILE", "")
    local = _url("127.0.0.1", chosen, certificate)
    return Layout(home.resolve(), host, chosen, os.environ.get("PUBLIC_URL") or local, certificate)


def _url(host: str, port: int, certificate: str) -> str:
    url_host = f"[{host}]" if ":" in host else host
    return f"{'https' if certificate else 'http'}://{url_host}:{port}"


def environment(layout: Layout, amqp_url: str, management_url: str = "") -> dict[str, str]:
    """The environment of every process of this system."""
    result = {
        "PORTSIDE_HOME": str(layout.home),
        "AMQP_URL": amqp_url,
        "PUBLIC_URL": layout.public_url,
        "LOCAL_URL": layout.local_url,
        "HOST": layout.host,
        "PORT": str(layout.port),
        "DATABASE_URL": os.environ.get("DATABASE_URL") or f"sqlite:///{layout.home / 'portside.db'}",
    }
    if layout.certificate:
        result["TLS_CERTFILE"] = layout.certificate
    if management_url:
        result["RABBITMQ_MANAGEMENT_URL"] = management_url
    return result


def first_password() -> str:
    """The first administrator's: `ADMIN_PASSWORD`, else random. Raises SetUpFailed for one that is easy to guess."""
    own = os.environ.get("ADMIN_PASSWORD", "")
    if own and (flaw := password_flaw(own, "admin")):
        raise SetUpFailed(f"ADMIN_PASSWORD cannot be the first administrator's: {flaw} {RULE}")
    return own or secrets.token_urlsafe(15)


def initialise(layout: Layout, environment: dict[str, str]) -> None:
    """Make keys and the first administrator's password where there are none, and migrate the database."""
    if not layout.password_file.exists():
        files.write(layout.password_file, first_password() + "\n")
    create_keys(layout.home)
    run_once(portside("services.config", "migrate"), environment)


def run_once(command: tuple[str, ...], variables: dict[str, str], text: str | None = None) -> str:
    """Run a command to its end and return what it printed; raises SetUpFailed with its message, or its last lines."""
    done = subprocess.run(
        list(command), env={**os.environ, **variables}, input=text, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        _, is_message, message = f"\n{done.stderr}".partition("\nError: ")
        last_lines = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise SetUpFailed(message.strip() if is_message else f"`{' '.join(command[1:])}` failed:\n{last_lines}")
    return done.stdout.strip()


def metrics_port(name: str, first: int) -> int:
    """The port of a process's metrics where the gateway's is `first`; 0 where metrics are off.

    Then come config, hubsync, and each runner; further configs begin at a hundred.
    """
    service, _, suffix = name.partition("-")
    offset = {"gateway": 0, "config": 1, "hubsync": 2, "runner": 2}[service]
    if suffix:
        offset += int(suffix) if service == "runner" else 100 + int(suffix)
    return first + offset if first else 0


def _own(name: str, environment: dict[str, str]) -> dict[str, str]:
    """The environment of one process: its name, and a port of its own for metrics."""
    first = int(environment.get("METRICS_PORT") or os.environ.get("METRICS_PORT") or 0)
    return {**environment, "INSTANCE": name, "METRICS_PORT": str(metrics_port(name, first))}


def start(supervisor: Supervisor, layout: Layout, environment: dict[str, str], *, runners: int = 1) -> None:
    """Start the services; returns when the gateway answers and config serves it."""
    for name in ("config", *(f"runner-{n + 1}" for n in range(runners)), "hubsync"):
        supervisor.start(service_process(layout, name, environment))
    supervisor.start(
        Process("gateway", portside("services.gateway"), _own("gateway", environment), ready=_answers(layout))
    )


def service_process(layout: Layout, name: str, environment: dict[str, str]) -> Process:
    """One instance of config, runner or hubsync; the part of its name before a dash says which."""
    service = name.partition("-")[0]
    # A config that hangs would keep the lock from every other.
    pulse = layout.home / "run" / f"{service}-{name}.health.json" if service == "config" else None
    return Process(name, portside(f"services.{service}"), _own(name, environment), pulse=pulse)


def sign_in_link(layout: Layout, environment: dict[str, str]) -> str:
    """A link that signs the administrator in once, within fifteen minutes."""
    return link_at(layout.page_url, environment, ADMIN)


def link_at(page_url: str, environment: dict[str, str], user: str) -> str:
    """The same for any user, at a page that is known by its address alone."""
    code = run_once(portside("services.config", "one-time-code", "--user", user), environment).split()[-1]
    return f"{page_url}/sign-in?code={code}"


def remember(layout: Layout, environment: dict[str, str], **more: str) -> None:
    """Leave what later commands (`make push`, `make link`) need, readable by the owner alone."""
    record = {"url": layout.url, "page": layout.page_url, "told": environment, **more}
    files.write(layout.home / "system.json", json.dumps(record, indent=1))


def recall(home: Path) -> dict[str, object]:
    """What `remember` left; raises FileNotFoundError where no system was started."""
    remembered: dict[str, object] = json.loads((home / "system.json").read_text())
    return remembered


def http_answers(url: str) -> bool:
    """Whether an HTTP server there answers at all, with anything but a failure of its own."""
    try:
        return requests.get(url, timeout=1).status_code < 500
    except requests.RequestException:
        return False


def _answers(layout: Layout) -> Callable[[], bool]:
    # Our own child on loopback: its certificate is made out to another name.
    unverified = ssl.create_default_context()
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE

    def answers() -> bool:
        try:
            url = f"{layout.url}/healthz?wait=config"
            with urllib.request.urlopen(url, timeout=2, context=unverified) as answer:
                return bool(answer.status == 200)
        except OSError:
            time.sleep(0.05)
            return False

    return answers
