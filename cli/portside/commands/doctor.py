"""`doctor`: each hop from here to a pod, in order, with what to do about the first that fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import click

from .. import contexts
from ..connection import PortsideServer, connect, server_version, version_note
from ..ending import CommandFailed
from ..options import with_output
from ..output import Column, field, print_all

COLUMNS = (
    field("HOP", "hop"),
    Column("STATE", lambda row: row["state"]),
    field("MESSAGE", "message"),
    field("NEXT STEP", "nextStep"),
)
_OPTIONS = (
    click.option("--context", "context_name", default="", metavar="NAME", help="Use this context."),
    click.option("--project", default="", metavar="NAME", help="Use this project instead of the context's."),
)


@dataclass(frozen=True, slots=True)
class CheckedHop:
    """One thing on the way. `state` is ok, failed, or a warning that stops nothing."""

    name: str
    state: str
    message: str
    next_step: str = ""

    def row(self) -> dict[str, Any]:
        """As it is printed."""
        return {"hop": self.name, "state": self.state, "message": self.message, "nextStep": self.next_step}


@click.command()
@_OPTIONS[0]
@_OPTIONS[1]
@with_output
def doctor(context_name: str, project: str, form: str) -> None:
    """Check every hop from here to the pods. Those are server, sign-in, queues, endpoints, webhooks, deployments."""
    hops = list(_hops(context_name, project))
    print_all([hop.row() for hop in hops], COLUMNS, form, name="hop")
    if failed := [hop for hop in hops if hop.state == "failed"]:
        raise CommandFailed(f"{len(failed)} of {len(hops)} checks failed")


def _hops(context_name: str, project: str) -> Iterator[CheckedHop]:
    from ..api import Client

    context = contexts.chosen(context_name, project)
    client = Client(context.url, certificate=context.certificate)
    try:
        version = server_version(client)
    except CommandFailed as failure:
        yield _failed("server", failure, "Check the address, the network and HTTPS_PROXY.")
        return
    differs = version_note(version)
    yield CheckedHop("server", "warning" if differs else "ok", differs or f"{context.url} runs Portside {version}")
    try:
        server = connect(context_name, project)
    except CommandFailed as failure:
        yield _failed("sign-in", failure, f"portside login {context.url}")
        return
    yield CheckedHop("sign-in", "ok", f"as {server.client.get('/users/me').get('userName')}")
    for name, check in _CHECKS:
        try:
            yield from check(server)
        except CommandFailed as failure:
            yield _failed(name, failure, "")


def _failed(name: str, failure: CommandFailed, next_step: str) -> CheckedHop:
    lines = failure.message.splitlines()
    return CheckedHop(name, "failed", lines[0], " ".join(lines[1:]) or next_step)


def _broker(server: PortsideServer) -> Iterator[CheckedHop]:
    health = server.client.send("GET", "/healthz")
    troubles = [str(trouble) for trouble in health.get("troubles") or ()]
    state = "ok" if health.get("status") == "ok" else "failed"
    message = "; ".join(troubles) or f"{health.get('status')}, broker {health.get('broker')}"
    yield CheckedHop("processes", state, message, "" if state == "ok" else f"See {server.page('health')}.")


def _endpoints(server: PortsideServer) -> Iterator[CheckedHop]:
    from ..runs import ask_filter

    for endpoint in server.client.pages("/endpoints", 50, **ask_filter(project=server.project)):
        name = f"{endpoint['type']} endpoint {endpoint['name']}"
        result = server.client.post("/endpoint-validation", endpoint)
        step = str(result.get("nextStep") or "")
        yield CheckedHop(name, "ok" if result["ok"] else "failed", str(result["message"]), step)


def _webhooks(server: PortsideServer) -> Iterator[CheckedHop]:
    from ..runs import ask_filter

    for webhook in server.client.pages("/registry-webhooks", 50, **ask_filter(project=server.project)):
        name = f"webhook {webhook['name']}"
        if not webhook["enabled"]:
            yield CheckedHop(name, "warning", "It is disabled.", "Enable it to deploy pushes.")
            continue
        result = server.client.act(f"/registry-webhooks/{webhook['id']}", "check")
        yield CheckedHop(name, "ok" if result["ok"] else "failed", str(result["message"]), str(result["nextStep"]))


def _deployments(server: PortsideServer) -> Iterator[CheckedHop]:
    from ..runs import ask_filter

    for row in server.client.pages("/deployments", 50, **ask_filter(project=server.project)):
        now = server.client.get(f"/deployments/{row['id']}/now")
        state = "ok" if now["state"] == "same" and now["ready"] else "warning"
        images = ", ".join(now["images"])
        message = str(now["message"]) or f"{now['state']}: {images}"
        yield CheckedHop(f"{row['workloadKind']} {row['namespace']}/{row['name']}", state, message)


_CHECKS: tuple[tuple[str, Callable[[PortsideServer], Iterator[CheckedHop]]], ...] = (
    ("processes", _broker),
    ("endpoints", _endpoints),
    ("webhooks", _webhooks),
    ("deployments", _deployments),
)
