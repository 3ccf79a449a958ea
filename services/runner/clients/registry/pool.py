"""Registries kept by account for a while, so that their tokens are used again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from services.runner.clients.clouds import CloudLogins
from shared.outbound.http import HttpClient

from .account import RegistryAccount
from .reading import Registry


class Registries:
    """Each registry is for one caller at a time."""

    def __init__(self, client: HttpClient, logins: CloudLogins | None = None, keep: int = 64) -> None:
        self._client = client
        self._logins = logins or CloudLogins(client)
        self._keep = keep
        self._lock = threading.Lock()
        self._idle: dict[RegistryAccount, list[Registry]] = {}

    @contextmanager
    def use(self, account: RegistryAccount) -> Iterator[Registry]:
        """A registry that nobody else uses now."""
        registry = self._borrow(account)
        try:
            yield registry
        finally:
            self._give_back(account, registry)

    def _borrow(self, account: RegistryAccount) -> Registry:
        with self._lock:
            if idle := self._idle.pop(account, None):
                registry, *rest = idle
                if rest:
                    self._idle[account] = rest
                return registry
        return Registry(account, self._client, self._logins)

    def _give_back(self, account: RegistryAccount, registry: Registry) -> None:
        with self._lock:
            while sum(map(len, self._idle.values())) >= self._keep:
                # Those that were used longest ago go, each with its password.
                del self._idle[next(iter(self._idle))]
            self._idle[account] = [*self._idle.pop(account, []), registry]
