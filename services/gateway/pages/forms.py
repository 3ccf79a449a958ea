"""What forms that write have in common: secrets sealed as in the API, where to go next, projects to choose from."""

from __future__ import annotations

import json

from flask import Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.commands.changes import send_change
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Get, Kind
from shared.contracts.problems import Code, refuse

from . import session
from .toasts import Undo, say

MOST = 500


def write(kind: Kind, verb: str, body: Json, **where: str) -> Json:
    """Send a change; the answer holds in clear what was minted for it, which nobody can see again."""
    if verb == "patch" and field("version"):
        demand_unchanged(session.get(Get(kind=kind, **where)).document)
    return send_change(session.context(), session.caller(), kind, verb, body, **where)


def demand_unchanged(stored: Json, step: str = "Reload the page to see the current version.") -> None:
    """Refuse a form that was drawn before somebody else saved the same thing, or oneself in another tab."""
    version, by = field("version"), stored.get("updatedBy") or "Somebody"
    if version and version != str(stored.get("version")):
        name = stored.get("name")
        raise refuse(Code.CONFLICT, f"{by} saved {name} after this form was opened.", subject=str(name), next_step=step)


def done(
    then: str, sentence: str, link: str, word: str = "", /, *, undo: Undo | None = None, **fields: str
) -> AnyResponse:
    """A form was taken, which `sentence` says with a link: on to a page; or, from a dialog, its `fields` go to the form
    behind it."""
    say(sentence, link, word, undo=undo)
    return onward(then, **fields)


def onward(then: str, **fields: str) -> AnyResponse:
    """On to a page; or, from a dialog, its `fields` go to the form behind it."""
    if not request.headers.get("HX-Request"):
        return redirect(then)
    if field("dialog"):
        return Response("", 204, {"HX-Trigger": json.dumps({"portside:done": {"fields": fields}})})
    return Response("", 204, {"HX-Redirect": then})


def every(kind: Kind) -> list[Json]:
    """The documents of a kind, by name, as far as a page can show them."""
    page = session.find(Find(kind=kind, orderby="name", top=MOST))
    return list(page.documents)


def project_names() -> list[str]:
    """The projects in which one may make things, `default` first."""
    names = [str(project.get("name")) for project in every(Kind.PROJECTS)] or ["default"]
    role = session.role()
    return sorted((name for name in names if role.may(name, "EDIT")), key=lambda name: name != "default")


def definable_projects() -> list[str]:
    """Those of them whose definitions do not come from Git."""
    role = session.role()
    return [name for name in project_names() if role.may_define(name)]


def preset_project() -> str:
    """Where a new thing most likely belongs: in the only project, or in `default`. Refuses who may make none."""
    session.demand_editor()
    names = definable_projects()
    return names[0] if len(names) == 1 or "default" in names else ""


def field(name: str, default: str = "") -> str:
    """One field of the form that was sent, trimmed."""
    return request.form.get(name, default).strip()
