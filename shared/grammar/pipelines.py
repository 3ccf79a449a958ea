"""Reading a pipeline's tree; `checks` says all that is wrong with one, `export` writes it out as YAML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from shared.contracts.problems import Flaw

from .check_shape import shape_message
from .malformed import Malformed
from .names import path_text
from .spec import PipelineSpec


def read_pipeline(tree: Mapping[str, Any]) -> PipelineSpec:
    """The pipeline that a tree describes; raises `Malformed` when it has not the shape of one."""
    try:
        return PipelineSpec.model_validate(tree)
    except ValidationError as error:
        places = [(detail["type"], detail["msg"], tuple(detail["loc"])) for detail in error.errors()]
        raise Malformed(
            [Flaw(message=shape_message(kind, message, path), path=path_text(path)) for kind, message, path in places]
        ) from None
