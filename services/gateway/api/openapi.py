"""OpenAPI 3.1 out of the table of routes. `python -m services.gateway.api.openapi` writes the committed file."""

from __future__ import annotations

import json
import re
import sys
from functools import cache
from pathlib import Path

from shared.contracts.base import Json

from .route import Route
from .routes import PREFIXES, ROUTES
from .schemas.parts import by_name, ref
from .schemas.table import REQUIRED, SCHEMAS

_PLACE = re.compile(r"{(\w+)}")
_INTEGERS = {"$top", "$skip", "page", "$size", "count", "after", "days"}
_NOTES = {
    "$filter": "OData predicate over the indexed fields, such as `name eq 'web'`.",
    "$orderby": "A field and a direction, such as `name desc`.",
    "$top": "How many rows to return: 25 by default, at most 2,000.",
    "$skip": "How many rows to skip.",
    "page": "The n-th page of `$size`, from 0.",
    "$expand": "Ignored; lists always include the documents.",
    "version": "Returns this version instead of the current one.",
    "from": "A version's number.",
    "to": "A version's number.",
    "days": "How many days back, 1 to 366; 30 by default.",
    "after": "Only lines after this number.",
    "project": "A project's name; for an import, the project for objects whose own project does not exist here.",
    "export": "`csv` or `json` returns a file instead of the list.",
    "url": "The server's address.",
    "about": "Only notices about this, such as `certificate`.",
    "search": "Only those that name this.",
    "access_token": "Ignored; the response always contains an access token.",
}
_ERRORS = {
    "400": "The request is invalid; `flaws` lists each problem.",
    "401": "No valid access token.",
    "403": "The caller is not allowed to do this.",
    "404": "The object does not exist.",
    "409": "The request conflicts with the current state.",
    "429": "Too many requests; see Retry-After.",
    "500": "Internal error; the log has the details under `requestId`.",
    "501": "Not supported.",
    "503": "A part of the system is unavailable; see Retry-After.",
    "504": "Timed out.",
}


@cache
def document() -> Json:
    """The whole description."""
    paths: dict[str, Json] = {}
    for route in ROUTES:
        entry = paths.setdefault(route.path, {})
        if route.absolute:
            entry["servers"] = [{"url": "/"}]
        entry[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Portside",
            "version": "1",
            "description": "Pipelines, endpoints, Docker webhooks and their events. Paths and shapes are those of "
            "VMware Code Stream; the prefixes are aliases of each other. Unknown query parameters are ignored.",
        },
        "servers": [{"url": prefix} for prefix in PREFIXES],
        "security": [{"bearer": []}],
        "tags": [{"name": name} for name in dict.fromkeys(route.tag for route in ROUTES)],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "responses": {
                status: {"description": text, "content": _contents(("application/json", "Error"))}
                for status, text in _ERRORS.items()
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


@cache
def encoded() -> bytes:
    """The same as JSON: made and held once, since anybody may ask for it."""
    return json.dumps(document()).encode()


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": _operation_id(route),
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [
            *(_place(name) for name in _PLACE.findall(route.path)),
            *(_query(name, route) for name in route.query),
        ],
        "responses": {
            str(route.ok): _done(route),
            **{status: {"$ref": f"#/components/responses/{status}"} for status in _ERRORS},
        },
    }
    if route.public:
        operation["security"] = []
    if route.takes:
        operation["requestBody"] = {"content": _contents((route.takes_type, route.takes), *route.takes_also)}
    return operation


def _done(route: Route) -> Json:
    content = _contents((route.gives_type, route.gives), *route.gives_also) if route.gives else None
    return {"description": "Done.", **({"content": content} if content else {})}


def _operation_id(route: Route) -> str:
    words = re.sub(r"[{}]", "", route.path).replace("/", " ").replace("-", " ").split()
    return route.method.lower() + "".join(word[0].upper() + word[1:] for word in words)


def _contents(*pairs: tuple[str, str]) -> Json:
    return {content_type: {"schema": _schema(schema)} for content_type, schema in pairs}


def _schema(name: str) -> Json:
    if name.startswith("New "):
        whole = name.removeprefix("New ")
        return {"allOf": [ref(whole), {"required": list(REQUIRED[whole])}]}
    if not name.startswith("["):
        return ref(name)
    return {"allOf": [ref("List"), {"type": "object", "properties": {"documents": by_name(name[1:-1])}}]}


def _place(name: str) -> Json:
    schema: Json = {"type": "integer", "minimum": 0} if name == "index" else {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query(name: str, route: Route) -> Json:
    schema: Json = {"type": "integer", "minimum": 0} if name in _INTEGERS else {"type": "string"}
    parameter: Json = {"name": name, "in": "query", "schema": schema}
    if note := _NOTES.get(name):
        parameter["description"] = note
    if name == "action":
        parameter["description"] = f"What to do: {', '.join(route.actions)}."
    if name == "access_token":
        parameter["allowEmptyValue"] = True
    if name == "url" or (name == "$filter" and route.method == "DELETE"):
        parameter["required"] = True
    return parameter


COMMITTED = Path("docs/reference/rest-api/openapi.json")


def main() -> int:
    """Write the committed document; with --check answer 1 where it is out of date."""
    text = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    if "--check" in sys.argv:
        return int(not COMMITTED.exists() or COMMITTED.read_text(encoding="utf-8") != text)
    COMMITTED.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
