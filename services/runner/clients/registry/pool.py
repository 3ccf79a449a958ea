"""Registries kept by account for a while, so that tokens and connections are used again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .account import Account
from .reading import Registry


class Registries:
    """Each registry is for one caller at a time."""

    def __init__(self, keep: int = 16) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._idle: dict[Account, list[Registry]] = {}

    @contextmanager
    def use(self, account: Account) -> Iterator[Registry]:
        """A registry that nobody else uses now."""
        registry = self._borrow(account)
        try:
            yield registry
        finally:
            self._give_back(account, registry)

    def _borrow(self, account: Account) -> Registry:
        with self._lock:
            idle = self._idle.get(account)
            if idle:
                return idle.pop()
        return Registry(account)

    def _give_back(self, account: Account, registry: Registry) -> None:
        with self._lock:
            kept = sum(map(len, self._idle.values()))
            if kept < self._keep:
                self._idle.setdefault(account, []).append(registry)
                return
        registry.close()

    def close(self) -> None:
        """Let all connections go."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for registries in idle.values():
            for one in registries:
                one.close()
