"""How YAML's scalars become JSON values: one table for pipelines, one for manifests. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from shared.contracts.bounds import MAX_NUMBER_LENGTH

_TAG = "tag:yaml.org,2002:"
_TEXT = f"{_TAG}str"
_NUMBER_TAGS = frozenset({f"{_TAG}int", f"{_TAG}float"})
_PLAIN_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value"))


class Unbuildable(Exception):
    """A scalar that is not what its tag says, such as `!!int foo`."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Dialect:
    """How YAML becomes JSON values."""

    scalar: Callable[[yaml.ScalarNode], Any]
    """The value of a scalar; raises `Unbuildable`."""
    key: Callable[[yaml.ScalarNode], str]
    """The text of a key; raises `Unbuildable`."""
    merges: bool
    """Whether `<<` merges a map into the one that holds it; otherwise it is refused."""


_SCALARS = yaml.SafeLoader("")
"""Constructs single scalars by the rules of YAML 1.1; for a scalar it keeps no state."""

_NOT_ITS_TAG = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, yaml.YAMLError)
"""What the library raises for a text that its tag does not fit: `!!int foo`, `!!bool x`, `2001-99-99`, `!!int ''`."""


def construct(node: yaml.ScalarNode) -> Any:
    """A scalar by YAML 1.1, but that 12:30 is a time of day and dates stay texts. Raises `Unbuildable`."""
    if node.tag == _TEXT:
        return node.value
    if node.tag not in _PLAIN_TAGS:
        raise Unbuildable(f"the tag {node.tag} is not supported")
    if node.tag in _NUMBER_TAGS:
        if ":" in node.value:
            return node.value
        if len(node.value) > MAX_NUMBER_LENGTH:
            raise Unbuildable(f"a number of more than {MAX_NUMBER_LENGTH} characters", "put it in quotes")
    try:
        value = yaml.SafeLoader.yaml_constructors[node.tag](_SCALARS, node)
    except _NOT_ITS_TAG:
        raise Unbuildable(f"{node.value[:100]} is no {node.tag.removeprefix(_TAG)}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise Unbuildable(f"{node.value} is not a number that JSON knows", "put it in quotes")
    return value if isinstance(value, str | int | float | bool) or value is None else node.value


def _manifest_scalar(node: yaml.ScalarNode) -> Any:
    """The same, but that a date that no calendar has is a text too."""
    return node.value if node.tag == f"{_TAG}timestamp" else construct(node)


def _manifest_key(node: yaml.ScalarNode) -> str:
    """Keys are texts, as JSON would write them: `1: a` and `true: b` are legal."""
    value = _manifest_scalar(node)
    return value if isinstance(value, str) else json.dumps(value)


MANIFESTS = Dialect(scalar=_manifest_scalar, key=_manifest_key, merges=True)
PIPELINES = Dialect(scalar=construct, key=lambda node: str(node.value), merges=False)
