"""All task types of this runner."""

from __future__ import annotations

from .condition import Condition
from .k8s.cluster import Clusters
from .k8s.task import K8S
from .log import Log
from .protocol import TaskType


def task_types(clusters: Clusters) -> dict[str, TaskType]:
    """By the `type` that pipelines write."""
    types: list[TaskType] = [Condition(), Log(), K8S(clusters)]
    return {one.name: one for one in types}
