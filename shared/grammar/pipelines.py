"""Pipelines as documents: reading a tree into a `PipelineSpec`, checking it, writing it out as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shared.contracts.problems import Flaw

from .documents import Malformed
from .names import Path, path_text
from .spec import PipelineSpec

__all__ = ["PipelineSpec", "read_pipeline"]


def read_pipeline(tree: Mapping[str, Any]) -> PipelineSpec:
    """The pipeline that a tree describes; raises `Malformed` when it has not the shape of one."""
    try:
        return PipelineSpec.model_validate(tree)
    except ValidationError as error:
        raise Malformed([Flaw(message=message, path=path_text(path)) for path, message in shape_flaws(error)]) from None


def shape_flaws(error: ValidationError) -> list[tuple[Path, str]]:
    """What pydantic found, each with the place in the tree."""
    return [(tuple(one["loc"]), one["msg"]) for one in error.errors()]
