"""A private RabbitMQ node: its own name, cookie, folder, ports and epmd, on loopback, ended with its owner.

The server's own script runs, not Debian's wrapper, which refuses ordinary users and, as root, becomes a user who
cannot read a clone in root's home.
"""

from __future__ import annotations

import base64
import glob
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from cli import files, leftovers
from cli.ports import free_port, is_free
from shared.process import clock

SCRIPT_PLACES = (
    "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server",
    "/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",
    "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",
    "/opt/rabbitmq*/sbin/rabbitmq-server",
)
"""Where Debian, Homebrew and the generic archive put the server's own script."""
EPMD_PLACES = ("/usr/lib/erlang/erts-*/bin/epmd", "/opt/homebrew/lib/erlang/erts-*/bin/epmd")
"""Where Debian and Homebrew put epmd when it is not on the path."""
_PORTS = ("amqp_port", "management_port", "epmd_port", "dist_port")

SMALL_LOG = "raft.wal_max_size_bytes = 64000000"
"""Quorum queues keep their write-ahead log in memory until it has this size: 512 MiB by default, more than a broker
may use on a small machine before it accepts nothing more (rabbitmq.com/docs/quorum-queues, resource use)."""

START_LIMIT_S = 240.0
"""A machine that is busy with thirty processes at once needs more than a minute and a half."""
STOP_LIMIT_S = 30.0


class BrokerFailed(Exception):
    """The node did not start; the message ends with the last lines of its log."""


def server_script() -> Path | None:
    """The server's own script, or None where RabbitMQ is not installed."""
    return _newest_of(SCRIPT_PLACES)


def epmd_program() -> Path | None:
    """Erlang's port mapper, which the node needs and which ends with it."""
    on_path = shutil.which("epmd")
    return Path(on_path) if on_path else _newest_of(EPMD_PLACES)


def _newest_of(places: tuple[str, ...]) -> Path | None:
    matches = next((matches for place in places if (matches := sorted(glob.glob(place)))), None)
    return Path(matches[-1]) if matches else None


def is_installed() -> bool:
    """Whether a private node can be started on this machine."""
    return server_script() is not None and epmd_program() is not None


