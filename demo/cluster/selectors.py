"""Label and field selectors of list and watch."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .errors import Obj, bad_request

Test = Callable[[Obj], bool]
_SET = re.compile(r"\s*(\S+)\s+(in|notin)\s*\(([^)]*)\)\s*")
_PAIR = re.compile(r"\s*([^=!\s]+)\s*(==|=|!=)\s*(\S*)\s*")
_FIELDS = {
    "Pod": {"spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP", "spec.serviceAccountName"},
    "Event": {
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.fieldPath",
        "reason",
        "type",
        "reportingComponent",
        "source",
    },
    "Secret": {"type"},
    "Namespace": {"status.phase"},
    "Job": {"status.successful"},
    "ReplicaSet": {"status.replicas"},
}


def labels(selector: str) -> Test:
    """A test of an object's labels."""
    tests = [_label_test(part) for part in re.split(r",(?![^(]*\))", selector) if part.strip()]
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def _label_test(part: str) -> Test:
    if match := _SET.fullmatch(part):
        key, verb, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        if verb == "in":
            return lambda own: own.get(key) in values
        return lambda own: own.get(key) not in values
    if match := _PAIR.fullmatch(part):
        key, sign, value = match.groups()
        if sign == "!=":
            return lambda own: own.get(key) != value
        return lambda own: own.get(key) == value
    word = part.strip()
    if word.startswith("!"):
        return lambda own: word[1:].strip() not in own
    if not re.fullmatch(r"[A-Za-z0-9./_-]+", word):
        raise bad_request(f'unable to parse requirement: invalid label selector "{part}"')
    return lambda own: word in own


def fields(selector: str, kind: str) -> Test:
    """A test of the few fields that this kind lets one select by."""
    tests: list[Test] = []
    for part in selector.split(","):
        if not part.strip():
            continue
        match = _PAIR.fullmatch(part)
        if not match:
            raise bad_request(f'invalid field selector "{part}"')
        path, sign, value = match.groups()
        if path not in ("metadata.name", "metadata.namespace") and path not in _FIELDS.get(kind, ()):
            raise bad_request(f"field label not supported: {path}")
        tests.append(_field_test(path, sign == "!=", value))
    return lambda obj: all(test(obj) for test in tests)


def _field_test(path: str, negated: bool, value: str) -> Test:
    def test(obj: Obj) -> bool:
        field: Any = obj
        for step in path.split("."):
            field = field.get(step, "") if isinstance(field, dict) else ""
        return (str(field) == value) != negated

    return test
