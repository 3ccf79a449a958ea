"""The catalogue of task types, in the shape of Code Stream's `pipeline-tiles`. Pure."""

from __future__ import annotations

from typing import Any

from shared.contracts.base import Json
from shared.grammar.task_schemas import TASK_SCHEMAS


def tiles() -> Json:
    """Every task type that runs here, with what it takes."""
    return {"tiles": [_tile(name, schema) for name, schema in TASK_SCHEMAS.items()]}


def _tile(name: str, schema: dict[str, Any]) -> Json:
    required = set(schema.get("required") or ())
    return {
        "tileId": name.lower(),
        "type": name,
        "displayName": schema.get("title", name),
        "description": schema.get("description", ""),
        "inputProperties": {
            key: {
                "type": _type(field.get("type")),
                "description": field.get("description") or field.get("title") or "",
                "mandatory": key in required,
            }
            for key, field in (schema.get("properties") or {}).items()
        },
        "outputProperties": {},
        "schema": schema,
    }


def _type(type_or_list: Any) -> str:
    return str(type_or_list[0]) if isinstance(type_or_list, list) and type_or_list else str(type_or_list or "string")
