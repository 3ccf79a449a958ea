"""A task's input and endpoints beside the schema of its type.

The schemas use a small part of JSON Schema: `type`, `enum`, `required`, `properties`; `x-image` is a text that names an
image. An expression may become anything, so only its presence counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shared.contracts.texts import is_integer

from .expressions import references
from .names import Path, UnplacedFlaw, did_you_mean, nearest
from .repositories import upper_case_in
from .spec import TaskSpec

Schema = Mapping[str, Any]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list, tuple),
    "null": (type(None),),
}
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a map of fields",
    "array": "a list",
    "null": "null",
}


def input_problems(place: Path, task: TaskSpec, schema: Schema, *, warning: bool = False) -> Iterator[UnplacedFlaw]:
    """What is wrong with one task's input and endpoints; `warning` for a task that says it is not finished."""
    yield from _object((*place, "input"), task.input, schema, task.type, warning=warning)
    roles: Mapping[str, Any] = schema.get("x-endpoints", {})
    for role in schema.get("x-required-endpoints", ()):
        if not task.endpoints.get(role):
            message = f"a {task.type} task needs the name of an endpoint in endpoints.{role}"
            yield UnplacedFlaw((*place, "endpoints"), message, warning=warning)
    for role in task.endpoints:
        if role not in roles:
            message = f"a {task.type} task has no endpoint {role}"
            yield UnplacedFlaw((*place, "endpoints", role), message, did_you_mean(nearest(role, roles)), warning=True)


def _object(
    place: Path, value: Mapping[str, Any], schema: Schema, task_type: str, *, warning: bool
) -> Iterator[UnplacedFlaw]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    for name in schema.get("required", ()):
        if value.get(name) in (None, ""):
            yield UnplacedFlaw((*place, name), f"a {task_type} task needs {place[-1]}.{name}", warning=warning)
    for name, item in value.items():
        if name not in properties:
            if properties and schema.get("additionalProperties") is not True:
                message = f"a {task_type} task makes no use of {place[-1]}.{name}"
                yield UnplacedFlaw((*place, name), message, did_you_mean(nearest(name, properties)), warning=True)
        elif item not in (None, ""):
            yield from _value((*place, name), item, properties[name], task_type, warning=warning)


def _value(place: Path, value: Any, schema: Schema, task_type: str, *, warning: bool) -> Iterator[UnplacedFlaw]:
    if schema.get("x-image") and (part := upper_case_in(str(value))):
        message = f"{place[-1]} {value} names no image: a repository's name is in lower case, and {part} is not"
        yield UnplacedFlaw(place, message, f"write {part.lower()}", part, warning=warning)
    if isinstance(value, str) and references(value):
        return
    types = schema.get("type", ())
    types = (types,) if isinstance(types, str) else tuple(types)
    if types and not any(_is(value, name) for name in types):
        type_names = " or ".join(_WORDS[name] for name in types if name in _WORDS)
        yield UnplacedFlaw(place, f"{place[-1]} must be {type_names}", warning=warning)
    elif "enum" in schema and not _among(value, schema["enum"]):
        names = [str(allowed) for allowed in schema["enum"]]
        hint = did_you_mean(nearest(str(value), names))
        yield UnplacedFlaw(
            place, f"{place[-1]} {value} is none of {', '.join(names)}", hint, str(value), warning=warning
        )
    elif isinstance(value, Mapping) and "properties" in schema:
        yield from _object(place, value, schema, task_type, warning=warning)
    elif "string" in types and "integer" in types and isinstance(value, str) and not _is_whole(value):
        yield UnplacedFlaw(place, f"{place[-1]} must be a whole number", "", value, warning=warning)


def _is(value: Any, name: str) -> bool:
    if isinstance(value, bool) and name != "boolean":
        return False
    return isinstance(value, _TYPES.get(name, (object,)))


def _among(value: Any, allowed: Any) -> bool:
    """Upper and lower case are the same in what clients send."""
    return value in allowed or (
        isinstance(value, str) and value.casefold() in (str(choice).casefold() for choice in allowed)
    )


def _is_whole(text: str) -> bool:
    return is_integer(text.strip())
