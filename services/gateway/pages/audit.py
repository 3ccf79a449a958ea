"""The audit log: who changed what and when, before and after; filtered, and taken away as a file."""

from __future__ import annotations

import json

from flask import Response, render_template, request

from services.gateway.commands import files
from shared.contracts.base import Json
from shared.contracts.catalog import Kind

from . import session
from .lists import ListFilter, Listing, part_of, since_filter
from .routing import PageRoute

LISTING = Listing(
    address="/audit",
    kind=Kind.AUDIT,
    noun="change",
    order="-when",
    columns={key: key for key in ("user", "action", "name", "project")} | {"when": "_createTimeInMicros"},
    search=part_of("name", "user", "objectKind"),
    filters=(
        ListFilter("user", "User", part_of("user")),
        ListFilter("action", "Action", part_of("action")),
        ListFilter("objectKind", "Kind", part_of("objectKind")),
        ListFilter("project", "Project", part_of("project")),
        since_filter("_createTimeInMicros"),
    ),
)
_NOUNS = {
    "api-tokens": "API token",
    "sessions": "session of",
    "registry-webhooks": "webhook",
    "git-webhooks": "Git webhook",
    "gerrit-listeners": "Gerrit listener",
    "gerrit-triggers": "Gerrit trigger",
    "user-operations": "approval",
    "dead-letters": "dead letter",
    "sign-in-providers": "sign-in provider",
    "people": "user",
}
"""Kinds of objects as people call one; others are their kind without the s."""
_PAGES = {
    "pipelines": "/pipelines/{}",
    "endpoints": "/endpoints/{}",
    "variables": "/variables/{}",
    "registry-webhooks": "/webhooks/{}",
    "projects": "/projects/{}",
    "users": "/people/{}",
}
"""Where objects of a kind are shown, as far as they still exist."""


def listing() -> str:
    view = LISTING.view(request.args)
    page = session.find(view.find())
    rows = [{**row, "changes": changes(row), "address": _address(row), "noun": _noun(row)} for row in page.documents]
    return render_template("audit.html", view=view, rows=rows, total=page.total)


def export(form: str) -> Response:
    terms = LISTING.view(request.args).find().filter
    file = files.export(session.context().config, session.caller(), Kind.AUDIT, form, terms)
    return Response(file.text, content_type=file.content_type, headers=file.headers)


def _noun(row: Json) -> str:
    kind = str(row.get("objectKind") or "")
    return _NOUNS.get(kind, kind.removesuffix("s").replace("-", " "))


def _address(row: Json) -> str:
    page = _PAGES.get(str(row.get("objectKind")), "")
    return page.format(row.get("objectId")) if row.get("objectId") and row.get("action") != "delete" else ""


def changes(row: dict[str, object]) -> list[tuple[str, str, str]]:
    """Field, before, after, of what differs; bookkeeping that changes each time is left out."""
    before, after = _object(row.get("before")), _object(row.get("after"))
    skipped = {"version", "updatedAt", "updatedBy"}
    return [
        (key, _shown(before.get(key)), _shown(after.get(key)))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key) and key not in skipped and not key.startswith("_")
    ]


def _object(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _shown(value: object) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


ROUTES = (
    PageRoute("GET", "/audit", listing),
    PageRoute("GET", "/audit/export.<form>", export),
)
