"""What commands share about executions: how one is named, filtered, waited for, and what its end means to a script."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from .connection import PortsideServer, looks_like_id
from .ending import CommandFailed, ExitCode, note, why
from .texts import quoted

if TYPE_CHECKING:
    from .api import Json

EXIT_CODES = {
    "COMPLETED": ExitCode.DONE,
    "SKIPPED": ExitCode.DONE,
    "FAILED": ExitCode.EXECUTION_FAILED,
    "CANCELED": ExitCode.EXECUTION_CANCELED,
}
POLL_S = 1.0
PATIENCE_S = 120.0
"""A server that is away for so long has not just been restarted."""
_IMAGE = re.compile(r"(?P<repository>(?:[\w.-]+:\d+/)?[\w./-]*)(?::(?P<tag>[\w.-]{1,128}))?(?:@sha256:[0-9a-f]{64})?")
_NUMBERED = re.compile(r"(.+)#(\d{1,9})")


def reference_of(run: Json) -> str:
    """How people name an execution, and how commands take it back."""
    return f"{run.get('name')}#{run.get('index')}"


def locate(server: PortsideServer, reference: str) -> Json:
    """An execution by its id, `PIPELINE#NUMBER`, or the newest of `PIPELINE`. Raises `CommandFailed`."""
    if looks_like_id(reference):
        return server.client.get(f"/executions/{reference}")
    numbered = _NUMBERED.fullmatch(reference)
    name = numbered[1] if numbered else reference
    runs = f"/pipelines/{quote(server.project, safe='')}/{quote(name, safe='')}/executions"
    if numbered:
        return server.client.get(f"{runs}/{numbered[2]}")
    newest = server.client.documents(runs, **{"$top": 1})
    if not newest:
        raise CommandFailed(f"{name} was never run", ExitCode.NOT_FOUND)
    return server.client.get(newest[0]["_link"].removeprefix("/codestream/api"))


def split_image(image: str) -> tuple[str, str]:
    """Repository and tag; a registry's port is not a tag, and a digest behind them says nothing more."""
    if not (match := _IMAGE.fullmatch(image)):
        raise CommandFailed(f"{quoted(image)} is not an image; write it as acme/web:1.4.0", ExitCode.USAGE)
    return match["repository"], match["tag"] or ""


def image_of(event: Json) -> str:
    """The image of an event; blank where its delivery could not be read."""
    return ":".join(part for part in (event.get("imageName"), event.get("tag")) if part)


def ask_filter(**fields: str) -> dict[str, str | int]:
    """An OData `$filter` that demands these values; fields without one are left out."""
    parts = [f"{name} eq '{text.replace(chr(39), chr(39) * 2)}'" for name, text in fields.items() if text]
    return {"$filter": " and ".join(parts)} if parts else {}


def read_inputs(pairs: Sequence[str], files: Sequence[str] = ()) -> dict[str, str]:
    """`NAME=VALUE`, each, and `NAME=FILE`. A value never names a file: builds put there what others wrote."""
    values = dict(_named(pair, "-i") for pair in pairs)
    return values | {name: _read(path) for name, path in (_named(pair, "--input-file") for pair in files)}


def _named(pair: str, option: str) -> tuple[str, str]:
    name, equals, text = pair.partition("=")
    if not equals or not name:
        raise CommandFailed(f"{option} {pair}: write it as NAME=…", ExitCode.USAGE)
    return name, text


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read(1_000_000)
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(f"cannot read {path}: {why(error)}", ExitCode.USAGE) from None


def watch_run(server: PortsideServer, run: Json, *, timeout_s: float, cancellable: bool = False) -> Json:
    """Show an execution until it ends. Ctrl-C asks whether to cancel it, where that is offered and somebody can answer.

    The progress goes to standard error.
    """
    from rich.console import Console

    from .follow import follow

    console = Console(stderr=True, highlight=False)
    try:
        run = follow(console, lambda: patiently(server, run["_link"]), limit_s=timeout_s, every_s=POLL_S)
    except KeyboardInterrupt:
        if not cancellable:
            raise
        offer_to_cancel(server, run)
        raise
    message = run.get("statusMessage") or ""
    note(f"{reference_of(run)} {run['status']}: {message}" if message else f"{reference_of(run)} {run['status']}")
    return run


def offer_to_cancel(server: PortsideServer, run: Json) -> None:
    """After Ctrl-C: the run continues unless the person wants it cancelled."""
    if sys.stdin.isatty() and click.confirm(f"\nCancel {reference_of(run)} too?", err=True):
        server.client.act(run["_link"], "cancel", {"reason": "cancelled from the command line"})
        note(f"Cancelling {reference_of(run)}.")
    else:
        note(f"{reference_of(run)} continues: portside executions watch {run['id']}")


def patiently(server: PortsideServer, link: str) -> Json:
    """Read an execution through restarts of the server and the end of an access token: waiting may take days."""
    from .api import ApiError, Unreachable

    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return server.client.get(link.removeprefix("/codestream/api"))
        except ApiError as error:
            if error.status == 401:
                server.client.sign_in_with(server.context.token)
            elif (error.status < 500 and error.status != 429) or time.monotonic() > deadline:
                raise
        except Unreachable:
            if time.monotonic() > deadline:
                raise
        time.sleep(POLL_S)


def exit_code_of(run: dict[str, Any]) -> int:
    """What a script learns of how an execution ended."""
    return EXIT_CODES.get(str(run["status"]), ExitCode.STILL_RUNNING)
