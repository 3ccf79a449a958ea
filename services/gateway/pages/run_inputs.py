"""The inputs of a pipeline as fields of a form, and what was filled in; for a run by hand and for a schedule."""

from __future__ import annotations

from flask import request

from shared.contracts.base import Json
from shared.grammar.inputs import blank, injected

FIELD = "in."
IMAGE = ("DOCKER_IMAGE", "DOCKER_TAG")
"""Of what a push fills in: what a person chooses."""


def fields_of(pipeline: Json, values: Json | None = None) -> list[Json]:
    """The inputs with their defaults and `values`; those that a push fills in come last."""
    defaults, meta, values = pipeline.get("input") or {}, pipeline.get("_inputMeta") or {}, values or {}
    filled = injected(pipeline.get("options") or ())
    rows = [
        {
            "name": name,
            "value": str(values.get(name, "")),
            "default": "" if default is None else str(default),
            "description": (meta.get(name) or {}).get("description") or filled.get(name, ""),
            "mandatory": (meta.get(name) or {}).get("mandatory") is True,
            "injected": name in filled,
            "folded": name in filled and name not in IMAGE and (meta.get(name) or {}).get("mandatory") is not True,
        }
        for name, default in defaults.items()
    ]
    return sorted(rows, key=lambda row: bool(row["injected"]) and not row["mandatory"])


def given() -> Json:
    """The inputs of the form; a blank field takes the default, so it is not sent."""
    fields = request.form.items()
    return {key[len(FIELD) :]: value for key, value in fields if key.startswith(FIELD) and not blank(value)}
