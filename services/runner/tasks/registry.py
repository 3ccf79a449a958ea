"""All task types of this runner: its own, and those that are installed beside it."""

from __future__ import annotations

from services.runner.clients.registry import Registries
from services.runner.task_protocol import TaskType
from shared.outbound.http import HttpClient
from shared.process.own_tasks import own_task_types

from .ci.custom import Custom
from .ci.task import CI
from .condition import Condition
from .image.task import ImageTask
from .k8s.cluster import Clusters
from .k8s.task import K8S
from .log import Log
from .nested import NestedPipeline
from .notify import Notify
from .poll import Poll
from .rest import RestTask
from .ssh import SSH
from .user_operation import UserOperation


def task_types(clusters: Clusters, client: HttpClient, registries: Registries) -> dict[str, TaskType]:
    """By the `type` that pipelines write."""
    types: list[TaskType] = [
        Condition(),
        Log(),
        K8S(clusters, client),
        ImageTask(registries),
        CI(clusters),
        Custom(clusters),
        SSH(client.guard),
        UserOperation(),
        NestedPipeline(),
        RestTask(client),
        Poll(client),
        Notify(client),
    ]
    return {
        **{task_type.name: task_type for task_type in own_task_types()},
        **{task_type.name: task_type for task_type in types},
    }
