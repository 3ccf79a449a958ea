"""The shapes of a cluster's answers, as far as anything here reads them: the one place where they are checked.

`cluster` and `discovery` check each answer as it comes in, so that whatever reads it may rely on the types. Null is
absent, as for Kubernetes itself: it is taken out of the fields that are listed here. Of kinds that are not listed only
the metadata is read. Pure. https://kubernetes.io/docs/reference/kubernetes-api/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from shared.contracts.base import Json
from shared.contracts.texts import one_line, whole_number
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed

from .errors import ClusterError
from .manifests import Object

ODD = "odd-answer"
"""The `reason` of an answer that has another shape than Kubernetes' own."""
_LONGEST_SHOWN = 40
Shape = Callable[[Any, str], None]
"""Checks the value at a path. Raises `_OddValue`."""


class _OddValue(Exception):
    def __init__(self, value: Any, path: str, expected: str) -> None:
        super().__init__(path)
        self.value = value
        self.path = path.lstrip(".") or "the whole"
        self.expected = expected


def shaped(answer: Json, shape: Shape, doing: str) -> Json:
    """The answer itself, without nulls. Raises ClusterError where it has another shape, with the place."""
    try:
        shape(answer, "")
    except _OddValue as odd:
        raise ClusterError(
            f"Cannot {doing}: the cluster answered {_words(odd)} as {odd.path}, where {odd.expected} is expected. Is "
            "the endpoint's address that of a Kubernetes API server, and does nothing on the way change its answers?",
            reason=ODD,
        ) from None
    return answer


def version_of(live: Object, doing: str) -> str:
    """The version that a change is to replace. Raises ClusterError where the object has none."""
    shaped(live, fields("metadata", metadata=fields("resourceVersion", resourceVersion=text)), doing)
    return str(live["metadata"]["resourceVersion"])


def _words(odd: _OddValue) -> str:
    """What was there; the text itself only in place of a number, since others may be secret."""
    if isinstance(odd.value, float):
        return str(odd.value)
    if isinstance(odd.value, str) and odd.expected == _NUMBER:
        line = one_line(odd.value)
        return f'"{line if len(line) <= _LONGEST_SHOWN else line[: _LONGEST_SHOWN - 1] + "…"}"'
    return _TYPES.get(type(odd.value), "something else")


_TYPES: dict[type, str] = {
    type(None): "nothing",
    bool: "true or false",
    int: "a number",
    str: "a text",
    list: "a list",
    dict: "a map",
}
_NUMBER, _MAP, _LIST = "a number", "a map", "a list"


# ------------------------------------------------------------------------------------------------ building shapes


def text(value: Any, path: str) -> None:
    if not isinstance(value, str):
        raise _OddValue(value, path, "a text")


def number(value: Any, path: str) -> None:
    """A whole one: Kubernetes counts in no other."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise _OddValue(value, path, _NUMBER)


def flag(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        raise _OddValue(value, path, "true or false")


def any_map(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise _OddValue(value, path, _MAP)


def one_of(words: Mapping[str, Any]) -> Shape:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or value not in words:
            raise _OddValue(value, path, f"one of {', '.join(words)}")

    return check


def fields(*needed: str, **shapes: Shape) -> Shape:
    """A map with these fields, and others that nobody reads."""

    def check(value: Any, path: str) -> None:
        any_map(value, path)
        for name, shape in shapes.items():
            if value.get(name) is not None:
                shape(value[name], f"{path}.{name}")
            elif name in needed:
                shape(None, f"{path}.{name}")
            else:
                value.pop(name, None)

    return check


def list_of(shape: Shape) -> Shape:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise _OddValue(value, path, _LIST)
        for position, item in enumerate(value):
            shape(item, f"{path}[{position}]")

    return check


def map_of(shape: Shape) -> Shape:
    def check(value: Any, path: str) -> None:
        any_map(value, path)
        for name in [name for name, item in value.items() if item is None]:
            del value[name]
        for name, item in value.items():
            shape(item, f"{path}.{name}")

    return check


def _field_set(value: Any, path: str) -> None:
    """Which fields a manager owns, https://kubernetes.io/docs/reference/using-api/server-side-apply/#managed-fields."""
    any_map(value, path)
    for key, inner in value.items():
        kind, _, member = key.partition(":")
        if not _MEMBERS.get(kind, _anything)(member):
            raise _OddValue(key, f"{path}.{one_line(key)[:_LONGEST_SHOWN]}", "a field, or a member of a list")
        if inner is not None:
            _field_set(inner, f"{path}.{key}")


def _anything(_member: str) -> bool:
    return True


def _is_json(member: str, json_type: type = object) -> bool:
    try:
        return isinstance(parse_json(member), json_type)
    except Malformed:
        return False


_MEMBERS: dict[str, Callable[[str], bool]] = {
    "k": lambda member: _is_json(member, dict),
    "v": _is_json,
    "i": lambda member: whole_number(member) is not None,
}


# --------------------------------------------------------------------------------------------- Kubernetes' shapes

OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}
"""Of a label selector, and how the API takes each in a query."""

