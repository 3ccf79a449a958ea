"""Which kinds an API server serves, and at which paths: read when they are needed, and remembered for a while.

The library's own discovery keeps what it has read until it misses a kind, and fails as a whole where one group does.
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import quote

from shared.contracts.base import Json
from shared.process import clock

from . import answer_shapes
from .answer_shapes import shaped
from .errors import ClusterError

DOING = "look up what the cluster serves"
_KEPT_S = 120.0
"""How long what was read counts: groups and kinds come and go while a cluster is used."""
_MISSED_S = 2.0
"""How long a kind that is not served is not looked for again: one manifest may name it often."""
_COMING_S = 4.0
"""How long a kind of a CustomResourceDefinition may take to be served after that was made."""
_LOOK_AGAIN_S = 0.4
_BUILT_IN = frozenset(
    f"{name}.k8s.io"
    for name in (
        "admissionregistration", "apiextensions", "apiregistration", "authentication", "authorization", "certificates",
        "coordination", "discovery", "events", "flowcontrol.apiserver", "networking", "node", "rbac.authorization",
        "resource", "scheduling", "storage",
    )
)  # fmt: skip
"""Groups beside those without a dot that no CustomResourceDefinition makes."""


@dataclass(frozen=True, slots=True)
class ServedKind:
    """A kind as one version of its group serves it."""

    group: str
    version: str
    kind: str
    name: str
    """The plural, as it stands in paths."""
    namespaced: bool
    short_names: tuple[str, ...] = ()
    preferred: bool = False
    """The group serves this version first."""

    @property
    def group_version(self) -> str:
        """As an object's apiVersion names it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, name: str = "", namespace: str = "") -> str:
        """Where its objects are; without a name all, and without a namespace everywhere."""
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        return f"{_root(self.group_version)}{inside}/{self.name}" + (f"/{quote(name, safe='')}" if name else "")


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


class Discovery:
    """What one API server serves. `read` gets a path; safe to use from several threads."""

    def __init__(self, read: Callable[[str], Json], now: Callable[[], float] = clock.monotonic) -> None:
        self._read = read
        self._now = now
        self._lock = threading.Lock()
        self._kinds: dict[str, tuple[float, tuple[ServedKind, ...]]] = {}
        """By apiVersion, with when they were read."""
        self._missed: dict[tuple[str, str], float] = {}
        self._groups_read: tuple[float, tuple[Json, ...]] = (float("-inf"), ())

    def forget(self) -> None:
        """Read again what is asked for next."""
        with self._lock:
            self._kinds.clear()
            self._missed.clear()
            self._groups_read = (float("-inf"), ())

    def find(self, api_version: str, kind: str) -> ServedKind | None:
        """The kind, or None where it is not served. Raises `ClusterError` where the group does not answer."""
        served = self._named(self._of(api_version), kind)
        if served is not None:
            return served
        with self._lock:
            if self._now() - self._missed.get((api_version, kind), float("-inf")) < _MISSED_S:
                return None
        served = self._named(self._of(api_version, max_age_s=0.0), kind)
        if served is None:
            with self._lock:
                self._missed[api_version, kind] = self._now()
        return served

    def await_kind(self, api_version: str, kind: str) -> ServedKind | None:
        """The same, with patience where a CustomResourceDefinition may have been made a moment ago."""
        with self._lock:
            missed = self._now() - self._missed.get((api_version, kind), float("-inf")) < _MISSED_S
        served = self.find(api_version, kind)
        until = self._now() + (_COMING_S if not missed and may_be_custom(api_version) else 0.0)
        while served is None and self._now() < until:
            time.sleep(_LOOK_AGAIN_S)
            served = self._named(self._of(api_version, max_age_s=0.0), kind)
        if served is None:
            with self._lock:
                self._missed[api_version, kind] = self._now()
        return served

    def all(self) -> list[ServedKind]:
        """Every kind, core and preferred versions first; groups that do not answer are left out."""
        kinds = list(self._of("v1"))
        for group in self._groups():
            preferred = (group.get("preferredVersion") or {}).get("groupVersion")
            for version in group.get("versions") or ():
                try:
                    served = self._of(version["groupVersion"])
                except ClusterError as error:
                    if not error.status and error.reason != answer_shapes.ODD:
                        raise
                    continue  # An APIService whose server is away takes its own kinds along, and no others.
                kinds += [replace(kind, preferred=version["groupVersion"] == preferred) for kind in served]
        return sorted(kinds, key=lambda kind: (bool(kind.group), not kind.preferred))

    def _groups(self) -> tuple[Json, ...]:
        with self._lock:
            read_at, groups = self._groups_read
            if self._now() - read_at < _MISSED_S:
                return groups
        groups = tuple(shaped(self._read("/apis"), answer_shapes.GROUPS, DOING).get("groups") or ())
        with self._lock:
            self._groups_read = (self._now(), groups)
        return groups

    def _named(self, kinds: tuple[ServedKind, ...], kind: str) -> ServedKind | None:
        return next((served for served in kinds if served.kind == kind), None)

    def _of(self, api_version: str, max_age_s: float = _KEPT_S) -> tuple[ServedKind, ...]:
        with self._lock:
            read_at, kinds = self._kinds.get(api_version, (float("-inf"), ()))
            if self._now() - read_at < max_age_s:
                return kinds
        try:
            answer = self._read(_root(api_version))
            listed = shaped(answer, answer_shapes.RESOURCES, DOING).get("resources") or ()
        except ClusterError as error:
            if error.status != 404:
                raise
            listed = ()
        group, _, version = api_version.rpartition("/")
        kinds = tuple(
            ServedKind(
                group, version, resource["kind"], resource["name"], bool(resource.get("namespaced")),
                tuple(resource.get("shortNames") or ()),
            )
            for resource in listed
            if "/" not in resource["name"]
        )  # fmt: skip
        with self._lock:
            self._kinds[api_version] = (self._now(), kinds)
        return kinds


def may_be_custom(api_version: str) -> bool:
    """Whether a CustomResourceDefinition may make the kinds of this group."""
    group = api_version.rpartition("/")[0]
    return "." in group and group not in _BUILT_IN
