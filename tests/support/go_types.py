"""Decoding as strictly as typed Go clients do: `encoding/json` into structs, and mapstructure for items of lists.

A table names each field of a struct with its type: `string`, `int`, `float`, `bool`, `any`, `[]T`, `map[string]T`, or
another table. Every mismatch is collected, since the real decoders fail a whole command at the first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Struct = Mapping[str, Any]
Type = str | Struct


class Mismatch(AssertionError):
    """What a typed client could not have decoded."""


def unmarshal(document: Any, struct: Struct, *, what: str = "answer") -> dict[str, Any]:
    """`json.Unmarshal`: fields by their JSON names, null leaves the zero value, unknown fields are passed over."""
    found: list[str] = []
    result = _decode(document, struct, what, found)
    if found:
        raise Mismatch("; ".join(found))
    return result  # type: ignore[no-any-return]


def mapstructure(document: Mapping[str, Any], struct: Struct, *, what: str = "item") -> dict[str, Any]:
    """What a list's item becomes: Go field names are compared without case, and JSON tags (`_link`) are not known."""
    known = {name.casefold() for name in struct}
    seen = {key: value for key, value in document.items() if key.casefold() in known}
    return unmarshal(seen, struct, what=what)


def _decode(value: Any, kind: Type, where: str, found: list[str]) -> Any:
    if not isinstance(kind, str):
        return _fields(value, kind, where, found)
    if value is None or kind == "any":
        return value
    if kind.startswith("[]"):
        return _items(value, kind[2:], where, found)
    if kind.startswith("map[string]"):
        return _entries(value, kind.removeprefix("map[string]"), where, found)
    if not _FITS[kind](value):
        found.append(f"{where} is {type(value).__name__} {value!r:.60}, not {kind}")
    return value


def _fields(value: Any, struct: Struct, where: str, found: list[str]) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        found.append(f"{where} is {type(value).__name__}, not an object")
        return {}
    names = {name.casefold(): name for name in struct}
    result = {}
    for key, inner in value.items():
        name = names.get(key.casefold())
        if name is not None:
            result[name] = _decode(inner, struct[name], f"{where}.{key}", found)
    return result


def _items(value: Any, inner: str, where: str, found: list[str]) -> list[Any]:
    if not isinstance(value, list):
        found.append(f"{where} is {type(value).__name__}, not an array")
        return []
    return [_decode(item, inner, f"{where}[{number}]", found) for number, item in enumerate(value)]


def _entries(value: Any, inner: str, where: str, found: list[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        found.append(f"{where} is {type(value).__name__}, not an object")
        return {}
    return {key: _decode(item, inner, f"{where}.{key}", found) for key, item in value.items()}


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_FITS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int": _is_int,
    "float": lambda value: _is_int(value) or isinstance(value, float),
    "bool": lambda value: isinstance(value, bool),
}

_COMMON: Struct = {
    "id": "string",
    "name": "string",
    "description": "string",
    "project": "string",
    "kind": "string",
    "version": "string",
    "createdAt": "string",
    "createdBy": "string",
    "updatedAt": "string",
    "updatedBy": "string",
    "_link": "string",
    "_projectId": "string",
    "_createTimeInMicros": "int",
    "_updateTimeInMicros": "int",
    "_createdBy": "string",
    "_updatedBy": "string",
    "tags": "[]string",
}
PIPELINE: Struct = {
    **_COMMON,
    "icon": "string",
    "enabled": "bool",
    "global": "bool",
    "state": "string",
    "concurrency": "int",
    "input": "map[string]any",
    "_inputMeta": "map[string]any",
    "output": "map[string]any",
    "_outputMeta": "map[string]any",
    "starred": {"input": "any", "output": "any"},
    "stageOrder": "[]string",
    "stages": "map[string]any",
    "options": "[]string",
    "notifications": {"email": "[]any", "jira": "[]any", "webhook": "[]any"},
    "workspace": {
        "image": "string",
        "path": "string",
        "endpoint": "string",
        "registry": "string",
        "autoCloneForTrigger": "bool",
        "cache": "[]any",
        "limits": {"cpu": "float", "memory": "int"},
    },
    "rollbacks": "[]any",
    "_warnings": "[]any",
}
EXECUTION: Struct = {
    **_COMMON,
    "index": "int",
    "icon": "string",
    "status": "string",
    "statusMessage": "string",
    "comments": "string",
    "reason": "string",
    "input": "map[string]any",
    "output": "map[string]any",
    "_inputMeta": "map[string]any",
    "_outputMeta": "map[string]any",
    "starred": {"input": "any", "output": "any"},
    "stageOrder": "[]string",
    "stages": "map[string]any",
    "notifications": "[]any",
    "_requestTimeInMicros": "int",
    "_durationInMicros": "int",
    "_totalDurationInMicros": "int",
    "_executedBy": "string",
    "_source": "string",
    "_pipelineLink": "string",
    "_nested": "bool",
    "_rollback": "bool",
    "workspaceResults": "[]any",
}
VARIABLE: Struct = {**_COMMON, "type": "string", "value": "string"}
ENDPOINT: Struct = {
    **_COMMON,
    "type": "string",
    "isRestricted": "bool",
    "isLocked": "bool",
    "validationOutput": "string",
    "properties": "map[string]any",
}
DOCUMENTS: Struct = {
    "count": "int",
    "totalCount": "int",
    "links": "[]string",
    "documents": "map[string]any",
}
USER_PREFERENCES: Struct = {
    "_link": "string",
    "_updateTimeInMicros": "int",
    "_createTimeInMicros": "int",
    "preferences": "any",
    "userName": "string",
}
SIGN_IN: Struct = {
    "scope": "string",
    "access_token": "string",
    "refresh_token": "string",
    "id_token": "string",
    "token_type": "string",
    "expires_in": "int",
}
TOKEN: Struct = {"token": "string", "tokenType": "string"}
SIGN_IN_ERROR: Struct = {
    "timestamp": "int",
    "type": "string",
    "status": "string",
    "error": "string",
    "serverMessage": "string",
}
TOKEN_ERROR: Struct = {
    "message": "string",
    "statusCode": "int",
    "errorCode": "int",
    "serverErrorId": "string",
    "documentKind": "string",
}
EXCEPTION: Struct = {
    "timestamp": "int",
    "path": "string",
    "status": "int",
    "error": "string",
    "message": "string",
    "requestId": "string",
    "@type": "string",
    "statusCode": "any",
    "errorCode": "any",
    "referenceId": "string",
}
EXECUTION_STARTED: Struct = {
    "executionId": "string",
    "executionIndex": "int",
    "executionLink": "string",
    "comments": "string",
    "source": "string",
    "input": "map[string]any",
    "tags": "[]string",
}
SPRING_PAGE: Struct = {
    "content": "[]any",
    "pageable": "any",
    "totalElements": "int",
    "totalPages": "int",
    "last": "bool",
    "first": "bool",
    "number": "int",
    "size": "int",
    "numberOfElements": "int",
    "sort": "any",
    "empty": "bool",
}
PROJECT: Struct = {
    "id": "string",
    "name": "string",
    "description": "string",
    "orgId": "string",
    "administrators": "[]any",
    "members": "[]any",
    "viewers": "[]any",
    "constraints": "any",
    "properties": {"__namingTemplate": "string"},
    "operationTimeout": "int",
    "sharedResources": "bool",
}
