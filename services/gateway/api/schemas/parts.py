"""What schemas are made of. Objects take further fields: a client may send back all that it read."""

from __future__ import annotations

from shared.contracts.base import Json

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
COUNT: Json = {"type": "integer"}
NUMBER: Json = {"type": "number"}
MAP: Json = {"type": "object"}
WHEN: Json = {"type": ["integer", "null"], "description": "Microseconds since the epoch."}
KNOWN_COUNT: Json = {"type": ["integer", "null"], "description": "Null where the broker could not be asked."}
KNOWN_RATE: Json = {"type": ["number", "null"], "description": "Null where the broker could not be asked."}
TEXTS: Json = {"type": "array", "items": TEXT}
MAPS: Json = {"type": "array", "items": MAP}
READ_ONLY: Json = {**TEXT, "readOnly": True}


def ref(name: str) -> Json:
    """The schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(name: str) -> Json:
    """A list of such objects."""
    return {"type": "array", "items": ref(name)}


def by_name(name: str) -> Json:
    """A map to such objects."""
    return {"type": "object", "additionalProperties": ref(name)}


def record(required: tuple[str, ...] = (), /, **fields: Json) -> Json:
    """An object of these fields; `required` ones are always there."""
    schema: Json = {"type": "object", "properties": fields, "additionalProperties": True}
    if required:
        schema["required"] = list(required)
    return schema


COMMON: dict[str, Json] = {
    "id": READ_ONLY,
    "project": {**TEXT, "description": "The project's name."},
    "kind": TEXT,
    "description": TEXT,
    "tags": TEXTS,
    "version": READ_ONLY,
    "createdAt": READ_ONLY,
    "updatedAt": READ_ONLY,
    "createdBy": READ_ONLY,
    "updatedBy": READ_ONLY,
    "_link": {**READ_ONLY, "description": "The object's own address."},
    "_projectId": READ_ONLY,
    "_createTimeInMicros": {**COUNT, "readOnly": True},
    "_updateTimeInMicros": {**COUNT, "readOnly": True},
}


def definition(**fields: Json) -> Json:
    """A definition within a project: what all have in common, and its own fields."""
    return record(**{**COMMON, "name": TEXT, **fields})
