"""One Kubernetes API server as one endpoint's user: the only module that talks to it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ResourceNotFoundError

from services.runner.task_protocol import OpenEndpoint
from shared.grammar.json_parser import parse_json
from shared.outbound.guard import Guard

from .client import address, connect
from .errors import ClusterError, from_exception
from .manifests import MANAGER, Object, Ref

CONNECT_S = 5.0
READ_S = 30.0
_UNKNOWN_KIND_S = 10.0
_PAGE = 500

Plain = dict[str, Any]


class ClusterConnection:
    """Reads and changes objects; every failure is a `ClusterError` in words. Safe to use from several threads."""

    def __init__(self, endpoint: OpenEndpoint, guard: Guard) -> None:
        self.url = address(endpoint)
        self.namespace = endpoint.text("namespace", "default")
        """Where an object names no namespace."""
        self._folder = Path(tempfile.mkdtemp(prefix="portside-k8s-"))
        self._lock = threading.Lock()
        self._unknown: dict[tuple[str, str], float] = {}
        self._api = connect(endpoint, self.url, self._folder, guard)
        self._client: DynamicClient | None = None

    def close(self) -> None:
        """Let go of connections and files."""
        self._api.rest_client.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # --------------------------------------------------------------------------------------------------- what kinds

    def kind(self, api_version: str, kind: str) -> Any:
        """The resource that serves a kind, or a failure that says that the cluster has no such kind."""
        group, _, version = api_version.rpartition("/")
        where = {"prefix": "apis", "group": group} if group else {"prefix": "api"}
        with self._lock:
            if self._unknown.get((api_version, kind), 0.0) > time.monotonic():
                raise self._no_kind(api_version, kind)
            client = self._connected()
            try:
                return client.resources.get(api_version=version, kind=kind, **where)
            except ResourceNotFoundError:
                self._unknown[api_version, kind] = time.monotonic() + _UNKNOWN_KIND_S
                raise self._no_kind(api_version, kind) from None
            except Exception as error:
                raise from_exception(error, self.url, f"look up {kind}") from error

    def find_kind(self, kind: str, api_version: str = "") -> Any:
        """The resource of a kind, a plural or a short name; without an API version the preferred group has it."""
        if api_version:
            return self.kind(api_version, kind)
        lowered = kind.lower()
        for resource in self._all_kinds():
            names = {resource.kind.lower(), (resource.name or "").lower(), *(resource.short_names or ())}
            if lowered in names:
                return resource
        raise self._no_kind("", kind)

    def _all_kinds(self) -> list[Any]:
        with self._lock:
            client = self._connected()
            try:
                resources = [
                    resource for many in client.resources for resource in many if getattr(resource, "name", None)
                ]
            except Exception as error:
                raise from_exception(error, self.url, "list the kinds") from error
        return sorted(resources, key=lambda resource: (bool(resource.group), not resource.preferred))

    def forget_kinds(self) -> None:
        """The cluster has learnt a new kind: look again before saying that there is none."""
        with self._lock:
            self._unknown.clear()
            try:
                self._connected().resources.invalidate_cache()
            except Exception as error:
                raise from_exception(error, self.url, "list the kinds") from error

    def version(self) -> Plain:
        """What `/version` says."""
        answer: Plain = self._do("ask for the version", lambda: self._raw("get", "/version"), again=True)
        return answer

    def api_versions(self) -> tuple[str, ...]:
        """What the cluster serves, as a chart asks for it: `apps/v1` and `apps/v1/Deployment`."""
        served: set[str] = set()
        for resource in self._all_kinds():
            group_version = f"{resource.group}/{resource.api_version}" if resource.group else resource.api_version
            served |= {group_version, f"{group_version}/{resource.kind}"}
        return tuple(sorted(served))

    def _connected(self) -> DynamicClient:
        if self._client is None:
            try:
                cache = str(self._folder / "discovery.json")
                self._client = DynamicClient(self._api, cache_file=cache)  # type: ignore[no-untyped-call]
            except Exception as error:
                raise from_exception(error, self.url, "sign in") from error
        return self._client

    def _no_kind(self, api_version: str, kind: str) -> ClusterError:
        name = f"{kind} ({api_version})" if api_version else kind
        hint = _MOVED.get((api_version, kind)) or "if a CustomResourceDefinition makes it, apply that first"
        return ClusterError(f"The cluster at {self.url} knows no {name}: {hint}.", status=404, reason="NoKind")

    # ------------------------------------------------------------------------------------------------------ objects

    def place(self, obj: Object, namespace: str = "") -> Ref:
        """Where an object goes: its own namespace, else the given one, else the endpoint's; cluster-wide: none."""
        resource = self.kind(obj["apiVersion"], obj["kind"])
        meta = obj["metadata"]
        inside = (meta.get("namespace") or namespace or self.namespace) if resource.namespaced else ""
        return Ref(obj["apiVersion"], obj["kind"], inside, meta["name"])

    def plural(self, ref: Ref) -> str:
        """The plural name of a kind, `deployments`."""
        return str(self.kind(ref.api_version, ref.kind).name)

    def get(self, ref: Ref) -> Object | None:
        """The live object, or None."""
        path = self._path(ref)
        try:
            answer: Object = self._do(f"read {ref}", lambda: self._raw("get", path), again=True)
        except ClusterError as error:
            if error.status == 404 and error.reason != "NoKind":
                return None
            raise
        return answer

    def find(
        self, api_version: str, kind: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """All objects of a kind in a namespace (or everywhere), page by page."""
        resource = self.kind(api_version, kind)
        path = resource.path(namespace=namespace or None)
        objects: list[Object] = []
        more: str | None = None
        while True:
            request = {"label_selector": labels or None, "field_selector": fields or None, "_continue": more}
            answer = self._do(
                f"list {resource.name}",
                lambda request=request: self._raw("get", path, limit=_PAGE, **request),  # type: ignore[misc]
                again=True,
            )
            group_version = answer.get("apiVersion", api_version)
            objects += [{"apiVersion": group_version, "kind": kind, **item} for item in answer.get("items") or ()]
            more = (answer.get("metadata") or {}).get("continue")
            if not more:
                return objects

    def apply(self, ref: Ref, body: Object, *, force: bool = False, dry_run: bool = False) -> Object:
        """Server-side apply under our field manager."""
        answer: Object = self._do(
            f"apply {ref}",
            lambda: self._raw(
                "patch",
                self._path(ref),
                body=body,
                content_type="application/apply-patch+yaml",
                field_manager=MANAGER,
                force_conflicts="true" if force else None,
                dry_run="All" if dry_run else None,
            ),
        )
        return answer

    def patch(self, ref: Ref, body: Any, kind: str, *, dry_run: bool = False) -> Object:
        """Patch in one of the API's ways: `merge`, `strategic` or `json`."""
        answer: Object = self._do(
            f"patch {ref}",
            lambda: self._raw(
                "patch",
                self._path(ref),
                body=body,
                content_type=_PATCHES[kind],
                field_manager=MANAGER,
                dry_run="All" if dry_run else None,
            ),
        )
        return answer

    def delete(self, ref: Ref, uid: str = "") -> bool:
        """Delete, dependents in the background; false when it was not there."""
        body: Plain = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            self._do(f"delete {ref}", lambda: self._raw("delete", self._path(ref), body=body))
        except ClusterError as error:
            if error.status == 404 and error.reason != "NoKind":
                return False
            raise
        return True

    def pod_log(self, namespace: str, pod: str, container: str, *, previous: bool, lines: int) -> list[str]:
        """The last lines that a container printed."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = [("container", container), ("tailLines", lines), ("previous", "true" if previous else "false")]
        text: str = self._do(
            f"read the log of pod {pod}",
            lambda: self._raw("get", path, query_params=query, header_params={"Accept": "*/*"}, text=True),
        )
        return text.splitlines()[-lines:]

    def pod_log_since(self, namespace: str, pod: str, container: str, since: str) -> list[tuple[str, str]]:
        """What a container has printed from the second of `since` on (a stamp of an earlier answer), with stamps."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = [("container", container), ("timestamps", "true")]
        if since:
            query.append(("sinceTime", re.sub(r"\.\d+", "", since)))
        text: str = self._do(
            f"read the log of pod {pod}",
            lambda: self._raw("get", path, query_params=query, header_params={"Accept": "*/*"}, text=True),
            again=True,
        )
        stamped = (line.partition(" ") for line in text.split("\n") if line)
        return [(stamp, line) for stamp, _, line in stamped]

    def may(self, verb: str, group: str, resource: str, namespace: str = "") -> tuple[bool, str]:
        """Whether the endpoint's user may do that."""
        attributes = {"verb": verb, "group": group, "resource": resource, "namespace": namespace}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._do("ask for its rights", lambda: self._raw("post", path, body=review), again=True)
        status = answer.get("status") or {}
        return bool(status.get("allowed")), str(status.get("reason") or "")

    def user(self) -> str:
        """As whom the cluster knows the endpoint; empty where it does not say (before 1.28)."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        try:
            answer = self._do("ask who it is", lambda: self._raw("post", path, body=review), again=True)
        except ClusterError as error:
            if error.status in (403, 404, 405):
                return ""
            raise
        return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "")

    # ----------------------------------------------------------------------------------------------------- transport

    def _path(self, ref: Ref) -> str:
        resource = self.kind(ref.api_version, ref.kind)
        path: str = resource.path(name=ref.name, namespace=ref.namespace or None)
        return path

    def _raw(self, method: str, path: str, *, text: bool = False, **request: Any) -> Any:
        with self._lock:
            client = self._connected()
        timeout = (CONNECT_S, READ_S)
        response = client.request(method, path, serialize=False, _request_timeout=timeout, **request)
        return response.data.decode("utf-8", "replace") if text else parse_json(response.data)

    def _do(self, doing: str, call: Callable[[], Any], *, again: bool = False) -> Any:
        """Make a call; one that only reads is made once more when the way there was at fault."""
        try:
            return call()
        except Exception as error:
            translated = from_exception(error, self.url, doing)
            if not (again and translated.passing):
                raise translated from error
        time.sleep(0.3)
        try:
            return call()
        except Exception as error:
            raise from_exception(error, self.url, doing) from error


_PATCHES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}

_MOVED = {
    ("extensions/v1beta1", "Deployment"): "write apiVersion apps/v1",
    ("apps/v1beta1", "Deployment"): "write apiVersion apps/v1",
    ("apps/v1beta2", "Deployment"): "write apiVersion apps/v1",
    ("v1", "Deployment"): "write apiVersion apps/v1",
    ("extensions/v1beta1", "Ingress"): "write apiVersion networking.k8s.io/v1",
    ("networking.k8s.io/v1beta1", "Ingress"): "write apiVersion networking.k8s.io/v1",
    ("batch/v1beta1", "CronJob"): "write apiVersion batch/v1",
    ("batch/v1", "CronJob"): "before Kubernetes 1.21 it is batch/v1beta1",
    ("policy/v1", "PodDisruptionBudget"): "before Kubernetes 1.21 it is policy/v1beta1",
    ("autoscaling/v2", "HorizontalPodAutoscaler"): "before Kubernetes 1.23 it is autoscaling/v2beta2",
}
"""Kinds that stand in another group or version than people write."""


class Clusters:
    """One `Cluster` for each endpoint and set of credentials in this process, kept as long as it is used."""

    def __init__(self, guard: Guard, limit: int = 64) -> None:
        self._guard = guard
        self._limit = limit
        self._lock = threading.Lock()
        self._known: dict[str, ClusterConnection] = {}

    def of(self, endpoint: OpenEndpoint) -> ClusterConnection:
        """The cluster behind an endpoint."""
        key = hashlib.sha256(json.dumps(endpoint.properties, sort_keys=True, default=str).encode()).hexdigest()
        with self._lock:
            cluster = self._known.pop(key, None) or ClusterConnection(endpoint, self._guard)
            self._known[key] = cluster
            left_over = [self._known.pop(next(iter(self._known)))] if len(self._known) > self._limit else []
        for closing in left_over:
            closing.close()
        return cluster

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            clusters, self._known = list(self._known.values()), {}
        for cluster in clusters:
            cluster.close()


def selector(labels: dict[str, Any]) -> str:
    """A label selector as the API takes it, from `matchLabels` and `matchExpressions`."""
    parts = [f"{key}={value}" for key, value in (labels.get("matchLabels") or {}).items()]
    for expression in labels.get("matchExpressions") or ():
        key, operator, values = expression["key"], expression["operator"], ",".join(expression.get("values") or ())
        parts.append(_OPERATORS[operator].format(key=key, values=values))
    return ",".join(parts)


_OPERATORS = {
    "In": "{key} in ({values})",
    "NotIn": "{key} notin ({values})",
    "Exists": "{key}",
    "DoesNotExist": "!{key}",
}
