"""Why a pod that nothing has gone finally wrong with is not ready yet: probes, init containers, mounts, exits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from shared.contracts.texts import counted

from .manifests import Object, holders, is_being_deleted
from .pods import Trouble, ended_words, troubles
from .rollout import condition


def reason(pod: Object, warnings: Sequence[Object]) -> Trouble | None:
    """The nearest cause that is known, or None. `warnings` are the pod's Warning events, oldest first."""
    return next((cause for cause in _causes(pod, warnings)), None)


def _causes(pod: Object, warnings: Sequence[Object]) -> Iterator[Trouble]:
    meta, status, spec = pod["metadata"], pod.get("status") or {}, pod.get("spec") or {}
    name = meta["name"]
    if is_being_deleted(pod):
        held = f"held by {held_by}" if (held_by := holders(pod)) else "its containers have not ended yet"
        yield Trouble(name, "", "Terminating", f"is being deleted: {held}")
        return
    yield from troubles(pod)
    if status.get("reason") and status.get("phase") == "Failed":
        yield Trouble(name, "", status["reason"], f"failed: {status.get('message') or status['reason']}")
    for key, statuses, states in (
        ("initContainers", "initContainerStatuses", _INIT),
        ("containers", "containerStatuses", _MAIN),
    ):
        declared = {part["name"]: part for part in spec.get(key) or ()}
        for container in status.get(statuses) or ():
            state = container.get("state") or {}
            kind = next((kind for kind in states if kind in state), "waiting")
            cause = states[kind](name, container, declared.get(container.get("name", ""), {}), warnings)
            if cause is not None:
                yield cause
    yield from _of_pod(name, pod, warnings)


def _of_pod(name: str, pod: Object, warnings: Sequence[Object]) -> Iterator[Trouble]:
    for gate in (pod.get("spec") or {}).get("readinessGates") or ():
        kind = gate.get("conditionType", "")
        met = condition(pod, kind)
        if met.get("status") != "True":
            why = f": {met['message']}" if met.get("message") else "; its controller has not set that condition"
            yield Trouble(name, "", "ReadinessGate", f"its readiness gate {kind} is not met{why}")
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "True":
        why = scheduled.get("message") or "the scheduler has not looked at it"
        yield Trouble(name, "", str(scheduled.get("reason") or "Pending"), f"no node can take it: {why}")
    if warnings and condition(pod, "Ready").get("status") != "True":
        yield _warned(name, "", warnings[-1], "")


def _starting(pod: str, container: dict[str, Any], part: Object, warnings: Sequence[Object]) -> Trouble | None:
    """A container that waits: for its sandbox, its volumes or the init containers before it."""
    blocked = [event for event in warnings if str(event.get("reason", "")).startswith("Failed")]
    return (
        _warned(pod, container["name"], blocked[-1], _BLOCKS.get(str(blocked[-1]["reason"]), "")) if blocked else None
    )


_BLOCKS = {
    "FailedMount": "its volumes cannot be mounted: ",
    "FailedAttachVolume": "its volumes cannot be attached: ",
    "FailedMapVolume": "its volumes cannot be attached: ",
    "FailedCreatePodSandBox": "its network or sandbox cannot be made: ",
    "FailedScheduling": "no node can take it: ",
}


def _warned(pod: str, container: str, event: Object, words: str) -> Trouble:
    return Trouble(pod, container, str(event.get("reason")), f"{words}{' '.join(str(event.get('message')).split())}")


def _init_runs(pod: str, container: dict[str, Any], part: Object, warnings: Sequence[Object]) -> Trouble | None:
    if part.get("restartPolicy") == "Always":  # a sidecar: it runs beside the containers
        return None if container.get("started") else _runs(pod, container, part, warnings)
    since = container["state"]["running"].get("startedAt") or "its start"
    return Trouble(pod, container["name"], "Init", f"is an init container that has run since {since}", wants_log=True)


def _init_ended(pod: str, container: dict[str, Any], part: Object, warnings: Sequence[Object]) -> Trouble | None:
    return _ended(pod, container, part, warnings) if container["state"]["terminated"].get("exitCode") else None


def _ended(pod: str, container: dict[str, Any], part: Object, warnings: Sequence[Object]) -> Trouble | None:
    ended = container["state"]["terminated"]
    return Trouble(
        pod, container["name"], ended.get("reason") or "Terminated", f"ended ({ended_words(ended)})", 0.0, True
    )


def _runs(pod: str, container: dict[str, Any], part: Object, warnings: Sequence[Object]) -> Trouble | None:
    if container.get("ready"):
        return None
    kind = "startup" if part.get("startupProbe") and not container.get("started", True) else "readiness"
    probe = part.get(f"{kind}Probe")
    message = ": ".join(filter(None, [_how(probe or {}), _answer(kind, warnings)]))
    words = f"its {kind} probe does not succeed" + (f" ({message})" if message else "")
    if not probe:
        words = "runs and is not ready"
    if before := (container.get("lastState") or {}).get("terminated"):
        words += (
            f"; restarted {counted(container.get('restartCount', 0), 'time')}, last ended with {ended_words(before)}"
        )
    return Trouble(pod, container["name"], "Unhealthy" if probe else "NotReady", words, wants_log=True)


def _answer(kind: str, warnings: Sequence[Object]) -> str:
    """What the probe last answered. A busy node loses what a command printed, and writes an event without it."""
    failures = [_line(event) for event in warnings if event.get("reason") == "Unhealthy"]
    of_kind = [line for line in failures if line.lower().startswith(kind)] or failures
    return next((line for line in reversed(of_kind) if not line.endswith(":")), "".join(of_kind[-1:]))


def _line(event: Object) -> str:
    return " ".join(str(event.get("message") or "").split())


def _how(probe: Object) -> str:
    """What a probe does."""
    if get := probe.get("httpGet"):
        return f"GET {get.get('path') or '/'} on port {get.get('port')}"
    if command := (probe.get("exec") or {}).get("command"):
        return " ".join(map(str, command))[:80]
    if connected := probe.get("tcpSocket") or probe.get("grpc"):
        return f"{'TCP' if probe.get('tcpSocket') else 'gRPC'} on port {connected.get('port')}"
    return ""


_INIT = {"waiting": _starting, "running": _init_runs, "terminated": _init_ended}
_MAIN = {"waiting": _starting, "running": _runs, "terminated": _ended}
"""What to say of a container by the state that it is in."""
