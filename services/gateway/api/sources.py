"""Handlers of Git and Gerrit: listening to a Git server, definitions from Git, calls beyond plain collections."""

from __future__ import annotations

from flask import Request

from services.gateway.commands.git_pushes import read_git_push
from services.gateway.receiver import signatures
from services.gateway.receiver.limits import Limiter
from services.gateway.receiver.reading import Unreadable, read_json
from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.contracts.pushes import BodySignature
from shared.process.clock import monotonic
from shared.process.secrets import token_hash

from . import generic
from .call import Call, Reply

MAX_BODY = 1024 * 1024
MAX_TOKEN = 512
_SENDERS = Limiter(burst=60, per_s=2)
"""By address: each call is a question to config, whether or not its token is good."""
_SYSTEM = Caller(user="system")


def listen(call: Call) -> Reply:
    """Take in what a Git server announces: config keeps it before we answer."""
    if wait_s := _SENDERS.take(call.request.remote_addr or "", monotonic()):
        message = "Too many announcements from this address; send this one again later."
        raise Refused(Problem(code=Code.TOO_MANY, message=message, retry_after_s=wait_s))
    raw = call.request.get_data()
    if len(raw) > MAX_BODY:
        raise refuse(Code.INVALID, f"The body is larger than {MAX_BODY} bytes.")
    token = _token(call.request)
    if not token or len(token) > MAX_TOKEN or signatures.check(call.request.environ, raw, token) is BodySignature.WRONG:
        raise refuse(Code.FORBIDDEN, "Invalid token. Copy the listener's URL from the Git webhook.")
    try:
        push = read_git_push(read_json(raw, call.request.content_type or ""))
    except Unreadable as error:
        raise refuse(Code.INVALID, str(error)) from None
    if push is None:
        return Reply({"status": "ignored", "message": "It announces neither a push nor a pull request."})
    hashes = {"secretToken": token_hash(token)}
    command = Act(kind=Kind.GIT_EVENTS, verb="receive", id=call.path["id"], body=push, hashes=hashes)
    return Reply(call.context.config.act(_SYSTEM, command).document)


def _token(request: Request) -> str:
    return request.args.get("token") or request.headers.get("X-Gitlab-Token") or ""


def definition_source(call: Call) -> Reply:
    """Which repository a project follows, and how far it has come."""
    return Reply(call.get(Get(kind=Kind.PROJECTS, options={"source": True}, **generic.address(call))).document)


def gerrit_projects(call: Call) -> Reply:
    """The Gerrit projects that triggers of a listener name, as one text."""
    ask = Get(kind=Kind.GERRIT_LISTENERS, options={"projects": True}, **generic.address(call))
    return Reply(call.get(ask).text)


def validate_listener(call: Call) -> Reply:
    """What would be stored of a listener, with its warnings."""
    return Reply(call.change(Kind.GERRIT_LISTENERS, "validate", call.body))
