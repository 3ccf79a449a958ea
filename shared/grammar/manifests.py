"""What may be shown of Kubernetes Secrets that a task's input holds: the names of their keys, never their values."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

from shared.contracts.base import Json
from shared.contracts.secrets import MASK

from .dialects import MANIFESTS
from .malformed import Malformed
from .yaml_parser import compose, parse_one_yaml

Mark = Callable[[str], str]
"""What stands in place of a value."""

NOT_SHOWN = "(not shown: this cannot be read as YAML and may hold a Secret)"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

_PARTS = ("data", "stringData")
_MAYBE_SECRET = re.compile(r"\bSecret(List)?\b|kind\W+\$\{")
_REFERENCE = re.compile(r"\$\{[^{}]*\}")
_PATCHED = re.compile(r"/(data|stringData|metadata/annotations)\b|/?$")
_MANIFEST, _PATCH = "yaml", "patch"


def masked(_value: str) -> str:
    """The mark of who holds no key to hash with."""
    return MASK


def shown_input(task_type: str, task_input: Mapping[str, Any], mark: Mark = masked) -> Json:
    """A task's input for people: with `mark` in place of the values of Secrets that are written into it."""
    return _walked(task_type, task_input, mark)


def secrets_in(task_type: str, task_input: Mapping[str, Any]) -> frozenset[str]:
    """The values of Secrets that are written into a task's input, as written and decoded."""
    values = {value for _, value in written_secrets(task_type, task_input)}
    return frozenset({*values, *map(_decoded, values)} - {""})


def written_secrets(task_type: str, task_input: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Which field of a task's input has which values of Secrets, as written there."""
    secrets: list[tuple[str, str]] = []
    for name in (_MANIFEST, _PATCH):

        def note(value: str, name: str = name) -> str:
            secrets.append((name, value))
            return MASK

        if name in task_input:
            _walked(task_type, {"kind": task_input.get("kind"), name: task_input[name]}, note)
    return secrets


def shown_pipeline(tree: Mapping[str, Any]) -> Json:
    """A pipeline's document in whose tasks the values of Secrets are masked."""
    return {**tree, "stages": _each(tree.get("stages"), _shown_stage)} if "stages" in tree else dict(tree)


def hidden_object(obj: Any, mark: Mark) -> Any:
    """An object with `mark` in place of a Secret's values; any other as it is."""
    if isinstance(obj, dict) and isinstance(obj.get("items"), list):
        return {**obj, "items": [hidden_object(item, mark) for item in obj["items"]]}
    return _hidden_parts(obj, mark) if isinstance(obj, dict) and _is_secret(obj.get("kind")) else obj


def _walked(task_type: str, task_input: Mapping[str, Any], mark: Mark) -> Json:
    masked_input = dict(task_input)
    if task_type == "K8S":
        manifest, patch = task_input.get(_MANIFEST), task_input.get(_PATCH)
        if isinstance(manifest, str):
            masked_input[_MANIFEST] = _hidden_text(manifest, mark)
        elif manifest:
            masked_input[_MANIFEST] = hidden_object(manifest, mark)
        if patch and _is_secret(task_input.get("kind")):
            masked_input[_PATCH] = _hidden_patch(patch, mark)
    return masked_input


def _shown_stage(stage: Any) -> Any:
    return {**stage, "tasks": _each(stage.get("tasks"), _shown_task)} if isinstance(stage, Mapping) else stage


def _shown_task(task: Any) -> Any:
    if not isinstance(task, Mapping) or not isinstance(task.get("input"), Mapping):
        return task
    return {**task, "input": shown_input(str(task.get("type") or ""), task["input"])}


def _each(table: Any, change: Callable[[Any], Any]) -> Any:
    return {name: change(value) for name, value in table.items()} if isinstance(table, Mapping) else table


def _is_secret(kind: Any) -> bool:
    """An expression may become anything."""
    return isinstance(kind, str) and (kind.strip().lower() in ("secret", "secrets") or "${" in kind)


def _hidden_parts(obj: Json, mark: Mark) -> Json:
    parts = {name: _leaves(value, mark) if name in _PARTS else value for name, value in obj.items()}
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if isinstance(annotations, dict) and LAST_APPLIED in annotations:
        last = {**annotations, LAST_APPLIED: mark(str(annotations[LAST_APPLIED]))}
        parts["metadata"] = {**obj["metadata"], "annotations": last}
    return parts


def _hidden_patch(patch: Any, mark: Mark) -> Any:
    if isinstance(patch, str):
        try:
            tree = parse_one_yaml(patch, MANIFESTS)
        except Malformed:
            mark(patch)
            return NOT_SHOWN
        hidden = _leaves(tree, mark) if isinstance(tree, str) else _hidden_patch(tree, mark)
        return yaml.safe_dump(hidden, sort_keys=False, allow_unicode=True)
    if isinstance(patch, list):
        return [
            {**operation, "value": _leaves(operation["value"], mark)}
            if isinstance(operation, dict) and "value" in operation and _PATCHED.match(str(operation.get("path") or ""))
            else operation
            for operation in patch
        ]
    return _hidden_parts(patch, mark) if isinstance(patch, dict) else _leaves(patch, mark)


def _leaves(value: Any, mark: Mark) -> Any:
    if isinstance(value, dict):
        return {name: _leaves(item, mark) for name, item in value.items()}
    if isinstance(value, list):
        return [_leaves(item, mark) for item in value]
    text = "" if value is None else str(value)
    return value if not text or _REFERENCE.fullmatch(text) else mark(text)


def _hidden_text(text: str, mark: Mark) -> str:
    """Only the values change: a reader finds every line where its author wrote it."""
    if not _MAYBE_SECRET.search(text):
        return text
    try:
        nodes = [scalar for document in compose(text, MANIFESTS) for scalar in _values(document)]
    except Malformed:
        return NOT_SHOWN
    # From the end, so that earlier positions stay true; an alias is the node that it names.
    places = {node.start_mark.index: node for node in nodes}
    for start in sorted(places, reverse=True):
        node = places[start]
        if node.value and not _REFERENCE.fullmatch(node.value):
            end = node.end_mark.index
            text = f"{text[:start]}'{mark(node.value)}'" + "\n" * text.count("\n", start, end) + text[end:]
    return text


def _values(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """The scalars of a document that are a Secret's values."""
    if not isinstance(node, yaml.MappingNode):
        return
    table = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
    items, kind = table.get("items"), table.get("kind")
    if isinstance(items, yaml.SequenceNode):
        for item in items.value:
            yield from _values(item)
    if isinstance(kind, yaml.ScalarNode) and _is_secret(kind.value):
        for name in _PARTS:
            yield from _scalars(table.get(name))
        yield from _last_applied(table.get("metadata"))


def _scalars(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _scalars(item)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _scalars(value)


def _last_applied(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    for name in ("annotations", LAST_APPLIED):
        table = node.value if isinstance(node, yaml.MappingNode) else ()
        node = next((value for key, value in table if key.value == name), None)
    yield from _scalars(node)


def _decoded(value: str) -> str:
    try:
        return base64.b64decode("".join(value.split()), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
