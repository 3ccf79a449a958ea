"""From a request to a verb: addresses, queries, lists, watches, subresources."""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import yaml

from . import selectors, verbs
from .errors import ApiError, Obj, bad_request, invalid, no_such_path, not_found
from .kinds import REVIEWS, KindRow
from .store import Store


@dataclass(frozen=True, slots=True)
class Place:
    """What an address names."""

    row: KindRow
    namespace: str = ""
    name: str = ""
    sub: str = ""


@dataclass(frozen=True, slots=True)
class Query:
    """The query string, read."""

    values: dict[str, list[str]]

    @classmethod
    def of(cls, text: str) -> Query:
        return cls(parse_qs(text, keep_blank_values=True))

    def text(self, name: str) -> str:
        return self.values.get(name, [""])[-1]

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in ("1", "true")

    def number(self, name: str) -> int:
        text = self.text(name)
        if text and not text.isdigit():
            raise bad_request(f'invalid value for {name}: "{text}"')
        return int(text or 0)

    def options(self, user_agent: str) -> verbs.Options:
        dry_run = self.values.get("dryRun", [])
        if dry_run not in ([], ["All"]):
            raise bad_request(f'dryRun: Unsupported value: {dry_run}: supported values: "All"')
        return verbs.Options(self.text("fieldManager"), user_agent, self.flag("force"), bool(dry_run))


def locate(path: str, rows: list[KindRow]) -> Place:
    """The resource, namespace, name and subresource of a path, or 404."""
    parts = [part for part in path.split("/") if part]
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[:1] == ["apis"] and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        raise no_such_path()
    plurals = {row.plural: row for row in rows if (row.group, row.version) == (group, version)}
    namespace = ""
    if rest[:1] == ["namespaces"] and len(rest) > 2 and rest[2] in plurals:
        namespace, rest = rest[1], rest[2:]
    row = plurals.get(rest[0]) if rest else None
    if row is None or len(rest) > 3 or (namespace and not row.namespaced):
        raise no_such_path()
    place = Place(row, namespace, *rest[1:])
    if place.name and row.namespaced and not namespace:
        raise no_such_path()
    if place.sub and place.sub not in row.subresources:
        raise no_such_path()
    return place


def parse(body: bytes, content_type: str) -> Any:
    """The request's body as a value; 400 or 415 when it cannot be read."""
    kind = content_type.split(";")[0].strip()
    if not body:
        return None
    try:
        if kind in ("application/yaml", "application/apply-patch+yaml"):
            return yaml.safe_load(body)
        if kind.endswith("json") or not kind:
            return json.loads(body)
    except (ValueError, yaml.YAMLError) as wrong:
        raise bad_request(f"the body of the request could not be read: {wrong}") from wrong
    raise ApiError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format - {kind}")


def matching(store: Store, place: Place, query: Query) -> list[Obj]:
    """The objects that a list, a watch or a collection delete is about."""
    by_label = selectors.labels(query.text("labelSelector"))
    by_field = selectors.fields(query.text("fieldSelector"), place.row.kind)
    return [
        obj
        for key, obj in store.select(place.row.id, place.namespace)
        if (not place.name or key[2] == place.name) and by_label(obj) and by_field(obj)
    ]


def listing(store: Store, place: Place, query: Query) -> Obj:
    """A `…List`, paged by `limit` and `continue`."""
    with store.lock:
        matches, version = matching(store, place, query), str(store.version)
    start = 0
    if query.text("continue"):
        try:
            version, start = json.loads(base64.urlsafe_b64decode(query.text("continue")))
        except ValueError as wrong:
            raise bad_request("continue key is not valid") from wrong
    limit = query.number("limit") or len(matches) or 1
    metadata: Obj = {"resourceVersion": version}
    if start + limit < len(matches):
        token = json.dumps([version, start + limit]).encode()
        metadata |= {
            "continue": base64.urlsafe_b64encode(token).decode(),
            "remainingItemCount": len(matches) - start - limit,
        }
    # Items of a real list carry neither kind nor apiVersion, unless they are custom resources.
    bare = ("kind", "apiVersion") if place.row.model else ()
    items = [{name: part for name, part in obj.items() if name not in bare} for obj in matches[start : start + limit]]
    return {
        "kind": f"{place.row.kind}List",
        "apiVersion": place.row.api_version,
        "metadata": metadata,
        "items": items,
    }


