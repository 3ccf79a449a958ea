"""What a route is, and the routes that every kind of object has."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.catalog import Kind

from . import generic
from .call import Handler

LIST = ("$filter", "$orderby", "$top", "$skip", "page", "$size", "count", "$expand")


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one address.

    `ok` is the status of success; `takes` and `gives` name schemas: `[X]` is the list shape of X, `New X` is X with all
    that making one needs.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    takes: str = ""
    gives: str = "Object"
    query: tuple[str, ...] = ()
    ok: int = 200
    public: bool = False
    """Answers without an access token."""
    absolute: bool = False
    """Not below the prefixes."""
    actions: tuple[str, ...] = ()
    """What its parameter `action` may say."""
    takes_type: str = "application/json"
    gives_type: str = "application/json"
    takes_also: tuple[tuple[str, str], ...] = ()
    """Further content types of the body, each with its schema."""
    gives_also: tuple[tuple[str, str], ...] = ()
    """Further content types of the answer, each with its schema: for who accepts or asks for them."""


def collection(kind: Kind, schema: str, noun: str, tag: str, *, named: bool = True) -> list[Route]:
    """List, create, and one object by id and by project and name."""
    base, noun_phrase = f"/{kind.value}", f"{'an' if noun[0] in 'aeiAE' else 'a'} {noun}"
    rows = [
        Route("GET", base, generic.listing(kind), f"List {noun}s", tag, gives=f"[{schema}]", query=LIST),
        Route("POST", base, generic.change(kind, "create"), f"Create {noun_phrase}", tag, takes=f"New {schema}",
              gives=schema),
    ]  # fmt: skip
    for where, how in ((f"{base}/{{id}}", "id"), (f"{base}/{{project}}/{{name}}", "project and name")):
        if how != "id" and not named:
            continue
        rows += [
            Route("GET", where, generic.detail(kind), f"Get {noun_phrase} by {how}", tag, gives=schema),
            Route(
                "PUT", where, generic.change(kind, "replace"), f"Replace {noun_phrase} by {how}", tag, schema, schema
            ),
            Route("PATCH", where, generic.change(kind, "patch"), f"Change {noun_phrase} by {how}", tag, schema, schema),
            Route("DELETE", where, generic.change(kind, "delete"), f"Delete {noun_phrase} by {how}", tag, gives=schema),
        ]
    return rows


def events_of(kind: Kind, schema: str, noun: str, tag: str) -> list[Route]:
    """List, get, match again and delete what a source has reported."""
    verbs = ("rerun", "resume")
    item, act = f"/{kind.value}/{{id}}", generic.action(kind, verbs, default="rerun")
    return [
        Route("GET", f"/{kind.value}", generic.listing(kind), f"List {noun}s", tag, gives=f"[{schema}]", query=LIST),
        Route("GET", item, generic.detail(kind), f"Get a {noun}", tag, gives=schema),
        Route("POST", item, act, f"Match a {noun} again", tag, "Object", schema, ("action",), actions=verbs),
        Route("DELETE", item, generic.change(kind, "delete"), f"Delete a {noun}", tag, gives=schema),
    ]


def clones(kind: Kind, schema: str, noun: str, tag: str) -> list[Route]:
    """Copy an object, by id and by project and name."""
    verbs = ("clone",)
    act = generic.action(kind, verbs, default="clone")
    return [
        Route("POST", where, act, f"Clone a {noun}", tag, "ServiceRequest", schema, ("action",), actions=verbs)
        for where in (f"/{kind.value}/{{id}}", f"/{kind.value}/{{project}}/{{name}}")
    ]
