"""A registry in memory: the hooks' calls without HTTP, with faults before and after the effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from services.hubsync.plan import ListedHook
from services.hubsync.problems import HubProblem, Rejected
from shared.contracts.base import Sealed

Watcher = Callable[[str, ListedHook], None]


@dataclass
class Fault:
    """The next call meets `problem`, before its effect or after it."""

    problem: HubProblem
    after: bool = False


@dataclass
class Registry:
    """Hooks by repository and slug."""

    hooks: dict[str, dict[str, ListedHook]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    on_delete: Watcher = lambda repository, seen: None

    def list_hooks(self, repository: str) -> tuple[ListedHook, ...]:
        fault = self._meet(f"list {repository}")
        found = tuple(self.hooks.get(repository, {}).values())
        self._late(fault)
        return found

    def create_hook(self, repository: str, name: str, url: str) -> ListedHook | None:
        fault = self._meet(f"create {repository} {name}")
        there = self.hooks.setdefault(repository, {})
        if any(seen.name == name for seen in there.values()):
            raise Rejected("Docker Hub refused creating the hook (400): name: Webhook with this name already exists.")
        there[name] = ListedHook(name, name, (url,))
        self._late(fault)
        return there[name]

    def delete_hook(self, repository: str, slug: str) -> None:
        fault = self._meet(f"delete {repository} {slug}")
        seen = self.hooks.get(repository, {}).pop(slug, None)
        if seen is not None:
            self.on_delete(repository, seen)
        self._late(fault)

    def _meet(self, call: str) -> Fault | None:
        self.calls.append(call)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and not fault.after:
            raise fault.problem
        return fault

    @staticmethod
    def _late(fault: Fault | None) -> None:
        if fault is not None:
            raise fault.problem


def sealed(text: str) -> Sealed:
    """A secret that `opened` opens: sealing itself is tested elsewhere."""
    return Sealed(key_id="test", box=text[::-1])


def opened(secret: Sealed) -> str:
    return secret.box[::-1]
