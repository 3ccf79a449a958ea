"""What forms that write have in common: secrets sealed as in the API, where to go next, projects to choose from."""

from __future__ import annotations

import json

from flask import Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.api import generic
from services.gateway.api.sealing import wrap
from services.gateway.web_parts import WebParts
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind
from shared.process.secrets import new_token

from .common import caller

MOST = 500


def write(parts: WebParts, kind: Kind, verb: str, body: Json, *, mints: bool = False, **where: str) -> Json:
    """Send a change; the answer holds in clear what was minted for it, which nobody can see again."""
    wrapped = wrap(kind, body, parts.sealer.seal, new_token, creating=mints)
    answer = parts.desk.act(caller(), generic.wrapped_act(kind, verb, wrapped, **where))
    return generic.shown(answer.document, wrapped)


def done(then: str, **fields: str) -> AnyResponse:
    """A form was taken: on to a page; or, where it stood in a dialog, its `fields` go to the form behind it."""
    if not request.headers.get("HX-Request"):
        return redirect(then)
    if field("dialog"):
        return Response("", 204, {"HX-Trigger": json.dumps({"portside:done": {"fields": fields}})})
    return Response("", 204, {"HX-Redirect": then})


def every(parts: WebParts, kind: Kind) -> list[Json]:
    """The documents of a kind, by name, as far as a page can show them."""
    found = parts.desk.find(caller(), Find(kind=kind, orderby="name", top=MOST))
    return list(found.documents)


def project_names(parts: WebParts) -> list[str]:
    """The projects that one may choose, `default` first."""
    names = [str(project.get("name")) for project in every(parts, Kind.PROJECTS)] or ["default"]
    return sorted(names, key=lambda name: name != "default")


def field(name: str, default: str = "") -> str:
    """One field of the form that was sent, trimmed."""
    return request.form.get(name, default).strip()
