"""The health check's command, made to cost little: it runs every few seconds in every container, for ever.

`python -S -m shared.process.health_check <service>` exits 0 when this machine's processes of that service report and
have no trouble; `… http://host:port/path` when that address answers 200. Else each trouble is printed and the exit code
is 1. Only the standard library, and of it no more than needed: an import here costs more than the check
(`-S` spares the installed packages). `tests/integration/shared/process/test_health_check.py` holds the bound.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from shared.process import clock

STALE_S = 10.0
CONNECT_S = 4.0
_LONGEST_ANSWER = 65_536
SUFFIX = ".health.json"
USAGE = "usage: python -S -m shared.process.health_check <service> | http://<host>:<port>/<path>"


def check(service: str, home: str | os.PathLike[str], *, at: float, host: str) -> list[str]:
    """The troubles of that service's processes on this host; empty when there are none."""
    folder = os.path.join(home, "run")
    fresh = [
        report
        for report in _reports(folder, service)
        if report["service"] == service and report["host"] == host and at - report["at"] <= STALE_S
    ]
    if not fresh:
        return [f"{service} does not report: no fresh file in {folder}. Is it running with this PORTSIDE_HOME?"]
    return [line for report in fresh for line in report["troubles"]]


def _reports(folder: str, service: str) -> Iterator[Any]:
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return
    for name in names:
        if name.startswith(f"{service}-") and name.endswith(SUFFIX):
            try:
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    yield json.load(file)
            except (OSError, ValueError):
                continue


def check_address(url: str) -> list[str]:
    """Why `http://host:port/path` does not answer 200; empty when it does."""
    import socket  # Half of what the check of a file costs.

    server, _, path = url.removeprefix("http://").partition("/")
    host, _, port = server.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT_S) as connection:
            connection.sendall(f"GET /{path} HTTP/1.0\r\nHost: {server}\r\n\r\n".encode())
            answer = b""
            while len(answer) < _LONGEST_ANSWER and (piece := connection.recv(_LONGEST_ANSWER)):
                answer += piece
    except (OSError, ValueError) as error:
        return [f"{url} does not answer: {error}"]
    head, _, body = answer.decode(errors="replace").partition("\r\n\r\n")
    status = head.partition("\r\n")[0].partition(" ")[2]
    return [] if status.startswith("200") else [f"{url} answers {status}: {body}"]


def main(arguments: list[str]) -> int:
    """The command."""
    if len(arguments) != 1:
        print(USAGE, file=sys.stderr)
        return 2
    (subject,) = arguments
    if subject.startswith("http://"):
        troubles = check_address(subject)
    else:
        home = os.environ.get("PORTSIDE_HOME") or ".portside"
        troubles = check(subject, home, at=clock.now(), host=os.uname().nodename)
    for line in troubles:
        print(line)
    return 1 if troubles else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
