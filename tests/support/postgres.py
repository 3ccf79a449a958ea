"""A private PostgreSQL server on loopback, with an empty database for each test that asks."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from cli.ports import free_port
from tests.support.patience import PATIENCE_S, wait_for


def programs() -> Path | None:
    """The folder of the newest installed server; Debian keeps it off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    here = shutil.which("initdb")
    return found[-1].parent if found else Path(here).parent if here else None


def _unprivileged(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


def _folder() -> Path:
    return Path("/var/tmp") / f"portside-postgres-{os.getpid()}-{os.urandom(3).hex()}"


@dataclass
class PrivatePostgres:
    """One server; `start` and `stop` may alternate, the data stays between them until `remove`."""

    folder: Path = field(default_factory=_folder)
    port: int = field(default_factory=free_port)
    durable: bool = False
    """What it has confirmed survives an immediate stop, at the price of time."""
    _server: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Of its maintenance database."""
        return f"postgresql://portside@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start, the first time with an empty database, and wait until it answers."""
        binaries, data = programs(), self.folder / "data"
        assert binaries is not None
        if not self.folder.exists():
            self.folder.mkdir(mode=0o700)
            if os.geteuid() == 0:
                shutil.chown(self.folder, "postgres")
            make = [str(binaries / "initdb"), "-D", str(data), "-U", "portside", "--auth=trust", "-E", "UTF8"]
            subprocess.run(_unprivileged(make), check=True, capture_output=True, cwd=self.folder, timeout=PATIENCE_S)
        start = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self.folder)]
        start += ["-c", f"fsync={'on' if self.durable else 'off'}", "-c", "max_connections=200"]
        self._server = subprocess.Popen(
            _unprivileged([str(binaries / "postgres"), "-D", str(data), *start]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        wait_for(self._answers, "PostgreSQL to answer")

    def _answers(self) -> bool:
        with suppress(psycopg.OperationalError), psycopg.connect(self.url):
            return True
        return False

    def stop(self, *, at_once: bool = False) -> None:
        """End every session; what is under way is rolled back. `at_once` is as a crash: the next start recovers."""
        running, self._server = self._server, None
        if running is not None:
            server = int((self.folder / "data" / "postmaster.pid").read_text().splitlines()[0])
            os.kill(server, signal.SIGQUIT if at_once else signal.SIGINT)
            running.wait(PATIENCE_S)

    def remove(self) -> None:
        """Stop, and forget everything."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def server() -> Iterator[str]:
    """Start one that forgets everything at the end; yields the URL of its maintenance database."""
    made = PrivatePostgres()
    try:
        made.start()
        yield made.url
    finally:
        made.remove()


def empty_database(url: str) -> str:
    """The URL of a new database at the server of this one."""
    name = f"t{os.urandom(6).hex()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return url.replace("/postgres", f"/{name}")
