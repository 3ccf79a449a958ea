"""Secrets with which pods pull: made from a docker endpoint, and renewed where a cloud's token in them ends."""

from __future__ import annotations

import base64
import copy
import json

from services.runner.clients.clouds import CloudLogins, CloudProblem
from services.runner.clients.registry.account import account_of
from services.runner.task_protocol import OpenEndpoint, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.contracts.times import epoch, rfc3339_seconds

from . import manifests
from .cluster import ClusterConnection
from .manifests import Object, Ref, pod_template

ENDS_AT = "portside.dev/ends-at"
RENEW_AT = "renewPullAt"
"""In a handle: when the pull secret is renewed."""
_PULL = "portside-pull-"
_EARLY_S = 240.0
"""Later than a login renews its token, so that there is a new one."""
_AGAIN_S = 60.0


def pull_secret(endpoint: OpenEndpoint, logins: CloudLogins) -> Object:
    """The Secret with which pods pull from a Docker endpoint's registry; its namespace is still open.

    One that is made of a cloud's token ends with it, and says when in an annotation.
    """
    account = account_of(endpoint)
    user, password, notes = account.user, account.password, {}
    if account.sign_in is not None:
        try:
            minted = logins.of(account.sign_in).minted()
        except CloudProblem as problem:
            raise TaskFailed(problem.message) from None
        user, password, notes = minted.user, minted.secret, {"annotations": {ENDS_AT: rfc3339_seconds(minted.ends_at)}}
    if not user or not password:
        raise TaskFailed(f"Endpoint {endpoint.name} has no user name and password to make a pull secret of.")
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    entry = {"username": user, "password": password, "auth": auth}
    document = json.dumps({"auths": {account.config_key: entry}})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": _secret_name(endpoint.name), **notes},
        "data": {".dockerconfigjson": base64.b64encode(document.encode()).decode()},
    }


def put_in(objects: list[Object], secret: Object, namespace: str) -> list[Object]:
    """The manifest with the pull secret in each namespace that has pods, and the pods told to use it."""
    name = secret["metadata"]["name"]
    places: list[str] = []
    changed = []
    for obj in objects:
        template = pod_template(obj)
        if template is None:
            changed.append(obj)
            continue
        obj = copy.deepcopy(obj)
        spec = (pod_template(obj) or {}).setdefault("spec", {})
        listed = spec.get("imagePullSecrets") or []
        if not any(place.get("name") == name for place in listed):
            spec["imagePullSecrets"] = [*listed, {"name": name}]
        changed.append(obj)
        places.append(obj["metadata"].get("namespace") or namespace)
    secrets = [
        {**secret, "metadata": {**copy.deepcopy(secret["metadata"]), **({"namespace": place} if place else {})}}
        for place in dict.fromkeys(places)
    ]
    return manifests.in_order([*secrets, *changed])


def is_pull_secret(ref: Ref) -> bool:
    """Whether an object is one of ours for pulling: it belongs to the endpoint, not to its first user."""
    return ref.kind == "Secret" and ref.name.startswith(_PULL)


def warn(request: TaskRequest, objects: list[Object]) -> None:
    """Tells until when pods can pull, where that ends."""
    for name, end in dict.fromkeys((obj["metadata"]["name"], _end_of(obj)) for obj in objects if _end_of(obj)):
        request.tools.log(
            f"The pull secret {name} ends at {end}: each run of this task renews it. Pods that start later on a node "
            "without the image cannot pull it: let the nodes pull with a role of their own, or run this pipeline by a "
            "schedule."
        )


def renewal(request: TaskRequest, objects: list[Object]) -> Json:
    """For the handle: when to renew the pull secret; nothing where it does not end."""
    ends = [epoch(end) for obj in objects if (end := _end_of(obj))]
    return {RENEW_AT: max(min(ends) - _EARLY_S, request.tools.now() + _AGAIN_S)} if ends else {}


def is_due(request: TaskRequest, handle: Json) -> bool:
    """Whether a roll-out waits so long that its pull secret must be renewed meanwhile."""
    return RENEW_AT in handle and request.tools.now() >= handle[RENEW_AT]


def renew(request: TaskRequest, cluster: ClusterConnection, objects: list[Object]) -> Json:
    """Writes the pull secrets among the objects again, and answers what `renewal` does."""
    for obj in objects:
        ref = cluster.place(obj, request.text("namespace"))
        if is_pull_secret(ref):
            body = {**obj, "metadata": {**obj["metadata"], "namespace": ref.namespace}}
            cluster.apply(ref, body, force=True)
            request.tools.log(f"{ref} renewed; it ends at {_end_of(obj)}")
    return renewal(request, objects)


def _end_of(obj: Object) -> str:
    """When a pull secret that is made of a cloud's token ends, in UTC; blank for any other object."""
    return str((obj["metadata"].get("annotations") or {}).get(ENDS_AT) or "") if obj["kind"] == "Secret" else ""


def _secret_name(endpoint: str) -> str:
    plain = "".join(char if char.isalnum() else "-" for char in endpoint.lower()).strip("-")
    return f"{_PULL}{plain or 'registry'}"[:63].rstrip("-")