def speaks_amqp(port: int) -> bool:
    """Whether a listener on loopback answers the AMQP 0-9-1 greeting."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            connection.settimeout(2)
            return connection.recv(1) == b"\x01"
    except OSError:
        return False


def _wait_until_free(port: int, limit_s: float = 10.0) -> None:
    deadline = clock.monotonic() + limit_s
    while not is_free(port) and clock.monotonic() < deadline:
        time.sleep(0.1)


@dataclass
class PrivateNode:
    """One node in one folder. `start` and `stop` may alternate; the folder keeps the queues between them."""

    home: Path
    amqp_port: int = 0
    management_port: int = 0
    epmd_port: int = 0
    dist_port: int = 0
    password: str = ""
    shared_epmd: bool = False
    """Whether a port mapper that others share runs on `epmd_port`; the nodes of a cluster find each other by it."""
    more_config: str = ""
    """Lines of the server's configuration beyond ours."""
    start_limit_s: float = START_LIMIT_S
    _started: bool = field(default=False, repr=False)
    _server: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _epmd: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def amqp_url(self) -> str:
        return self.url_of("/")

    def url_of(self, vhost: str) -> str:
        """The AMQP address of one virtual host on this node."""
        path = "" if vhost == "/" else "/" + quote(vhost, safe="")
        return f"amqp://portside:{self.password}@127.0.0.1:{self.amqp_port}{path}"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def pid(self) -> int | None:
        return self._server.pid if self._server else None

    def start(self) -> None:
        """Start epmd and the server, and wait until it speaks AMQP and its management API answers.

        Raises BrokerFailed when it ends instead, or does not within `start_limit_s`.
        """
        self.home = self.home.resolve()
        self.home.mkdir(parents=True, exist_ok=True)
        self._settle()
        script, epmd = server_script(), epmd_program()
        if script is None or epmd is None:
            raise BrokerFailed("RabbitMQ is not installed: neither its server script nor epmd was found")
        try:
            self._launch(script, epmd)
        except BaseException:
            # Also a Ctrl-C while it starts: nobody knows of it yet who would stop it.
            self.stop()
            raise
        self._started = True

    def _launch(self, script: Path, epmd: Path) -> None:
        self._configure()
        environment = self.environment
        output = open(self.home / "server.out", "ab")  # noqa: SIM115 - the child keeps it
        if not self.shared_epmd:
            self._epmd = subprocess.Popen(
                [str(epmd), "-address", "127.0.0.1", "-port", str(self.epmd_port)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._server = subprocess.Popen(
            [str(script)],
            env=environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        output.close()
        for process in (self._epmd, self._server):
            if process is not None:
                leftovers.note(self.home, process.pid)
        deadline = clock.monotonic() + self.start_limit_s
        while not (speaks_amqp(self.amqp_port) and self._management_answers()):
            ended = self._server.poll() is not None
            if ended or clock.monotonic() > deadline:
                why = "ended as it started" if ended else f"did not start within {self.start_limit_s:.0f} s"
                raise BrokerFailed(f"RabbitMQ {why}; the end of {self.home / 'server.out'}:\n{self._tail()}")
            time.sleep(0.1)

    def stop(self) -> None:
        """Shut the node down in order, then its epmd; kill what does not go within STOP_LIMIT_S."""
        if self._server and self._server.poll() is None:
            self._server.terminate()
            try:
                self._server.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                pass
        self.kill()

    def kill(self) -> None:
        """End the node at once, as a power cut would."""
        for process in (self._server, self._epmd):
            if process is None:
                continue
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        self._server = self._epmd = None

    def forget(self) -> None:
        """Delete the node's folder: its disk is lost. Only while it is stopped."""
        shutil.rmtree(self.home / "data", ignore_errors=True)

    def add_vhost(self, name: str) -> str:
        """Make a virtual host of its own for one test or tenant; returns its AMQP address."""
        self.manage("PUT", f"/api/vhosts/{quote(name, safe='')}")
        grant = {"configure": ".*", "write": ".*", "read": ".*"}
        self.manage("PUT", f"/api/permissions/{quote(name, safe='')}/portside", grant)
        return self.url_of(name)

    def remove_vhost(self, name: str) -> None:
        self.manage("DELETE", f"/api/vhosts/{quote(name, safe='')}")

    def manage(self, method: str, path: str, body: object = None) -> object:
        """One call of the node's management API; raises urllib.error.HTTPError on a refusal."""
        request = urllib.request.Request(
            self.management_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "Authorization": "Basic " + base64.b64encode(f"portside:{self.password}".encode()).decode(),
            },
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _management_answers(self) -> bool:
        try:
            self.manage("GET", "/api/whoami")
        except (OSError, urllib.error.URLError, ValueError):
            return False
        return True

    def _settle(self) -> None:
        """Read what an earlier start chose, or choose; a port that was taken meanwhile is replaced."""
        chosen_file = self.home / "node.json"
        chosen = json.loads(chosen_file.read_text()) if chosen_file.exists() else {}
        self.password = self.password or chosen.get("password") or secrets.token_urlsafe(18)
        taken: set[int] = set()
        for name in _PORTS:
            if name == "epmd_port" and self.shared_epmd:
                continue
            if self._started:
                # Its clients know these ports; a killed node's may take a moment to become free.
                _wait_until_free(getattr(self, name))
            port = free_port(getattr(self, name) or chosen.get(name, 0))
            while port in taken:
                port = free_port()
            taken.add(port)
            setattr(self, name, port)
        files.write(chosen_file, json.dumps({name: getattr(self, name) for name in (*_PORTS, "password")}))

    def _configure(self) -> None:
        """Write what the server reads at its start."""
        for folder in ("data", "erlang"):
            (self.home / folder).mkdir(exist_ok=True)
        if not (cookie := self.home / "erlang" / ".erlang.cookie").exists():
            # Left to Erlang, one of the node's processes may read it before another has closed it to others.
            files.write(cookie, secrets.token_hex(20))
        files.write(
            self.home / "rabbitmq.conf",
            f"listeners.tcp.1 = 127.0.0.1:{self.amqp_port}\n"
            "management.tcp.ip = 127.0.0.1\n"
            f"management.tcp.port = {self.management_port}\n"
            "default_user = portside\n"
            f"default_pass = {self.password}\n"
            "loopback_users = none\n"
            "disk_free_limit.absolute = 100MB\n"
            f"{SMALL_LOG}\n"
            "log.file = false\n"
            "log.console = true\n"
            "log.console.level = warning\n"
            f"{self.more_config}",
        )
        (self.home / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (self.home / "env.conf").write_text("")
        # A minimal system may lack the hosts file that would say who localhost is.
        (self.home / "inetrc").write_text('{host, {127,0,0,1}, ["localhost"]}.\n{lookup, [file, native]}.\n')

    @property
    def environment(self) -> dict[str, str]:
        """What the server, and tools that talk to it, must find in their environment."""
        return {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "HOME": str(self.home / "erlang"),
            "ERL_EPMD_PORT": str(self.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_INETRC": str(self.home / "inetrc"),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONF_ENV_FILE": str(self.home / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.home / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.home / "data"),
            "RABBITMQ_LOG_BASE": str(self.home / "log"),
            "RABBITMQ_PID_FILE": str(self.home / "server.pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(self.home / "generated"),
            "RABBITMQ_SCHEMA_DIR": str(self.home / "schema"),
        }

    @property
    def name(self) -> str:
        """Kept for the folder's life: the node finds its queues again by its name."""
        file = self.home / "name"
        if not file.exists():
            file.write_text(f"portside-{secrets.token_hex(4)}@localhost")
        return file.read_text()

    def _tail(self) -> str:
        try:
            return "\n".join((self.home / "server.out").read_text(errors="replace").splitlines()[-15:])
        except OSError:
            return "(no output)"
