"""What the last revision of a release has made, kept in a ConfigMap beside it, so that the next one can prune.

Deleted is only what the release itself made: an object that was there before stays, and so does one that carries
another pipeline's stamp by now, or `helm.sh/resource-policy: keep`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.runner.task_protocol import TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed

from . import fence
from .answer_shapes import fields, list_of, shaped, text
from .cluster import ClusterConnection
from .desired import kind_of, kinds_made, objects, stamp_of
from .errors import ClusterError
from .manifests import Object, Ref, ref_of
from .pull_secrets import is_pull_secret
from .write import write

_PREFIX = "portside-release-"
_KEEP = "helm.sh/resource-policy"
_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,51}[a-z0-9])?")
"""As Helm takes a release's: a DNS label of at most 53 characters."""
HELM_RELEASE = "meta.helm.sh/release-name"


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is on record of a release; `own_refs` are those of its objects that it made itself."""

    refs: tuple[Ref, ...] = ()
    own_refs: frozenset[Ref] = field(default_factory=frozenset)
    deployed: bool = False
    """A revision has been live."""
    owner: str = ""
    """Pipeline and task in words."""
    pipeline_id: str = ""


def release_name(request: TaskRequest) -> str:
    """The task's release name, else the last part of its chart's or overlay's. Raises TaskFailed."""
    path = request.text("chart").strip() or request.text("kustomization").strip()
    name = request.text("releaseName").strip() or path.rstrip("/").rpartition("/")[2]
    if not _NAME.fullmatch(name):
        raise TaskFailed(
            f"The release name {name!r} must be of lower-case letters, digits and '-', at most 53: set `releaseName`."
        )
    return name


def is_upgrade(request: TaskRequest, cluster: ClusterConnection, before: Inventory) -> bool:
    """Whether a revision already exists, of ours or of the Helm release that is taken over."""
    if before.deployed or not request.flag("takeOver"):
        return before.deployed
    namespace = request.text("namespace").strip() or cluster.namespace
    try:
        return bool(cluster.find("v1", "Secret", namespace, labels=f"owner=helm,name={release_name(request)}"))
    except ClusterError as error:
        if error.status != 403:
            raise
        return True


def place_of(request: TaskRequest, cluster: ClusterConnection, release: str) -> Ref:
    """Where the record of a release is."""
    namespace = request.text("namespace").strip() or cluster.namespace
    return Ref("v1", "ConfigMap", namespace, f"{_PREFIX}{release}")


def read(request: TaskRequest, cluster: ClusterConnection, release: str) -> Inventory:
    """The record; empty for a release that has none. Raises TaskFailed where another task deploys it."""
    ref = place_of(request, cluster, release)
    live = cluster.get(ref)
    if live is None:
        return Inventory()
    fence.check(live, stamp_of(request), ref)
    data = live.get("data") or {}
    refs = [(Ref.from_json(entry), bool(entry.get("made"))) for entry in _entries(data.get("objects") or "[]", ref)]
    inventory = Inventory(
        tuple(entry for entry, _ in refs),
        frozenset(entry for entry, is_own in refs if is_own),
        data.get("deployed") == "true",
        str(data.get("owner") or ""),
        str(fence.annotations_of(live).get(fence.PIPELINE) or ""),
    )
    if _is_foreign(request, inventory) and not request.flag("takeOver"):
        raise TaskFailed(
            f"Release {release} in {ref.namespace} is deployed by {inventory.owner}: give this task a `releaseName` of "
            f"its own, or set `takeOver` to make the release this task's."
        )
    return inventory


def _entries(record: str, ref: Ref) -> list[Json]:
    """The objects on record. Raises TaskFailed where somebody has changed the record beyond reading."""
    try:
        entries: list[Json] = parse_json(record)
        shaped({"objects": entries}, _RECORD, f"read {ref}")
    except Malformed as error:
        raise TaskFailed(_unreadable(ref, error.described)) from None
    except ClusterError:
        raise TaskFailed(_unreadable(ref, ": it is not a list of objects")) from None
    return entries


def _unreadable(ref: Ref, why: str) -> str:
    return (
        f"The record of the release in {ref} cannot be read{why}. Restore its `objects`, or delete it: then what is "
        "there already counts as not of the release, and is never pruned."
    )


_RECORD = fields(
    objects=list_of(
        fields("apiVersion", "kind", "namespace", "name", apiVersion=text, kind=text, namespace=text, name=text)
    )
)


def owner_of(request: TaskRequest) -> str:
    """Pipeline and task in words."""
    return f"task {request.stage}.{request.task} of pipeline {request.about.pipeline}"


def _is_foreign(request: TaskRequest, inventory: Inventory) -> bool:
    own_task = inventory.owner.startswith(f"task {request.stage}.{request.task} of ")
    return inventory.pipeline_id != request.about.pipeline_id or not own_task


