"""Handlers that most kinds share: list, one, create, replace, patch, delete, and actions by name."""

from __future__ import annotations

from services.gateway.commands import files
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.problems import Code, refuse

from . import wire
from .call import Call, Handler, Reply


def listing(kind: Kind) -> Handler:
    """The kind's list."""

    def handle(call: Call) -> Reply:
        return Reply(wire.listing(kind, call.find(call.asks(kind))))

    return handle


def exported(kind: Kind) -> Handler:
    """The kind's list, or with `?export=csv` or `json` the whole of it as a file, oldest first."""
    plain = listing(kind)

    def handle(call: Call) -> Reply:
        form = call.query.get("export", "")
        if not form:
            return plain(call)
        file = files.export(call.context.config, call.caller, kind, form, call.filter)
        return Reply(text=file.text, content_type=file.content_type, headers=file.headers)

    return handle


def detail(kind: Kind) -> Handler:
    """One object, by id or by project and name, whichever the address holds."""

    def handle(call: Call) -> Reply:
        return Reply(call.get(Get(kind=kind, **address(call))).document)

    return handle


def change(kind: Kind, verb: str) -> Handler:
    """Create, replace, patch or delete."""

    def handle(call: Call) -> Reply:
        if kind is Kind.PIPELINES and call.is_yaml and verb != "delete":
            return Reply(call.act(Act(kind=kind, verb=verb, text=call.text, **address(call))).document)
        body = {} if call.request.method == "DELETE" else call.body
        return Reply(call.change(kind, verb, _typed(call, kind, verb, body), **address(call)))

    return handle


def action(kind: Kind, verbs: tuple[str, ...], default: str = "") -> Handler:
    """A POST on one object; `?action=` says what."""

    def handle(call: Call) -> Reply:
        # Code Stream's ServiceRequest names the action in its body.
        verb = (call.query.get("action") or str(call.body.get("requestType") or "") or default).lower()
        if verb not in verbs:
            allowed = ", ".join(verbs)
            raise refuse(Code.INVALID, f"action must be one of {allowed}, not {verb or 'absent'}.", subject="action")
        return Reply(call.change(kind, verb, call.body, **address(call)))

    return handle


def address(call: Call) -> dict[str, str]:
    """Whom the address means."""
    return {key: call.path[key] for key in ("id", "project", "name") if key in call.path}


def _typed(call: Call, kind: Kind, verb: str, body: Json) -> Json:
    """A change of a variable or endpoint that leaves the type out is read by the type that it has."""
    if kind not in (Kind.VARIABLES, Kind.ENDPOINTS) or verb not in ("replace", "patch") or body.get("type"):
        return body
    stored = call.get(Get(kind=kind, **address(call))).document
    return {**body, "type": stored.get("type")}
