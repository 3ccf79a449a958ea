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

from services.runner.clients.clouds import CloudLogins
from services.runner.task_protocol import OpenEndpoint
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient

from . import answer_shapes, removed_versions
from .answer_shapes import OPERATORS, Shape, shaped
from .client import LIMITS, address, connect
from .discovery import DOING, Discovery, ServedKind
from .errors import NO_KIND, NO_PATH, ClusterError, from_exception
from .manifests import MANAGER, Object, Ref

_PAGE = 500
_MAX_PAGES = 200
_MAX_LIST_BYTES = 128 * 1024 * 1024
_LOG_BYTES = 16 * 1024 * 1024
"""Of a container's log at a time; the next look continues there."""

_ITEMS = answer_shapes.fields(items=answer_shapes.list_of(answer_shapes.listed_object))
Plain = dict[str, Any]


class ClusterConnection:
    """Reads and changes objects; every failure is a `ClusterError` in words. Safe to use from several threads."""

    def __init__(self, endpoint: OpenEndpoint, guard: Guard, logins: CloudLogins | None = None) -> None:
        self.logins = logins or _logins(guard)
        """What signs in at clouds, for this cluster and for what is written into it."""
        self.url = address(endpoint)
        self.namespace = endpoint.text("namespace", "default")
        """Where an object names no namespace."""
        self._folder = Path(tempfile.mkdtemp(prefix="portside-k8s-"))
        self._api = connect(endpoint, self.url, self._folder, guard, self.logins)
        # The library's own discovery is not asked: it reads at once, and remembers for ever.
        self._client = DynamicClient(self._api, discoverer=lambda *_: None)  # type: ignore[no-untyped-call]
        self._discovery = Discovery(lambda path: self._read(DOING, path))

    def close(self) -> None:
        """Let go of connections and files."""
        self._api.rest_client.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # --------------------------------------------------------------------------------------------------- what kinds

    def kind(self, api_version: str, kind: str) -> ServedKind:
        """The resource that serves a kind, or a failure that says that the cluster has no such kind."""
        try:
            served = self._discovery.await_kind(api_version, kind)
        except ClusterError as error:
            raise self._group_is_away(api_version, kind, error) from None
        if served is None:
            raise self._no_kind(api_version, kind)
        return served

    def serves(self, api_version: str, kind: str) -> bool:
        """Whether the cluster has a kind."""
        return self._discovery.find(api_version, kind) is not None

    def find_kind(self, kind: str, api_version: str = "") -> ServedKind:
        """The resource of a kind, a plural or a short name; without an API version the preferred group has it."""
        if api_version:
            return self.kind(api_version, kind)
        for _ in ("what is remembered", "what is served now"):
            for resource in self._discovery.all():
                if kind.lower() in (resource.kind.lower(), resource.name.lower(), *resource.short_names):
                    return resource
            self._discovery.forget()
        raise self._no_kind("", kind)

    def forget_kinds(self) -> None:
        """The cluster has learnt a new kind: look again before saying that there is none."""
        self._discovery.forget()

    def version(self) -> Plain:
        """What `/version` says."""
        doing = "ask for the version"
        return shaped(self._read(doing, "/version"), answer_shapes.VERSION, doing)

    def api_versions(self) -> tuple[str, ...]:
        """What the cluster serves, as a chart asks for it: `apps/v1` and `apps/v1/Deployment`."""
        served: set[str] = set()
        for resource in self._discovery.all():
            served |= {resource.group_version, f"{resource.group_version}/{resource.kind}"}
        return tuple(sorted(served))

    def _read(self, doing: str, path: str) -> Plain:
        answer: Plain = self._do(doing, lambda: self._raw("get", path), again=True)
        return answer

    def _no_kind(self, api_version: str, kind: str) -> ClusterError:
        name = f"{kind} ({api_version})" if api_version else kind
        try:
            versions = [served for served in self._discovery.all() if served.kind == kind]
        except ClusterError:
            versions = []
        group = api_version.rpartition("/")[0]
        same_group = [served for served in versions if served.group == group]
        served = list(dict.fromkeys(served.group_version for served in same_group or versions))
        hint = removed_versions.advice(api_version, kind, served)
        return ClusterError(f"The cluster at {self.url} knows no {name}: {hint}.", status=404, reason=NO_KIND)

    def _group_is_away(self, api_version: str, kind: str, error: ClusterError) -> ClusterError:
        """Servers behind an APIService may be away while the cluster answers."""
        group, _, version = api_version.rpartition("/")
        if error.status < 500 or not group:
            return error
        words = (
            f"The cluster at {self.url} cannot say whether it has {kind}: what serves {api_version} does not answer "
            f"({error.status}). Look at it with: kubectl get apiservice {version}.{group}"
        )
        return ClusterError(words, status=error.status, reason=error.reason, passing=True)

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
        try:
            answer: Object = self._object_of(ref, f"read {ref}", lambda path: self._raw("get", path), again=True)
        except ClusterError as error:
            if error.status == 404 and error.reason != NO_KIND:
                return None
            raise
        return answer

    def find(
        self, api_version: str, kind: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """All objects of a kind in a namespace (or everywhere), page by page."""
        resource = self.kind(api_version, kind)
        path = resource.path(namespace=namespace)
        doing, objects, size = f"list {resource.name}", list[Object](), 0
        more: str | None = None
        for _ in range(_MAX_PAGES):
            request = {"label_selector": labels or None, "field_selector": fields or None, "_continue": more}
            data = self._do(
                doing,
                lambda request=request: self._answer("get", path, limit=_PAGE, **request),  # type: ignore[misc]
                again=True,
            )
            size += len(data)
            answer = self._do(doing, lambda data=data: self._object(data))  # type: ignore[misc]
            shaped(answer, answer_shapes.PAGE, doing)
            group_version = answer.get("apiVersion", api_version)
            items = [{"apiVersion": group_version, "kind": kind, **item} for item in answer.get("items") or ()]
            shaped({"items": items}, _ITEMS, doing)
            objects += items
            more = (answer.get("metadata") or {}).get("continue")
            if not more:
                return objects
            if size > _MAX_LIST_BYTES:
                break
        limits = f"{_MAX_LIST_BYTES // 2**20} MiB or {_MAX_PAGES} pages"
        raise ClusterError(f"Cannot {doing}: {self.url} lists more than {limits} of them.", reason="too-large")

    def apply(self, ref: Ref, body: Object, *, force: bool = False, dry_run: bool = False) -> Object:
        """Server-side apply under our field manager."""
        return self._object_of(
            ref,
            f"apply {ref}",
            lambda path: self._raw(
                "patch",
                path,
                body=body,
                content_type="application/apply-patch+yaml",
                field_manager=MANAGER,
                force_conflicts="true" if force else None,
                dry_run="All" if dry_run else None,
            ),
        )

    def patch(self, ref: Ref, body: Any, kind: str, *, dry_run: bool = False) -> Object:
        """Patch in one of the API's ways: `merge`, `strategic` or `json`."""
        return self._object_of(
            ref,
            f"patch {ref}",
            lambda path: self._raw(
                "patch",
                path,
                body=body,
                content_type=_PATCHES[kind],
                field_manager=MANAGER,
                dry_run="All" if dry_run else None,
            ),
        )

    def delete(self, ref: Ref, uid: str = "") -> bool:
        """Delete, dependents in the background; false when it was not there."""
        body: Plain = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            self._on(ref, f"delete {ref}", lambda path: self._raw("delete", path, body=body))
        except ClusterError as error:
            if error.status == 404 and error.reason != NO_KIND:
                return False
            raise
        return True

    def pod_log(self, namespace: str, pod: str, container: str, *, previous: bool, lines: int) -> list[str]:
        """The last lines that a container printed."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = [
            ("container", container),
            ("tailLines", lines),
            ("previous", "true" if previous else "false"),
            ("limitBytes", _LOG_BYTES),
        ]
        text: str = self._do(
            f"read the log of pod {pod}",
            lambda: self._raw("get", path, query_params=query, header_params={"Accept": "*/*"}, text=True),
        )
        return text.splitlines()[-lines:]

    def pod_log_since(self, namespace: str, pod: str, container: str, since: str) -> list[tuple[str, str]]:
        """What a container has printed from the second of `since` on (a stamp of an earlier answer), with stamps."""
        path = f"/api/v1/namespaces/{namespace}/pods/{pod}/log"
        query = [("container", container), ("timestamps", "true"), ("limitBytes", str(_LOG_BYTES))]
        if since:
            query.append(("sinceTime", re.sub(r"\.\d+", "", since)))
        text: str = self._do(
            f"read the log of pod {pod}",
            lambda: self._raw("get", path, query_params=query, header_params={"Accept": "*/*"}, text=True),
            again=True,
        )
        whole = text[: text.rfind("\n") + 1] if len(text.encode()) >= _LOG_BYTES else text
        stamped = (line.partition(" ") for line in whole.split("\n") if line)
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
        answer = self._review("ask for its rights", path, review, answer_shapes.ACCESS_REVIEW)
        status = answer.get("status") or {}
        return bool(status.get("allowed")), str(status.get("reason") or "")

    def user(self) -> str:
        """As whom the cluster knows the endpoint; empty where it does not say (before 1.28)."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        try:
            answer = self._review("ask who it is", path, review, answer_shapes.SUBJECT_REVIEW)
        except ClusterError as error:
            if error.status in (403, 404, 405):
                return ""
            raise
        return str(((answer.get("status") or {}).get("userInfo") or {}).get("username") or "")

    # ----------------------------------------------------------------------------------------------------- transport

    def _review(self, doing: str, path: str, review: Plain, shape: Shape) -> Plain:
        return shaped(self._do(doing, lambda: self._raw("post", path, body=review), again=True), shape, doing)

    def _object_of(self, ref: Ref, doing: str, call: Callable[[str], Any], *, again: bool = False) -> Object:
        """A call that answers with the object."""
        return shaped(self._on(ref, doing, call, again=again), answer_shapes.live_object, doing)

    def _on(self, ref: Ref, doing: str, call: Callable[[str], Any], *, again: bool = False) -> Any:
        """Make a call at an object's path. Where the server has no such path any more its kinds are read again."""
        for last in (False, True):
            path = self.kind(ref.api_version, ref.kind).path(ref.name, ref.namespace)
            try:
                return self._do(doing, lambda path=path: call(path), again=again)  # type: ignore[misc]
            except ClusterError as error:
                if last or error.reason != NO_PATH:
                    raise
            self._discovery.forget()
        raise AssertionError("unreachable")

    def _raw(self, method: str, path: str, *, text: bool = False, **request: Any) -> Any:
        data = self._answer(method, path, **request)
        return data.decode("utf-8", "replace") if text else self._object(data)

    def _answer(self, method: str, path: str, **request: Any) -> bytes:
        timeout = (LIMITS.connect_s, LIMITS.read_s)
        response = self._client.request(method, path, serialize=False, _request_timeout=timeout, **request)
        data: bytes = response.data
        return data

    def _object(self, data: bytes) -> Plain:
        try:
            parsed = parse_json(data)
        except Malformed as error:
            words = f"The answer of {self.url} is not valid JSON{error.described}; is it an API server's address?"
            raise ClusterError(words, reason=answer_shapes.ODD) from None
        if not isinstance(parsed, dict):
            words = f"{self.url} answers with JSON that is not an object: is it an API server's address?"
            raise ClusterError(words, reason=answer_shapes.ODD)
        return parsed

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


class Clusters:
    """One `Cluster` for each endpoint and set of credentials in this process, kept as long as it is used."""

    def __init__(self, guard: Guard, logins: CloudLogins | None = None, limit: int = 64) -> None:
        self._guard = guard
        self._logins = logins or _logins(guard)
        self._limit = limit
        self._lock = threading.Lock()
        self._known: dict[str, ClusterConnection] = {}

    def of(self, endpoint: OpenEndpoint) -> ClusterConnection:
        """The cluster behind an endpoint."""
        key = hashlib.sha256(json.dumps(endpoint.properties, sort_keys=True, default=str).encode()).hexdigest()
        with self._lock:
            cluster = self._known.pop(key, None) or ClusterConnection(endpoint, self._guard, self._logins)
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


def _logins(guard: Guard) -> CloudLogins:
    return CloudLogins(HttpClient(guard, user_agent="portside-runner"))


def selector(labels: dict[str, Any]) -> str:
    """A label selector as the API takes it, from `matchLabels` and `matchExpressions`."""
    parts = [f"{key}={value}" for key, value in (labels.get("matchLabels") or {}).items()]
    for expression in labels.get("matchExpressions") or ():
        key, operator, values = expression["key"], expression["operator"], ",".join(expression.get("values") or ())
        parts.append(OPERATORS[operator].format(key=key, values=values))
    return ",".join(parts)
