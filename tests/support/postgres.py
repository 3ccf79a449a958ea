"""A private PostgreSQL server on loopback, with an empty database for each test that asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from cli.ports import free_port


def programs() -> Path | None:
    """The folder of the newest installed server; Debian keeps it off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    here = shutil.which("initdb")
    return found[-1].parent if found else Path(here).parent if here else None


def _unprivileged(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command


@contextmanager
def server() -> Iterator[str]:
    """Start one that forgets everything at the end; yields the URL of its maintenance database."""
    binaries = programs()
    assert binaries is not None
    folder = Path("/var/tmp") / f"portside-postgres-{os.getpid()}"
    folder.mkdir(mode=0o700)
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data, port = folder / "data", free_port()
        make = [str(binaries / "initdb"), "-D", str(data), "-U", "portside", "--auth=trust", "-E", "UTF8"]
        subprocess.run(_unprivileged(make), check=True, capture_output=True, cwd=folder, timeout=60)
        start = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder), "-c", "fsync=off", "-c", "max_connections=200"]
        running = subprocess.Popen(
            _unprivileged([str(binaries / "postgres"), "-D", str(data), *start]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
        )
        try:
            url = f"postgresql://portside@127.0.0.1:{port}/postgres"
            for _ in range(200):
                with suppress(psycopg.OperationalError), psycopg.connect(url):
                    break
                time.sleep(0.1)
            yield url
        finally:
            running.terminate()
            running.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def empty_database(url: str) -> str:
    """The URL of a new database at the server of this one."""
    name = f"t{os.urandom(6).hex()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return url.replace("/postgres", f"/{name}")
