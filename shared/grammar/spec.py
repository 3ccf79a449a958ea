"""The shape of a pipeline document: every field of the wire, typed, blank where absent, unknown ones kept."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from shared.contracts.base import Json

from .task_schemas import TASK_SCHEMAS, spelled_input

IMPORTED = "_imported"
"""Marks a pipeline that came from another product: what that product would have started starts here too."""


def _or_empty_map(value: Any) -> Any:
    """Exports print an absent map as null, and older answers as a list of one map."""
    if value is None or value == "" or value == []:
        return {}
    return value[0] if isinstance(value, list) and len(value) == 1 and isinstance(value[0], Mapping) else value


def _or_empty_list(value: Any) -> Any:
    return () if value is None or value == "" else value


def _or_text(value: Any) -> Any:
    """A condition such as `true` or `1` arrives as another type from YAML."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


def _or_false(value: Any) -> Any:
    return False if value is None else value


Map = Annotated[Json, BeforeValidator(_or_empty_map)]
Names = Annotated[tuple[str, ...], BeforeValidator(_or_empty_list)]
Text = Annotated[str, BeforeValidator(_or_text)]
Flag = Annotated[bool, BeforeValidator(_or_false)]
Minutes = Annotated[float, Field(gt=0, le=527_040)]
Entries = Annotated[tuple[Json, ...], BeforeValidator(_or_empty_list)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", alias_generator=to_camel, populate_by_name=True)


class Supersede(StrEnum):
    """What a new run means for those of the same pipeline and repository that have not ended."""

    PARALLEL = "parallel"
    QUEUE = "queue"
    QUEUE_LATEST = "queue-latest"
    CANCEL_OLDER = "cancel-older"
    SKIP_NEW = "skip-new"


class RetrySpec(_Part):
    """`attempts` counts every try, the first included; the wait grows by the factor `backoff` each time."""

    attempts: Annotated[int, Field(ge=1, le=100)] = 1
    delay_seconds: Annotated[float, Field(ge=0, le=2_592_000)] = 5
    backoff: Annotated[float, Field(ge=1, le=10)] = 1


class TaskSpec(_Part):
    type: str
    pre_condition: Text = ""
    ignore_failure: Flag = False
    endpoints: Map = {}
    input: Map = {}
    tags: Names = ()
    retries: RetrySpec | None = None
    timeout_minutes: Minutes | None = None

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, tree: Any) -> Any:
        """Releases 8.0 to 8.2 of Code Stream wrote `filepath` where later ones write `filePath`."""
        input = _or_empty_map(tree.get("input")) if isinstance(tree, Mapping) else None
        if not isinstance(input, Mapping):
            return tree
        schema = TASK_SCHEMAS.get(str(tree.get("type")), {})
        return {**tree, "input": spelled_input(schema, input)}


class StageSpec(_Part):
    task_order: Names = ()
    tasks: Annotated[dict[str, TaskSpec], BeforeValidator(_or_empty_map)] = {}
    tags: Names = ()
    timeout_minutes: Minutes | None = None


class RollbackSpec(_Part):
    """The pipeline to run when the named stage or task, or, with neither, the run, fails."""

    name: str
    stage: Text = ""
    task: Text = ""
    inputs: Map = {}


class PipelineSpec(_Part):
    name: Annotated[str, Field(min_length=1)]
    project: Text = ""
    kind: Text = "PIPELINE"
    description: Text = ""
    icon: Text = ""
    enabled: bool | None = None
    state: Text = ""
    global_: Annotated[Flag, Field(alias="global")] = False
    concurrency: Annotated[int, Field(gt=0, le=10_000)] = 10
    options: Names = ()
    input: Map = {}
    input_meta: Annotated[Map, Field(alias="_inputMeta")] = {}
    output: Map = {}
    output_meta: Annotated[Map, Field(alias="_outputMeta")] = {}
    starred: Map = {}
    workspace: Map = {}
    stage_order: Names = ()
    stages: Annotated[dict[str, StageSpec], BeforeValidator(_or_empty_map)] = {}
    notifications: Annotated[dict[str, Entries], BeforeValidator(_or_empty_map)] = {}
    rollbacks: Annotated[tuple[RollbackSpec, ...], BeforeValidator(_or_empty_list)] = ()
    tags: Names = ()
    timeout_minutes: Minutes | None = None
    supersede: Supersede | None = None
    imported: Annotated[Flag, Field(alias=IMPORTED)] = False


def split_group(item: str) -> tuple[str, ...]:
    """The names in one item of `taskOrder`; a long item may have been folded over several lines."""
    return tuple(" ".join(name.split()) for name in item.split(",") if name.strip())
