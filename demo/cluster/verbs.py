"""Create, read, replace, patch, apply and delete as the API server does them, apart from HTTP."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from . import defaults, managers, patches, validate
from .errors import Obj, already_exists, bad_request, conflict, invalid, modified, not_found
from .kinds import KindRow
from .store import Key, Store


@dataclass(frozen=True, slots=True)
class Options:
    """The query parameters that change how a write works."""

    manager: str = ""
    """`fieldManager`; empty when not given."""
    user_agent: str = "unknown"
    force: bool = False
    dry_run: bool = False

    @property
    def writer(self) -> str:
        return self.manager or self.user_agent.split("/")[0] or "unknown"


def stamp() -> str:
    """Now as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def key_of(row: KindRow, namespace: str, name: str) -> Key:
    """Where an object of `row` is kept."""
    return row.id, namespace if row.namespaced else "", name


def need_namespace(store: Store, row: KindRow, namespace: str) -> None:
    """404 when the namespace is not there."""
    if not row.namespaced:
        return
    obj = store.get(("/namespaces", "", namespace))
    if obj is None:
        raise not_found(KindRow("", "v1", "namespaces", "Namespace"), namespace)


def read(store: Store, row: KindRow, namespace: str, name: str) -> Obj:
    """The object, or 404."""
    obj = store.get(key_of(row, namespace, name))
    if obj is None:
        raise not_found(row, name)
    return obj


def create(store: Store, row: KindRow, namespace: str, body: Any, options: Options) -> Obj:
    """POST."""
    obj = copy.deepcopy(validate.check_body(row, body, "", namespace))
    metadata = obj["metadata"]
    with store.lock:
        need_namespace(store, row, namespace)
        if not metadata.get("name") and metadata.get("generateName"):
            metadata["name"] = metadata["generateName"] + defaults.random_suffix()
        name = metadata.get("name") or ""
        if not name:
            raise invalid(row, "", [("metadata.name", "Required value: name or generateName is required")])
        if metadata.get("resourceVersion"):
            raise bad_request("resourceVersion should not be set on objects to be created")
        if store.get(key_of(row, namespace, name)) is not None:
            raise already_exists(row, name)
        metadata.pop("managedFields", None)
        if row.group != "apiextensions.k8s.io":
            obj.pop("status", None)
        validate.check_schema(row, obj, strict=False)
        _born(obj)
        finished = _finish(row, obj, None, options)
        managers.update(None, finished, manager=options.writer, now=stamp(), custom=not row.model)
        return _store(store, row, finished, options)


def replace(store: Store, row: KindRow, namespace: str, name: str, body: Any, options: Options, sub: str = "") -> Obj:
    """PUT."""
    obj = copy.deepcopy(validate.check_body(row, body, name, namespace))
    with store.lock:
        old = read(store, row, namespace, name)
        _check_version(row, old, obj)
        validate.check_schema(row, obj, strict=False)
        return _updated(store, row, old, obj, options, sub)


def patch(
    store: Store, row: KindRow, namespace: str, name: str, kind: str, body: Any, options: Options, sub: str = ""
) -> Obj:
    """PATCH of any content type but apply."""
    with store.lock:
        old = read(store, row, namespace, name)
        if kind == "application/json-patch+json":
            obj = patches.json_patch(old, body)
        elif not isinstance(body, dict):
            raise bad_request("the patch must be a JSON object")
        elif kind == "application/strategic-merge-patch+json" and row.model:
            obj = patches.strategic_patch(old, body)
        else:
            obj = patches.merge_patch(old, body)
        obj = copy.deepcopy(validate.check_body(row, obj, name, namespace))
        _check_version(row, old, obj)
        validate.check_schema(row, obj, strict=False)
        return _updated(store, row, old, obj, options, sub)


def apply(
    store: Store, row: KindRow, namespace: str, name: str, body: Any, options: Options, sub: str = ""
) -> tuple[Obj, bool]:
    """PATCH with `application/apply-patch+yaml`; says whether the object is new."""
    if not options.manager:
        raise invalid(
            KindRow("meta.k8s.io", "v1", "patchoptions", "PatchOptions"),
            "",
            [("fieldManager", "Required value: is required for apply patch")],
        )
    applied = validate.check_body(row, body, name, namespace)
    if applied["metadata"].get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    validate.check_schema(row, applied, strict=True)
    custom = not row.model
    with store.lock:
        need_namespace(store, row, namespace)
        old = store.get(key_of(row, namespace, name))
        if old is None and sub:
            raise not_found(row, name)
        if old is None and (applied["metadata"].get("resourceVersion") or applied["metadata"].get("uid")):
            raise conflict(row, name, "the object to build upon does not exist")
        if old is not None:
            _check_version(row, old, applied)
        config = copy.deepcopy(applied)
        for field in ("resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"):
            config["metadata"].pop(field, None)
        if not sub:
            config.pop("status", None)
            if config.get("kind") == "Secret" and config.get("stringData"):
                defaults.fill(config)
        merged = managers.apply(
            old, config, manager=options.manager, force=options.force, now=stamp(), custom=custom, sub=sub
        )
        if old is None:
            _born(merged)
        finished = _finish(row, merged, old, options)
        return _store(store, row, finished, options), old is None


