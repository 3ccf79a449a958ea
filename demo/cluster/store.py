"""The objects, their versions and what happened to them: the cluster's etcd."""

from __future__ import annotations

import json
import os
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .errors import Obj
from .kinds import BUILT_IN, KindRow, custom_rows

Key = tuple[str, str, str]
"""Resource id (`apps/deployments`), namespace (empty for cluster scope), name."""

HISTORY = 5_000


@dataclass(frozen=True, slots=True)
class Change:
    """One event of a watch."""

    version: int
    type: str
    key: Key
    obj: Obj


class Store:
    """Everything under one lock. Stored objects are never changed in place: a write puts a new one."""

    def __init__(self, path: Path | None = None) -> None:
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.objects: dict[Key, Obj] = {}
        self.history: deque[Change] = deque(maxlen=HISTORY)
        self.version = 1
        self._custom: dict[str, list[KindRow]] = {}
        self._path = path
        self._saved_version = 0
        if path is not None and path.exists():
            self._load(path)

    def rows(self) -> list[KindRow]:
        """Every resource served now."""
        with self.lock:
            return [*BUILT_IN, *(row for rows in self._custom.values() for row in rows)]

    def get(self, key: Key) -> Obj | None:
        """The object at `key`; not to be changed."""
        with self.lock:
            return self.objects.get(key)

    def select(self, resource: str, namespace: str = "") -> list[tuple[Key, Obj]]:
        """All objects of a resource, in one namespace or all, by name."""
        with self.lock:
            return sorted(
                ((key, obj) for key, obj in self.objects.items() if key[0] == resource and namespace in ("", key[1])),
                key=lambda pair: pair[0],
            )

    def put(self, key: Key, obj: Obj) -> Obj:
        """Store `obj` under a new version, unless nothing but the version would change."""
        with self.changed:
            old = self.objects.get(key)
            if old is not None:
                obj["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
                if obj == old:
                    return old
            self.version += 1
            obj["metadata"]["resourceVersion"] = str(self.version)
            self.objects[key] = obj
            self._note("ADDED" if old is None else "MODIFIED", key, obj)
            return obj

    def remove(self, key: Key) -> Obj | None:
        """Take the object away."""
        with self.changed:
            old = self.objects.pop(key, None)
            if old is None:
                return None
            self.version += 1
            last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.version)}}
            self._note("DELETED", key, last)
            return last

    def _note(self, kind: str, key: Key, obj: Obj) -> None:
        self.history.append(Change(self.version, kind, key, obj))
        if key[0] == "apiextensions.k8s.io/customresourcedefinitions":
            if kind == "DELETED":
                self._custom.pop(key[2], None)
            else:
                self._custom[key[2]] = custom_rows(obj)
        self.changed.notify_all()

    def since(self, version: int) -> Iterator[Change]:
        """Changes after `version`, oldest first."""
        with self.lock:
            newer: list[Change] = []
            for change in reversed(self.history):
                if change.version <= version:
                    break
                newer.append(change)
        return reversed(newer)

    def forgotten(self, version: int) -> bool:
        """Whether changes after `version` are no longer known."""
        with self.lock:
            return len(self.history) == HISTORY and self.history[0].version > version + 1

    def save(self) -> None:
        """Write the state file, when there is one and something changed."""
        if self._path is None:
            return
        with self.lock:
            if self._saved_version == self.version:
                return
            self._saved_version = self.version
            text = json.dumps({"version": self.version, "objects": [[*key, obj] for key, obj in self.objects.items()]})
        part = self._path.with_suffix(".part")
        part.write_text(text)
        os.replace(part, self._path)

    def _load(self, path: Path) -> None:
        saved = json.loads(path.read_text())
        self.version = self._saved_version = saved["version"]
        for resource, namespace, name, obj in saved["objects"]:
            self.objects[resource, namespace, name] = obj
            if resource == "apiextensions.k8s.io/customresourcedefinitions":
                self._custom[name] = custom_rows(obj)
