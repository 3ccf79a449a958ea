"""Hooks of a chart: which objects they are, when they run, in which order, and when they are deleted. Pure.

Source: https://helm.sh/docs/topics/charts_hooks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from services.runner.task_protocol import TaskFailed
from shared.contracts.texts import integer

from .fence import annotations_of
from .manifests import Object

HOOK = "helm.sh/hook"
_WEIGHT = "helm.sh/hook-weight"
_POLICY = "helm.sh/hook-delete-policy"

TEST = "test"
_OTHERS = frozenset({"pre-delete", "post-delete", "pre-rollback", "post-rollback"})
"""Not of an install or upgrade: those of deletion run with DELETE, the others are left out, by name."""
_RUN = frozenset({"pre-install", "post-install", "pre-upgrade", "post-upgrade", TEST})
_SUCCESS = "test-success"
"""What Helm 2 called a test."""
BEFORE, SUCCEEDED, FAILED = "before-hook-creation", "hook-succeeded", "hook-failed"


@dataclass(frozen=True, slots=True)
class Hook:
    """One object that is run at certain moments."""

    body: Object
    events: frozenset[str]
    weight: int
    policies: frozenset[str]

    @property
    def title(self) -> str:
        """How it is named in logs and failures."""
        return f"{self.body['kind']} {self.body['metadata']['name']}"


def without(objects: Iterable[Object]) -> list[Object]:
    """The objects without the hooks among them."""
    return [obj for obj in objects if HOOK not in annotations_of(obj)]


def hooks_of(objects: Iterable[Object]) -> list[Hook]:
    """The hooks among the objects. Raises TaskFailed for one of a kind that is not known."""
    return [_read(obj) for obj in objects if HOOK in annotations_of(obj)]


def at(hooks: Iterable[Hook], event: str) -> list[Hook]:
    """The hooks of one moment in Helm's order: by weight, then by name."""
    chosen = [hook for hook in hooks if event in hook.events]
    return sorted(chosen, key=lambda hook: (hook.weight, hook.body["metadata"]["name"]))


def left_out(hooks: Iterable[Hook]) -> list[str]:
    """The hooks that never run here, in words."""
    return [f"{hook.title} ({', '.join(sorted(hook.events))})" for hook in hooks if not hook.events & _RUN]


def _read(obj: Object) -> Hook:
    annotations = annotations_of(obj)
    events = {TEST if event == _SUCCESS else event for event in _parts(annotations[HOOK])}
    title = f"{obj['kind']} {obj['metadata']['name']}"
    if unknown := sorted(events - _RUN - _OTHERS):
        usual = ", ".join(sorted(_RUN | _OTHERS))
        raise TaskFailed(f"{title} is a hook of the kind {', '.join(unknown)}, which is not run here: use {usual}.")
    policies = _parts(annotations.get(_POLICY)) or {BEFORE}
    if unknown := sorted(policies - {BEFORE, SUCCEEDED, FAILED}):
        raise TaskFailed(f"The hook {title} has an unknown {_POLICY}: {', '.join(unknown)}.")
    weight = integer(str(annotations.get(_WEIGHT) or 0))
    if weight is None:
        raise TaskFailed(f"The hook {title} has a {_WEIGHT} that is not a whole number.")
    return Hook(obj, frozenset(events), weight, frozenset(policies))


def _parts(text: object) -> set[str]:
    return {part.strip() for part in str(text or "").split(",") if part.strip()}
