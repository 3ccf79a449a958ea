"""Writing objects out as YAML, with their fields in the order of Code Stream's exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

READ_ONLY = frozenset(
    {
        "id",
        "version",
        "createdAt",
        "createdBy",
        "updatedAt",
        "updatedBy",
        "_link",
        "_createTimeInMicros",
        "_updateTimeInMicros",
        "_createdBy",
        "_updatedBy",
        "_projectId",
        "_warnings",
    }
)
"""What the server says about an object and nobody writes."""

_HEAD = ("project", "kind", "name", "icon", "enabled", "state", "description", "global", "concurrency", "supersede")
_BODY = ("timeoutMinutes", "options", "input", "_inputMeta", "output", "_outputMeta", "starred", "workspace")
_TAIL = ("notifications", "tags", "stageOrder", "stages", "rollbacks")
_TOP = _HEAD + _BODY + _TAIL
_STAGE = ("timeoutMinutes", "taskOrder", "tasks", "tags")
_TASK = (
    "type",
    "_configured",
    "preCondition",
    "ignoreFailure",
    "retries",
    "timeoutMinutes",
    "endpoints",
    "input",
    "tags",
)


def to_yaml(tree: Mapping[str, Any]) -> str:
    """One object as a YAML document; what the server alone says about it is left out."""
    ordered = _ordered({key: value for key, value in tree.items() if key not in READ_ONLY}, _TOP)
    if isinstance(ordered.get("stages"), Mapping):
        ordered["stages"] = {name: _stage(stage) for name, stage in ordered["stages"].items()}
    return "---\n" + plain_yaml(ordered)


def plain_yaml(value: Any) -> str:
    """A value as YAML in the same hand, with its keys in their own order."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=4096, indent=2))


def _stage(stage: Any) -> Any:
    if not isinstance(stage, Mapping):
        return stage
    ordered = _ordered(stage, _STAGE)
    if isinstance(ordered.get("tasks"), Mapping):
        ordered["tasks"] = {
            name: _ordered(task, _TASK) if isinstance(task, Mapping) else task
            for name, task in ordered["tasks"].items()
        }
    return ordered


def _ordered(tree: Mapping[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    first = {key: tree[key] for key in order if key in tree}
    return {**first, **{key: value for key, value in tree.items() if key not in first}}


_ODD_BREAKS = frozenset("\r\x85\u2028\u2029")
"""Line breaks that YAML would turn into others."""


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as blocks, and never an alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _ODD_BREAKS & set(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(tuple, yaml.SafeDumper.represent_list)
