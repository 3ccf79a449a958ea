"""APPLY and DIFF of a chart or an overlay: hooks, record and pruning around the phases of `apply`.

In order: hooks before, the record of what may be made, the apply and its roll-out, hooks after, tests by choice,
pruning, and once more a look whether all is ready. A hook after that fails is put back as a roll-out is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.runner.task_protocol import Done, Running, Step, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.contracts.texts import counted

from . import apply, desired, fence, hook_runs, hooks, inventory, manifests
from .cluster import ClusterConnection
from .errors import ClusterError
from .manifests import Ref
from .watch import deadline, outage

_BEFORE, _RECORD, _AFTER, _PRUNE = "before", "record", "after", "prune"


def start(request: TaskRequest, cluster: ClusterConnection) -> Step:
    """What `apply` finds, beside what hooks will run and what will be deleted; nothing is changed."""
    release = inventory.release_name(request)
    before = inventory.read(request, cluster, release)
    inventory.refuse_helms(request, cluster, before)
    request = _forced(request, before.deployed)
    release_hooks = hooks.hooks_of(_rendered(request))
    for words in hooks.left_out(release_hooks):
        request.tools.log(f"{words} is not a hook of an install or upgrade, and is left out.")
    events = _events(request, upgrade=inventory.is_upgrade(request, cluster, before))
    planned = [f"{event} {hook.title}" for event in events for hook in hooks.at(release_hooks, event)]
    if planned:
        request.tools.log(f"Hooks that run: {', '.join(planned)}")
    going, staying = inventory.leaving(request, cluster, before)
    for words in (*staying, *(f"{ref} will be deleted: the release no longer has it." for ref in going)):
        request.tools.log(words)
    step = apply.start(request, cluster)
    if isinstance(step, Done):
        return _with_deletions(step, going, request)
    assert isinstance(step, Running)
    handle = {**step.handle, "events": events, "taking": request.flag("force"), "release": release}
    handle["changes"] = handle["changes"] or bool(going) or bool(planned)
    return Running({**handle, "then": handle["phase"], "phase": _BEFORE}, step.message, 0.0, effect_next=True)


def _with_deletions(step: Done, going: list[Ref], request: TaskRequest) -> Done:
    """The end of a dry run, deletions included."""
    if not going or not request.flag("prune", default=True):
        return step
    lines = [f"-{ref} (deleted: the release no longer has it)" for ref in going]
    text = "\n".join([*filter(None, [step.output["diff"]]), *lines])
    return replace(step, output={"diff": text, "changed": True}, message="Dry run: nothing was changed.")


def observe(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    """Continue with the phase that the handle names."""
    if handle.get("taking"):
        request = replace(request, input={**request.input, "force": True})
    own_phase = _PHASES.get(handle["phase"])
    if own_phase is not None:
        try:
            return own_phase(request, cluster, handle)
        except ClusterError as error:
            if outage(request, error):
                return Running(handle, "The cluster does not answer", effect_next=True)
            raise
    step = apply.observe(request, cluster, handle)
    if isinstance(step, Done) and not handle.get("settled"):
        return Running({**handle, "phase": _AFTER, "hook": None}, "Live", again_after_s=0.0, effect_next=True)
    return step


def cancel(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
    """As `apply` does, once it has begun to change anything."""
    if handle["phase"] not in (_BEFORE, _RECORD):
        apply.cancel(request, cluster, handle)


def _is_overlay(request: TaskRequest) -> bool:
    return bool(request.text("kustomization").strip())


def _events(request: TaskRequest, *, upgrade: bool) -> list[str]:
    kind = "upgrade" if upgrade else "install"
    return [f"pre-{kind}", f"post-{kind}", *((hooks.TEST,) if request.flag("runTests") else ())]


def _rendered(request: TaskRequest) -> list[manifests.Object]:
    return manifests.read(request.text("yaml")) if not _is_overlay(request) else []


def _forced(request: TaskRequest, deployed: bool) -> TaskRequest:
    """The first apply of a release that is taken over writes over what Helm owns."""
    if deployed or not request.flag("takeOver"):
        return request
    return replace(request, input={**request.input, "force": True})


# ----------------------------------------------------------------------------------------------------------- phases


def _before(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    step = hook_runs.advance(request, cluster, handle, hooks.hooks_of(_rendered(request)), handle["events"][:1])
    if step is None:
        return Running({**handle, "phase": _RECORD}, "Recording the release", again_after_s=0.0, effect_next=True)
    if isinstance(step, str):
        raise TaskFailed(f"{step} Nothing of the release was changed.")
    return step


def _record(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    release = handle["release"]
    before = inventory.read(request, cluster, release)
    inventory.save(request, cluster, release, inventory.extended(request, cluster, before))
    following = {**handle, "phase": handle["then"], "until": deadline(request)}
    amount = counted(len(desired.objects(request, cluster.logins)), "object")
    return Running(following, f"Applying {amount}", again_after_s=0.0, effect_next=True)


def _after(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    step = hook_runs.advance(request, cluster, handle, hooks.hooks_of(_rendered(request)), handle["events"][1:])
    if step is None:
        return Running({**handle, "phase": _PRUNE}, "Pruning", again_after_s=0.0, effect_next=True)
    return apply.gave_up(request, handle, step, {}) if isinstance(step, str) else step


def _prune(request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
    release = handle["release"]
    before = inventory.read(request, cluster, release)
    going, _ = inventory.leaving(request, cluster, before)
    kept = going if not request.flag("prune", default=True) else []
    for ref in going if not kept else ():
        live = cluster.get(ref)
        if live is not None:
            fence.check(live, desired.stamp_of(request), ref)
            cluster.delete(ref, live["metadata"].get("uid", ""))
            request.tools.log(f"{ref} deleted: the release no longer has it.")
    applied = [Ref.from_json(entry) for entry in handle["objects"]]
    inventory.save(request, cluster, release, inventory.settled(request, before, applied, kept))
    following = {**handle, "phase": "rollout", "settled": True, "until": deadline(request)}
    return Running(following, "Waiting until all is ready", again_after_s=0.0)


_PHASES = {_BEFORE: _before, _RECORD: _record, _AFTER: _after, _PRUNE: _prune}


@dataclass(frozen=True)
class DiffOfRelease:
    """What deploying the release would change, deletions included."""

    def start(self, request: TaskRequest, cluster: ClusterConnection) -> Step:
        return start(replace(request, input={**request.input, "dryRun": True}), cluster)

    def observe(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        return self.start(request, cluster)

    def cancel(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> None:
        """Nothing runs outside."""
