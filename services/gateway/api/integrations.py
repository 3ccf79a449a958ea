"""Handlers of the versions of custom integrations."""

from __future__ import annotations

from shared.contracts.catalog import Act, Get, Kind

from . import wire
from .call import Call, Handler, Reply

KIND = Kind.CUSTOM_INTEGRATIONS


def versions(call: Call) -> Reply:
    """The versions of a custom integration, newest first."""
    return Reply(wire.listing(KIND, call.find(call.asks(KIND, parent=call.path["id"]))))


def version(call: Call) -> Reply:
    """One version."""
    return Reply(call.get(Get(kind=KIND, id=call.path["id"], options={"version": call.path["label"]})).document)


def act_on(verb: str) -> Handler:
    """Do something to a version, or to the draft where the address names no version."""

    def handle(call: Call) -> Reply:
        options = {"version": call.path["label"]} if "label" in call.path else {}
        body = {} if verb == "delete-version" else call.body
        command = Act(kind=KIND, verb=verb, id=call.path["id"], body=body, options=options)
        return Reply(call.act(command).document)

    return handle
