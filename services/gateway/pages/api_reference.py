"""The reference of the API as a page, drawn from the same document that programs read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template

from .routing import PageRoute

_METHODS = ("get", "post", "put", "patch", "delete")
Json = Mapping[str, Any]


@dataclass(frozen=True)
class Body:
    """One content type, and which object it holds: `list of` and `required` complete the name."""

    content_type: str
    schema: str
    is_list: bool = False
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReferenceCall:
    """One operation."""

    id: str
    method: str
    path: str
    summary: str
    public: bool
    parameters: tuple[Json, ...]
    takes: tuple[Body, ...]
    gives: tuple[Body, ...]


@dataclass(frozen=True)
class ReferenceField:
    """One field of an object."""

    name: str
    type: str
    schema: str
    note: str


def page() -> str:
    document = _description()
    prefixes = [server["url"] for server in document["servers"]]
    errors = [(status, answer["description"]) for status, answer in document["components"]["responses"].items()]
    return render_template(
        "api_reference.html", prefixes=prefixes, errors=errors, groups=groups(document), objects=objects(document)
    )


def _description() -> Json:
    """The OpenAPI document of the API that this process serves."""
    document: Json = current_app.extensions["openapi"]()
    return document


def groups(document: Json) -> dict[str, list[ReferenceCall]]:
    """Operations by tag, in the document's order."""
    by_tag: dict[str, list[ReferenceCall]] = {tag["name"]: [] for tag in document["tags"]}
    for path, operations in document["paths"].items():
        for method in _METHODS:
            if (operation := operations.get(method)) is not None:
                by_tag[operation["tags"][0]].append(_call(method, path, operation))
    return by_tag


def objects(document: Json) -> dict[str, list[ReferenceField]]:
    """Every object with fields of its own."""
    schemas: dict[str, Json] = document["components"]["schemas"]
    return {
        name: [_member(field, schema) for field, schema in schemas[name]["properties"].items()]
        for name in sorted(schemas)
        if schemas[name].get("properties")
    }


def _call(method: str, path: str, operation: Json) -> ReferenceCall:
    return ReferenceCall(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        public=operation.get("security") == [],
        parameters=tuple(operation["parameters"]),
        takes=_bodies(operation.get("requestBody", {}).get("content", {})),
        gives=_bodies(next(iter(operation["responses"].values())).get("content", {})),
    )


def _bodies(content: Mapping[str, Json]) -> tuple[Body, ...]:
    return tuple(_body(content_type, media["schema"]) for content_type, media in content.items())


def _body(content_type: str, schema: Json) -> Body:
    if "$ref" in schema:
        return Body(content_type, _name(schema))
    first, second = schema["allOf"]
    if "required" in second:
        return Body(content_type, _name(first), required=tuple(second["required"]))
    return Body(content_type, _name(second["properties"]["documents"]["additionalProperties"]), is_list=True)


def _member(name: str, schema: Json) -> ReferenceField:
    inner = schema.get("items") or schema.get("additionalProperties") or schema
    of = _name(inner) if isinstance(inner, Mapping) and "$ref" in inner else ""
    types = schema.get("type", "object")
    words = types if isinstance(types, str) else " or ".join(types)
    if words == "array":
        words = "list of" if of else "list"
    elif of and "additionalProperties" in schema:
        words = "by name:"
    elif of:
        words = ""
    notes = [schema.get("description", ""), "Read only." if schema.get("readOnly") else ""]
    return ReferenceField(name, words, of, " ".join(note for note in notes if note))


def _name(schema: Json) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


ROUTES = (PageRoute("GET", "/docs/api", page, public=True),)
