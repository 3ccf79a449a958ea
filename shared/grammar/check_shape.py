"""A pipeline's shape: what does not fit it, in the words of the document."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from .names import Path, UnplacedFlaw, path_text
from .spec import PipelineSpec

_SHAPE_TRIES = 8
UNREADABLE = "?"
"""Stands for a name or type that is missing or no text, while the rest is checked."""


def read_shape(tree: Mapping[str, Any]) -> tuple[PipelineSpec | None, list[UnplacedFlaw]]:
    """Read the shape; what does not fit is reported and cut out, so that the rest can be checked too."""
    problems: list[UnplacedFlaw] = []
    rest: Any = copy.deepcopy(dict(tree))
    for _ in range(_SHAPE_TRIES):
        try:
            return PipelineSpec.model_validate(rest), problems
        except ValidationError as error:
            for detail in error.errors():
                path = tuple(detail["loc"])
                problems.append(UnplacedFlaw(path, shape_message(detail["type"], detail["msg"], path)))
                _mend(rest, path, missing=detail["type"] == "missing")
    return None, problems


def shape_message(kind: str, message: str, path: Path) -> str:
    """A shape error in the words of the document."""
    name = path_text(path) or "the document"
    return f"{name} {_SHAPES.get(kind) or message.replace('Input should be', 'must be')}"


_SHAPES = {
    "missing": "is missing",
    "string_type": "must be a text (put quotes around it)",
    "string_too_short": "must not be blank",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a map of fields",
    "model_type": "must be a map of fields",
    "model_attributes_type": "must be a map of fields",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
}


def _mend(tree: Any, path: Path, *, missing: bool) -> None:
    """Take a part that does not fit out of the tree; what is missing gets a name that is none."""
    parent = tree
    for step in path[:-1]:
        parent = parent[step] if _has(parent, step) else None
    last = path[-1] if path else ""
    if missing and isinstance(parent, dict):
        parent[last] = UNREADABLE
    elif isinstance(parent, dict):
        if last in ("name", "type"):
            parent[last] = UNREADABLE
        else:
            parent.pop(last, None)
    elif isinstance(parent, list) and isinstance(last, int) and last < len(parent):
        parent[last] = {} if isinstance(parent[last], dict) else UNREADABLE


def _has(parent: Any, step: Any) -> bool:
    if isinstance(parent, dict):
        return step in parent
    return isinstance(parent, list) and isinstance(step, int) and step < len(parent)
