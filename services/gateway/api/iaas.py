"""Projects as VMware's IaaS API has them, for clients that make projects there before they make pipelines.

Paths, statuses and fields are those of the IaaS API's published description: 201 with the project for a new one, 204
without a body for a deleted one.
"""

from __future__ import annotations

from shared.contracts.base import Json
from shared.contracts.catalog import Get, Kind

from . import generic, wire
from .call import Call, Handler, Reply

PROJECTS = "/iaas/api/projects"
_KEPT = ("name", "description", "tags", "administrators", "members", "viewers")
"""Of what clients of that API send: zones, constraints and the like are none of Portside's."""
_ANSWERS = {"create": 201, "delete": 204}


def page(call: Call) -> Reply:
    """One page of projects."""
    ask = call.asks(Kind.PROJECTS)
    stored = call.find(ask)
    projects = tuple(project(document) for document in stored.documents)
    return Reply(wire.spring_page(stored.model_copy(update={"documents": projects}), ask))


def read(call: Call) -> Reply:
    """One project."""
    return Reply(project(call.get(Get(kind=Kind.PROJECTS, **generic.address(call))).document))


def change(verb: str) -> Handler:
    """Create, patch or delete a project."""

    def handle(call: Call) -> Reply:
        status = _ANSWERS.get(verb, 200)
        body = {} if verb == "delete" else call.body
        kept = {key: body[key] for key in _KEPT if key in body}
        document = call.change(Kind.PROJECTS, verb, kept, **generic.address(call))
        return Reply(text="", status=status) if status == 204 else Reply(project(document), status=status)

    return handle


def project(document: Json) -> Json:
    """A project with the fields that only this API has; cloud zones are none of ours."""
    return {
        **document,
        "organizationId": document.get("orgId", ""),
        "owner": document.get("createdBy", ""),
        "customProperties": {},
        "zones": [],
        "_links": {"self": {"href": f"{PROJECTS}/{document.get('id', '')}"}},
    }
