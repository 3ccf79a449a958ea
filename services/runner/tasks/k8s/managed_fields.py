"""The fields that one manager owns, taken out of a live object: what that manager applied last."""

from __future__ import annotations

from typing import Any

from shared.grammar.json_parser import parse_json

from .manifests import MANAGER, Object


def applied_by(live: Object, manager: str = MANAGER) -> Object | None:
    """The object as `manager` last applied it, or None when it never did."""
    for entry in (live.get("metadata") or {}).get("managedFields") or ():
        if entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource"):
            body = _take(live, entry.get("fieldsV1") or {})
            body = body if isinstance(body, dict) else {}
            return _named(body, live)
    return None


Owners = tuple[tuple[str, str], ...]
KUBECTL = "kubectl-client-side-apply"


CLIENT_SIDE = ((KUBECTL, "Update"),)
"""Whose fields become ours at our first apply, as manager and operation."""
HELM = (("helm", "Apply"), ("helm", "Update"))
"""As Helm 4 writes, and as Helm 3 does."""


def earlier_owner(live: Object, whose: Owners = CLIENT_SIDE) -> dict[str, Any] | None:
    """The entry of the manager that is taken over, where we have never applied the object ourselves."""
    entries = (live.get("metadata") or {}).get("managedFields") or ()
    applied = any(entry.get("manager") == MANAGER and entry.get("operation") == "Apply" for entry in entries)
    theirs = (
        entry
        for entry in entries
        if (entry.get("manager"), entry.get("operation")) in whose and not entry.get("subresource")
    )
    return None if applied else next(theirs, None)


def taken_over(live: Object, whose: Owners = CLIENT_SIDE) -> list[dict[str, Any]] | None:
    """The managed fields with the earlier owner's entry as ours; None where there is nothing to take over."""
    entry = earlier_owner(live, whose)
    if entry is None:
        return None
    ours = {**entry, "manager": MANAGER, "operation": "Apply"}
    return [ours if other is entry else other for other in live["metadata"]["managedFields"]]


def without_dropped(result: Object, live: Object, body: Object, whose: Owners = CLIENT_SIDE) -> Object:
    """What an apply will leave once those fields are ours: those that the manifest no longer has are gone."""
    entry = earlier_owner(live, whose)
    if entry is None:
        return result
    rest = _without(result, _take(live, entry.get("fieldsV1") or {}), body)
    return rest if isinstance(rest, dict) else result


def _without(value: Any, theirs: Any, wished: Any) -> Any:
    if isinstance(value, list) and isinstance(theirs, list):
        wishes_listed = wished if isinstance(wished, list) else []
        members = [(item, _partner(item, theirs), _partner(item, wishes_listed)) for item in value]
        return [_without(item, own, wish) for item, own, wish in members if own is None or wish is not None]
    if not (isinstance(value, dict) and isinstance(theirs, dict)):
        return value
    wishes = wished if isinstance(wished, dict) else {}
    dropped = {key for key in theirs if key not in wishes and key not in ("name", "namespace")}
    return {
        key: _without(item, theirs[key], wishes.get(key)) if key in theirs else item
        for key, item in value.items()
        if key not in dropped
    }


def projected(live: Object, onto: Object) -> Object:
    """The live values of exactly the fields that another object sets: what it would overwrite."""
    body = _project(live, onto)
    return _named(body if isinstance(body, dict) else {}, live)


def bare(live: Object) -> Object:
    """An object that we never applied: nothing of it is taken over but what a pod template hangs on."""
    meta = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}
    labels = (live.get("spec") or {}).get("selector")
    spec = {"selector": labels} if labels else {}
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": meta, "spec": spec}


def laid_over(live: Object, part: Object) -> Object:
    """A part of a workload laid over what we applied of it last: applying the part alone would take the rest away."""
    whole = _merged(applied_by(live) or bare(live), part)
    assert isinstance(whole, dict)
    return whole


def _merged(under: Any, over: Any) -> Any:
    if isinstance(under, dict) and isinstance(over, dict):
        return {**under, **{key: _merged(under.get(key), value) for key, value in over.items()}}
    if (
        isinstance(under, list)
        and isinstance(over, list)
        and all(isinstance(member, dict) for member in (*under, *over))
    ):
        partners = [(_partner(member, over), member) for member in under]
        new = [member for member in over if _partner(member, under) is None]
        return [member if partner is None else _merged(member, partner) for partner, member in partners] + new
    return over


def _named(body: Object, live: Object) -> Object:
    meta = {key: live["metadata"][key] for key in ("name", "namespace") if live["metadata"].get(key)}
    kept = {key: value for key, value in (body.get("metadata") or {}).items() if key in ("labels", "annotations")}
    rest = {key: value for key, value in body.items() if key not in ("metadata", "status", "apiVersion", "kind")}
    return {"apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": {**meta, **kept}, **rest}


def _take(value: Any, fields: dict[str, Any]) -> Any:
    inner = {key: sub for key, sub in fields.items() if key != "."}
    if not inner:
        return value
    if isinstance(value, dict):
        return {
            key[2:]: _take(value[key[2:]], sub or {})
            for key, sub in inner.items()
            if key.startswith("f:") and key[2:] in value
        }
    if isinstance(value, list):
        return [_take(item, sub or {}) for item, sub in _members(value, inner)]
    return value


def _members(value: list[Any], fields: dict[str, Any]) -> list[tuple[Any, dict[str, Any]]]:
    members = []
    for position, item in enumerate(value):
        for key, sub in fields.items():
            kind, _, text = key.partition(":")
            if (
                (kind == "v" and parse_json(text) == item)
                or (kind == "i" and text == str(position))
                or (kind == "k" and isinstance(item, dict) and _has_keys(item, parse_json(text)))
            ):
                members.append((item, _with_keys(sub or {}, text) if kind == "k" else sub or {}))
                break
    return members


def _has_keys(item: dict[str, Any], keys: dict[str, Any]) -> bool:
    # A port's protocol is in the key and may be absent from an object that some servers leave undefaulted.
    return all(item.get(name, "TCP" if name == "protocol" else None) == value for name, value in keys.items())


def _with_keys(fields: dict[str, Any], keys: str) -> dict[str, Any]:
    """A list's member keeps its keys, or the server could not tell which member is meant."""
    if not any(key != "." for key in fields):
        return fields
    return {**{f"f:{name}": {} for name in parse_json(keys)}, **fields}


_LIST_KEYS = ("name", "containerPort", "port", "mountPath", "ip", "key", "topologyKey", "uid")
"""What identifies the members of Kubernetes lists, in the order in which they are tried."""


def _project(live: Any, onto: Any) -> Any:
    if isinstance(live, dict) and isinstance(onto, dict):
        return {key: _project(live[key], sub) for key, sub in onto.items() if key in live}
    if isinstance(live, list) and isinstance(onto, list):
        return [_project(item, _partner(item, onto)) for item in live if _partner(item, onto) is not None] or live
    return live


def _partner(item: Any, others: list[Any]) -> Any:
    if not isinstance(item, dict):
        return item if item in others else None
    for key in _LIST_KEYS:
        if key in item:
            return next((other for other in others if isinstance(other, dict) and other.get(key) == item[key]), None)
    return None
