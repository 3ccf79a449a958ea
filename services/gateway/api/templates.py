"""Pipeline templates: listed, offered with choices, filled in."""

from __future__ import annotations

from services.gateway.commands import inspection
from shared.contracts.catalog import Act, Get, Kind

from .call import Call, Reply


def listing(call: Call) -> Reply:
    """All templates with their questions."""
    return Reply(call.get(Get(kind=Kind.PIPELINES, options={"templates": True})).document)


def template(call: Call) -> Reply:
    """One template; the query holds the answers so far, and choices that depend on them are looked up."""
    return Reply(inspection.template(call.context.config, call.caller, call.path["name"], dict(call.query)))


def fill(call: Call) -> Reply:
    """Make the pipeline."""
    command = Act(kind=Kind.PIPELINES, verb="from-template", name=call.path["name"], body=call.body)
    return Reply(call.act(command).document)
