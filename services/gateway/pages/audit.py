"""The audit log: who changed what and when, before and after; filtered, and taken away as a file."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from flask import Response, render_template, request

from services.gateway.commands import files
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind

from . import session
from .formats import quoted
from .layout import page_number
from .routing import PageRoute

PAGE = 50
FILTERS = ("user", "action", "objectKind", "project", "name")


def listing() -> str:
    filters, page_index = _asked(), page_number()
    ask = Find(kind=Kind.AUDIT, filter=_filter(filters), top=PAGE, skip=page_index * PAGE)
    page = session.find(ask)
    return render_template(
        "audit.html",
        rows=[{**row, "changes": changes(row)} for row in page.documents],
        total=page.total,
        page=page_index,
        more=(page_index + 1) * PAGE < page.total,
        asked=filters,
        filters=FILTERS,
        query=urlencode(filters),
    )


def export(form: str) -> Response:
    file = files.export(session.context().config, session.caller(), Kind.AUDIT, form, _filter(_asked()))
    return Response(file.text, content_type=file.content_type, headers=file.headers)


def _asked() -> dict[str, str]:
    return {key: request.args[key].strip() for key in FILTERS if request.args.get(key, "").strip()}


def _filter(filters: dict[str, str]) -> str:
    return " and ".join(f"{key} eq {quoted(value)}" for key, value in filters.items())


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