_texts, _words_by_name = list_of(text), map_of(text)
_selector = fields(
    matchLabels=_words_by_name,
    matchExpressions=list_of(fields("key", "operator", key=text, operator=one_of(OPERATORS), values=_texts)),
)
_conditions = list_of(fields(type=text, status=text, reason=text, message=text))
_state = fields(
    waiting=fields(reason=text, message=text),
    running=fields(startedAt=text),
    terminated=fields(exitCode=number, reason=text, message=text),
)
_container_status = fields(
    "name", name=text, image=text, ready=flag, started=flag, restartCount=number, state=_state, lastState=_state
)
_probe = fields(
    httpGet=fields(path=text), exec=fields(command=_texts), tcpSocket=any_map, grpc=any_map
)  # fmt: skip
_container = fields("name", name=text, image=text, restartPolicy=text, startupProbe=_probe, readinessProbe=_probe)
_template = fields(metadata=fields(labels=_words_by_name, annotations=_words_by_name), spec=any_map)
_pod = fields(
    spec=fields(
        initContainers=list_of(_container),
        containers=list_of(_container),
        readinessGates=list_of(fields(conditionType=text)),
    ),
    status=fields(
        phase=text,
        reason=text,
        message=text,
        conditions=_conditions,
        initContainerStatuses=list_of(_container_status),
        containerStatuses=list_of(_container_status),
    ),
)
_COUNTS = (
    "observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "desiredNumberScheduled",
    "updatedNumberScheduled", "numberAvailable", "active", "failed",
)  # fmt: skip
_workload = fields(
    spec=fields(
        replicas=number,
        selector=_selector,
        paused=flag,
        suspend=flag,
        template=_template,
        updateStrategy=fields(type=text, rollingUpdate=fields(partition=number)),
    ),
    status=fields(
        conditions=_conditions, currentRevision=text, updateRevision=text, **dict.fromkeys(_COUNTS, number)
    ),
)  # fmt: skip
_cron_job = fields(spec=fields(jobTemplate=fields(spec=fields(template=_template))))
_phased = fields(status=fields(phase=text, conditions=_conditions))
_event = fields(
    involvedObject=fields(kind=text, name=text, uid=text),
    reason=text,
    message=text,
    count=number,
    lastTimestamp=text,
    eventTime=text,
)
_autoscaler = fields(spec=fields(scaleTargetRef=fields(apiVersion=text, kind=text, name=text)))
_KINDS: dict[tuple[str, str], Shape] = {
    ("apps", "Deployment"): _workload,
    ("extensions", "Deployment"): _workload,
    ("apps", "StatefulSet"): _workload,
    ("apps", "DaemonSet"): _workload,
    ("extensions", "DaemonSet"): _workload,
    ("apps", "ReplicaSet"): _workload,
    ("apps", "ControllerRevision"): fields(revision=number),
    ("batch", "Job"): _workload,
    ("batch", "CronJob"): _cron_job,
    ("", "Pod"): _pod,
    ("", "Event"): _event,
    ("", "ConfigMap"): fields(data=_words_by_name),
    ("", "Namespace"): _phased,
    ("", "PersistentVolumeClaim"): _phased,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _phased,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
}
_metadata = {
    "name": text,
    "namespace": text,
    "uid": text,
    "generation": number,
    "resourceVersion": text,
    "creationTimestamp": text,
    "deletionTimestamp": text,
    "labels": _words_by_name,
    "annotations": _words_by_name,
    "finalizers": _texts,
    "ownerReferences": list_of(fields(uid=text)),
}
_managed = list_of(fields(manager=text, operation=text, subresource=text, fieldsV1=_field_set))
_LISTED = fields("metadata", "apiVersion", "kind", apiVersion=text, kind=text, metadata=fields("name", **_metadata))
_LIVE = fields("metadata", metadata=fields(managedFields=_managed))


def listed_object(value: Any, path: str) -> None:
    """An object as a list has it; who owns its fields is not read there."""
    _LISTED(value, path)
    kind = _KINDS.get((value["apiVersion"].rpartition("/")[0], value["kind"]))
    if kind is not None:
        kind(value, path)


def live_object(value: Any, path: str) -> None:
    """An object that was asked for by its name, or written."""
    listed_object(value, path)
    _LIVE(value, path)


PAGE = fields(apiVersion=text, items=list_of(any_map), metadata=fields(**{"continue": text}))
"""A page of a list; its items may leave out what they are."""
GROUPS = fields(
    groups=list_of(
        fields(versions=list_of(fields("groupVersion", groupVersion=text)), preferredVersion=fields(groupVersion=text))
    )
)
RESOURCES = fields(
    resources=list_of(fields("name", "kind", name=text, kind=text, namespaced=flag, shortNames=_texts))
)  # fmt: skip
VERSION = fields(gitVersion=text)
ACCESS_REVIEW = fields(status=fields(allowed=flag, reason=text))
SUBJECT_REVIEW = fields(status=fields(userInfo=fields(username=text)))
REVISION_DATA = fields("data", data=fields("spec", spec=fields("template", template=_template)))
"""A ControllerRevision of a StatefulSet or DaemonSet; other controllers keep other data."""
REPLICA_SET = fields("spec", spec=fields("template", template=_template))