def extended(request: TaskRequest, cluster: ClusterConnection, before: Inventory) -> Inventory:
    """The record before anything is applied: with what this revision has, so that nothing it makes is forgotten."""
    manifest = objects(request, cluster.logins)
    new_kinds = kinds_made(manifest)
    recorded = {key_of(ref): ref for ref in before.refs}
    refs, own_refs = list(before.refs), set(before.own_refs)
    for obj in manifest:
        ref = _placed(cluster, obj, request, lenient=kind_of(obj) in new_kinds)
        if key_of(ref) in recorded or is_pull_secret(ref):
            continue
        refs.append(ref)
        if _is_new(request, cluster, ref):
            own_refs.add(ref)
    return Inventory(tuple(refs), frozenset(own_refs), before.deployed, owner_of(request), request.about.pipeline_id)


def settled(request: TaskRequest, before: Inventory, applied: Iterable[Ref], kept: Iterable[Ref]) -> Inventory:
    """The record of a revision that is live: what it applied, and what of earlier ones stays to be pruned later."""
    own_keys = {key_of(ref) for ref in before.own_refs}
    refs = tuple(dict.fromkeys([ref for ref in (*applied, *kept) if not is_pull_secret(ref)]))
    own = frozenset(ref for ref in refs if key_of(ref) in own_keys)
    return Inventory(refs, own, True, owner_of(request), request.about.pipeline_id)


def save(request: TaskRequest, cluster: ClusterConnection, release: str, inventory: Inventory) -> None:
    """Write the record, fenced as every object is."""
    ref = place_of(request, cluster, release)
    entries = [{**entry.to_json(), "made": entry in inventory.own_refs} for entry in inventory.refs]
    body: Object = {
        "apiVersion": ref.api_version,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": ref.namespace},
        "data": {
            "deployed": "true" if inventory.deployed else "false",
            "objects": json.dumps(entries),
            "owner": inventory.owner,
        },
    }
    stamp_of(request).put_on(body)
    write(request, cluster, ref, body, force=True)


def leaving(
    request: TaskRequest, cluster: ClusterConnection, before: Inventory, manifest: Sequence[Object] | None = None
) -> tuple[list[Ref], list[str]]:
    """Which objects of earlier revisions are to be deleted, and in words why others of them stay.

    `manifest` is what the release has now, by default the task's own.
    """
    manifest = objects(request, cluster.logins) if manifest is None else list(manifest)
    new_kinds = kinds_made(manifest)
    present = {key_of(_placed(cluster, obj, request, lenient=kind_of(obj) in new_kinds)) for obj in manifest}
    going, staying = list[Ref](), list[str]()
    for ref in before.refs:
        if key_of(ref) in present:
            continue
        try:
            live = cluster.get(ref)
        except ClusterError as error:
            if error.reason != "NoKind":
                raise
            continue
        if live is None:
            continue
        if reason := _reason_to_stay(request, ref, live, before):
            staying.append(f"{ref} is not deleted: {reason}.")
        else:
            going.append(ref)
    return going, staying


def _reason_to_stay(request: TaskRequest, ref: Ref, live: Object, before: Inventory) -> str:
    annotations = fence.annotations_of(live)
    if ref not in before.own_refs:
        return "it was there before the release"
    if annotations.get(_KEEP) == "keep":
        return f"it says {_KEEP}: keep"
    if ref.kind == "CustomResourceDefinition":
        return "with it every object of its kind would go"
    if annotations.get(fence.PIPELINE) != before.pipeline_id:
        return "something else has applied it since"
    return fence.superseded(live, stamp_of(request), ref) or ""


def key_of(ref: Ref) -> tuple[str, str, str, str]:
    """What makes two references mean one object, whatever version of its API they name."""
    return ref.api_version.rpartition("/")[0], ref.kind, ref.namespace, ref.name


def refuse_helms(request: TaskRequest, cluster: ClusterConnection, before: Inventory) -> None:
    """Raises TaskFailed where an object belongs to a Helm release that nobody chose to take over."""
    if request.flag("takeOver"):
        return
    recorded = {key_of(ref) for ref in before.refs}
    manifest = objects(request, cluster.logins)
    new_kinds = kinds_made(manifest)
    for obj in manifest:
        if kind_of(obj) in new_kinds:
            continue
        ref = cluster.place(obj, request.text("namespace"))
        release = "" if key_of(ref) in recorded else fence.annotations_of(cluster.get(ref)).get(HELM_RELEASE)
        if release:
            raise TaskFailed(
                f"{ref} belongs to the Helm release {release}: set `takeOver` to deploy the release from here, or "
                "choose another `releaseName` or `namespace`."
            )


def _placed(cluster: ClusterConnection, obj: Object, request: TaskRequest, *, lenient: bool) -> Ref:
    """Where an object goes; of a kind that comes with the manifest, where its manifest says."""
    try:
        return cluster.place(obj, request.text("namespace"))
    except ClusterError as error:
        if not lenient or error.reason != "NoKind":
            raise
        return ref_of(obj, request.text("namespace") or cluster.namespace)


def _is_new(request: TaskRequest, cluster: ClusterConnection, ref: Ref) -> bool:
    try:
        live = cluster.get(ref)
    except ClusterError as error:
        if error.reason != "NoKind":
            raise
        return True
    # Taken over by choice means that the release's objects are this task's from now on.
    return live is None or (request.flag("takeOver") and bool(fence.annotations_of(live).get(HELM_RELEASE)))
