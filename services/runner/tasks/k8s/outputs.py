"""The task's output in Code Stream's shape, `response.<plural>.<name>`, with Secret values hidden."""

from __future__ import annotations

from collections.abc import Iterable

from shared.contracts.base import Json
from shared.grammar.manifests import hidden_object
from shared.process.secrets import keyed_hash

from .manifests import Object


def hidden(obj: Object, key: bytes) -> Object:
    """A Secret as key names with keyed hashes, so that a change shows and no value does; others as they are."""
    result: Object = hidden_object(obj, lambda value: keyed_hash(value, key))
    return result


def trimmed(obj: Object) -> Object:
    """The object without the bookkeeping that no expression reads."""
    meta = {name: value for name, value in (obj.get("metadata") or {}).items() if name != "managedFields"}
    return {**obj, "metadata": meta}


def response(objects: Iterable[tuple[str, Object]], key: bytes, failures: Iterable[str] = ()) -> Json:
    """Objects with their plural names as `response`."""
    answer: Json = {"failures": list(failures)}
    for plural, obj in objects:
        visible = hidden(trimmed(obj), key)
        answer.setdefault(plural.lower(), {})[obj["metadata"]["name"]] = visible
    return {"response": answer}