def _updated(store: Store, row: KindRow, old: Obj, obj: Obj, options: Options, sub: str) -> Obj:
    custom = not row.model
    if sub == "status":
        obj = {**copy.deepcopy(old), "status": obj.get("status", {})}
    elif "status" in old and ("status" in row.subresources or row.model):
        obj["status"] = copy.deepcopy(old["status"])
    finished = _finish(row, obj, old, options)
    managers.update(old, finished, manager=options.writer, now=stamp(), custom=custom, sub=sub)
    return _store(store, row, finished, options)


def _check_version(row: KindRow, old: Obj, obj: Obj) -> None:
    version = obj["metadata"].get("resourceVersion")
    if version and version != old["metadata"]["resourceVersion"]:
        raise modified(row, old["metadata"]["name"])
    uid = obj["metadata"].get("uid")
    if uid and uid != old["metadata"]["uid"]:
        why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {old['metadata']['uid']}"
        raise conflict(row, old["metadata"]["name"], why)


def _born(obj: Obj) -> None:
    metadata = obj["metadata"]
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = stamp()
    metadata.pop("resourceVersion", None)
    if "spec" in obj:
        metadata["generation"] = 1


def _finish(row: KindRow, obj: Obj, old: Obj | None, options: Options) -> Obj:
    """Keep what a client may not change, fill defaults, check, count generations."""
    metadata = obj["metadata"]
    if old is not None:
        for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "resourceVersion"):
            if field in old["metadata"]:
                metadata[field] = old["metadata"][field]
            else:
                metadata.pop(field, None)
    validate.check_secret_encoding(obj)
    if row.model:
        defaults.fill(obj)
    validate.check(row, obj, old)
    if old is not None and "generation" in metadata and obj.get("spec") != old.get("spec"):
        metadata["generation"] += 1
    return obj


def _store(store: Store, row: KindRow, obj: Obj, options: Options) -> Obj:
    if options.dry_run:
        obj["metadata"].setdefault("resourceVersion", "")
        return obj
    namespace = obj["metadata"].get("namespace", "")
    stored = store.put(key_of(row, namespace, obj["metadata"]["name"]), obj)
    if stored["metadata"].get("deletionTimestamp") and not stored["metadata"].get("finalizers"):
        store.remove(key_of(row, namespace, stored["metadata"]["name"]))
    return stored


def delete(store: Store, row: KindRow, namespace: str, name: str, body: Any, propagation: str, dry_run: bool) -> Obj:
    """DELETE; owned objects go too unless orphaned."""
    wishes = body if isinstance(body, dict) else {}
    with store.lock:
        old = read(store, row, namespace, name)
        preconditions = wishes.get("preconditions") or {}
        for field in ("uid", "resourceVersion"):
            if preconditions.get(field) and preconditions[field] != old["metadata"][field]:
                raise conflict(row, name, f"the {field} in the precondition ({preconditions[field]}) does not match")
        if dry_run:
            return old
        if old["metadata"].get("finalizers"):
            waiting = copy.deepcopy(old)
            waiting["metadata"].setdefault("deletionTimestamp", stamp())
            return store.put(key_of(row, namespace, name), waiting)
        orphan = (propagation or wishes.get("propagationPolicy")) == "Orphan"
        remove_with_dependents(store, key_of(row, namespace, name), orphan=orphan)
        return old


def remove_with_dependents(store: Store, key: Key, *, orphan: bool = False) -> None:
    """Take an object away, and what it owns or holds."""
    removed = store.remove(key)
    if removed is None:
        return
    uid = removed["metadata"]["uid"]
    mine: Callable[[Key, Obj], bool] = lambda _, obj: any(  # noqa: E731
        owner.get("uid") == uid for owner in obj["metadata"].get("ownerReferences") or ()
    )
    if key[0] == "/namespaces":
        mine = lambda other, _: other[1] == key[2]  # noqa: E731
    elif key[0] == "apiextensions.k8s.io/customresourcedefinitions":
        resource = f"{removed['spec']['group']}/{removed['spec']['names']['plural']}"
        mine = lambda other, _: other[0] == resource  # noqa: E731
    for other, obj in list(store.objects.items()):
        if not mine(other, obj):
            continue
        if orphan:
            kept = copy.deepcopy(obj)
            kept["metadata"]["ownerReferences"] = [
                owner for owner in kept["metadata"]["ownerReferences"] if owner.get("uid") != uid
            ]
            store.put(other, kept)
        else:
            remove_with_dependents(store, other)