def watch(store: Store, place: Place, query: Query, stopped: Any) -> Iterator[Obj]:
    """Events as they come, until `timeoutSeconds` pass or the server stops."""
    by_label = selectors.labels(query.text("labelSelector"))
    by_field = selectors.fields(query.text("fieldSelector"), place.row.kind)
    until = time.monotonic() + (query.number("timeoutSeconds") or 1_800)
    keys: set[tuple[str, str, str]] = set()
    start = query.text("resourceVersion")
    with store.lock:
        version = store.version if start in ("", "0") else query.number("resourceVersion")
        current = matching(store, place, query)
    if start in ("", "0"):
        for obj in current:
            keys.add(verbs.key_of(place.row, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))
            yield {"type": "ADDED", "object": obj}
    elif store.forgotten(version):
        expired = ApiError(410, "Expired", f"too old resource version: {version} ({store.version})")
        yield {"type": "ERROR", "object": expired.status}
        return
    else:
        for obj in current:
            if int(obj["metadata"]["resourceVersion"]) <= version:
                keys.add(verbs.key_of(place.row, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]))
    while not stopped():
        for change in store.since(version):
            version = change.version
            if change.key[0] != place.row.id or place.namespace not in ("", change.key[1]):
                continue
            fits = by_label(change.obj) and by_field(change.obj) and place.name in ("", change.key[2])
            kind = change.type
            if kind != "DELETED" and not fits:
                if change.key not in keys:
                    continue
                kind = "DELETED"
            elif not fits:
                continue
            elif kind == "MODIFIED" and change.key not in keys:
                kind = "ADDED"
            if kind == "DELETED":
                keys.discard(change.key)
            else:
                keys.add(change.key)
            yield {"type": kind, "object": change.obj}
        remaining_s = until - time.monotonic()
        if remaining_s <= 0:
            if query.flag("allowWatchBookmarks"):
                mark = {
                    "kind": place.row.kind,
                    "apiVersion": place.row.api_version,
                    "metadata": {"resourceVersion": str(version)},
                }
                yield {"type": "BOOKMARK", "object": mark}
            return
        with store.changed:
            if store.version == version:
                store.changed.wait(min(remaining_s, 1.0))


def scale_of(row: KindRow, obj: Obj) -> Obj:
    """The Scale subresource of a workload."""
    metadata = {name: obj["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion")}
    labels = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    status = {"replicas": (obj.get("status") or {}).get("replicas", 0), "selector": selector}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": obj["spec"].get("replicas", 0)},
        "status": status,
    }


def write_scale(store: Store, place: Place, body: Any, options: verbs.Options) -> Obj:
    """PUT or PATCH of the Scale subresource."""
    count = (body or {}).get("spec", {}).get("replicas") if isinstance(body, dict) else None
    if not isinstance(count, int) or count < 0:
        raise invalid(place.row, place.name, [("spec.replicas", "Invalid value: must be a whole number from 0")])
    with store.lock:
        obj = copy.deepcopy(verbs.read(store, place.row, place.namespace, place.name))
        obj["spec"]["replicas"] = count
        metadata = body.get("metadata") or {}
        if metadata.get("resourceVersion"):
            obj["metadata"]["resourceVersion"] = metadata["resourceVersion"]
        done = verbs.replace(store, place.row, place.namespace, place.name, obj, options)
    return scale_of(place.row, done)


def pod_log(store: Store, place: Place, query: Query) -> str:
    """A few lines that the container would have printed."""
    pod = verbs.read(store, place.row, place.namespace, place.name)
    names = [container["name"] for container in pod["spec"]["containers"]]
    name = query.text("container") or names[0]
    if name not in names:
        raise bad_request(f"container {name} is not valid for pod {place.name}")
    state = next(
        (
            container
            for container in (pod.get("status") or {}).get("containerStatuses") or ()
            if container["name"] == name
        ),
        None,
    )
    if state is None or "waiting" in state["state"]:
        why = state["state"]["waiting"].get("reason", "") if state else "Pending"
        raise bad_request(f'container "{name}" in pod "{place.name}" is waiting to start: {why}')
    lines = [f"{name}: started {state['image']}"]
    if ended := state["state"].get("terminated"):
        lines.append(f"{name}: exit code {ended['exitCode']}")
    tail = query.number("tailLines")
    return "".join(f"{line}\n" for line in (lines[-tail:] if tail else lines))


def review(body: Any, rows: list[KindRow], allows: Any) -> Obj:
    """SelfSubjectAccessReview."""
    if not isinstance(body, dict) or body.get("kind") != REVIEWS["selfsubjectaccessreviews"]:
        raise bad_request("the body must be a SelfSubjectAccessReview")
    attributes = (body.get("spec") or {}).get("resourceAttributes") or {}
    row = next(
        (row for row in rows if (row.group, row.plural) == (attributes.get("group", ""), attributes.get("resource"))),
        None,
    )
    allowed = row is None or allows(attributes.get("verb", ""), row, attributes.get("namespace", ""))
    status: Obj = {"allowed": allowed} if allowed else {"allowed": False, "reason": "refused by a rule of this cluster"}
    return {**body, "metadata": body.get("metadata") or {}, "status": status}


__all__ = ["Place", "Query", "listing", "locate", "matching", "not_found", "parse", "review", "watch"]
