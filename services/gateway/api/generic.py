"""Handlers that most kinds share: list, one, create, replace, patch, delete, and actions by name."""

from __future__ import annotations

from urllib.parse import quote

from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.problems import Code, refuse
from shared.contracts.secrets import MASK
from shared.process.secrets import new_token

from . import wire
from .call import Call, Handler, Reply
from .sealing import Wrapped, wrap


def listing(kind: Kind) -> Handler:
    """The kind's list."""

    def handle(call: Call) -> Reply:
        return Reply(wire.listing(kind, call.find(wire.find(kind, call.query))))

    return handle


def one(kind: Kind) -> Handler:
    """One object, by id or by project and name, whichever the address holds."""

    def handle(call: Call) -> Reply:
        return Reply(call.get(Get(kind=kind, **address(call))).document)

    return handle


def change(kind: Kind, verb: str) -> Handler:
    """Create, replace, patch or delete."""

    def handle(call: Call) -> Reply:
        if kind is Kind.PIPELINES and call.is_yaml and verb != "delete":
            return Reply(call.act(Act(kind=kind, verb=verb, text=call.text, **address(call))).document)
        body = {} if verb == "delete" else call.body
        wrapped = wrap(
            kind, _typed(call, kind, verb, body), call.parts.sealer.seal, new_token, creating=verb == "create"
        )
        answer = call.act(wrapped_act(kind, verb, wrapped, **address(call))).document
        return Reply(shown(answer, wrapped))

    return handle


def action(kind: Kind, verbs: tuple[str, ...], default: str = "") -> Handler:
    """A POST on one object; `?action=` says what."""

    def handle(call: Call) -> Reply:
        verb = (call.query.get("action") or default).lower()
        if verb not in verbs:
            known = ", ".join(verbs)
            raise refuse(Code.INVALID, f"action must be one of {known}, not {verb or 'absent'}.", subject="action")
        wrapped = wrap(kind, call.body, call.parts.sealer.seal, new_token, creating=verb == "rotate")
        answer = call.act(wrapped_act(kind, verb, wrapped, **address(call))).document
        return Reply(shown(answer, wrapped))

    return handle


def address(call: Call) -> dict[str, str]:
    """Whom the address means."""
    return {key: call.path[key] for key in ("id", "project", "name") if key in call.path}


def wrapped_act(kind: Kind, verb: str, wrapped: Wrapped, **where: str) -> Act:
    """The command of a body without its secrets."""
    return Act(kind=kind, verb=verb, body=wrapped.body, sealed=wrapped.sealed, hashes=wrapped.hashes, **where)


def shown(answer: Json, wrapped: Wrapped) -> Json:
    """The answer with what we have just made, which nobody can see again."""
    if not wrapped.shown:
        return answer
    answer = {**answer, **wrapped.shown}
    token = wrapped.shown.get("secretToken")
    if token and isinstance(url := answer.get("hookUrl"), str):
        answer["hookUrl"] = url.replace(MASK, quote(token, safe=""))
    return answer


def _typed(call: Call, kind: Kind, verb: str, body: Json) -> Json:
    """A change of a variable or endpoint that leaves the type out is read by the type that it has."""
    if kind not in (Kind.VARIABLES, Kind.ENDPOINTS) or verb not in ("replace", "patch") or body.get("type"):
        return body
    stored = call.get(Get(kind=kind, **address(call))).document
    return {**body, "type": stored.get("type")}
