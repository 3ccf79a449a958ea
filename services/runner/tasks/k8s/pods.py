"""What is wrong with a pod, in words that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.contracts.texts import counted

from .manifests import Object, is_being_deleted

HEALS_WITHIN_S = 45.0
"""In which kubelet has tried three more times to pull, and controllers have made what is missing."""
_DOOMED_RESTARTS = 3
_CRASHES_S = 60.0
"""How long a container may crash that has not been restarted as often: a sidecar or a database may be slower."""
_PULLS = ("ErrImagePull", "ImagePullBackOff")
"""Kubelet alternates between them; only the first always says why."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a pod will not become ready."""

    pod: str
    container: str
    reason: str
    """Kubernetes' own word."""
    message: str
    patience_s: float = 0.0
    """How long it must last before it counts: some troubles pass."""
    wants_log: bool = False
    """The container ran; its last lines say more."""

    @property
    def kind(self) -> tuple[str, str, str]:
        """What stays the same while it lasts."""
        return self.pod, self.container, _PULLS[0] if self.reason in _PULLS else self.reason


def troubles(pod: Object) -> Iterator[Trouble]:
    """Everything that keeps a pod from being ready and does not look like passing."""
    meta, status = pod["metadata"], pod.get("status") or {}
    if is_being_deleted(pod):
        return
    spec = pod.get("spec") or {}
    declared = {part["name"]: part for key in ("initContainers", "containers") for part in spec.get(key) or ()}
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(key) or ():
            trouble = _container(meta["name"], container, declared.get(container.get("name", ""), {}))
            if trouble is not None:
                yield trouble
    for part in status.get("conditions") or ():
        if part.get("type") == "PodScheduled" and part.get("reason") == "Unschedulable":
            yield Trouble(
                meta["name"], "", "Unschedulable", f"no node can take it: {part.get('message', '')}", patience_s=60.0
            )


def _container(pod: str, container: dict[str, Any], declared: dict[str, Any]) -> Trouble | None:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason, name = waiting.get("reason", ""), container.get("name", "")
    image = declared.get("image") or container.get("image", "")
    message = str(waiting.get("message") or "")
    if reason in _PULLS:
        return Trouble(pod, name, reason, _pull(image, message), patience_s=0.0 if _final(message) else HEALS_WITHIN_S)
    if reason in ("InvalidImageName", "ErrImageNeverPull"):
        return Trouble(pod, name, reason, f"image {image} cannot be used: {message or reason}")
    if reason in ("CreateContainerConfigError", "CreateContainerError"):
        missing = "not found" in message
        advice = "; create it in the same namespace, or correct its name" if missing else ""
        words = f"cannot be created: {message or reason}{advice}"
        # A controller may make the Secret or ConfigMap beside the pods.
        return Trouble(pod, name, reason, words, patience_s=HEALS_WITHIN_S if missing else 5.0)
    if reason == "RunContainerError":
        return Trouble(
            pod, name, reason, f"cannot be started: {message or 'see its command and mounts'}", patience_s=5.0
        )
    if reason == "CrashLoopBackOff":
        doomed = container.get("restartCount", 0) >= _DOOMED_RESTARTS
        patience_s = 0.0 if doomed else _CRASHES_S
        return Trouble(pod, name, reason, _crash(container), patience_s=patience_s, wants_log=True)
    return None


def _final(message: str) -> bool:
    return any(word in message.lower() for word in _FINAL)


_FINAL = ("not found", "manifest unknown", "denied", "unauthorized", "x509", "http response to https client")
"""What a registry or the way to it says that no further try changes."""


def _pull(image: str, message: str) -> str:
    low = message.lower()
    if "manifest unknown" in low or ("not found" in low and "access" not in low):
        why = "the registry has no such tag or digest; push it, or correct the tag"
    elif any(word in low for word in ("unauthorized", "denied", "authentication required", "no basic auth")):
        why = "no such repository, or the cluster may not pull it; check the name and the pods' imagePullSecrets"
    elif any(word in low for word in ("no such host", "connection refused", "i/o timeout", "timeout")):
        why = "the node cannot reach the registry"
    elif "x509" in low or "certificate" in low:
        why = "the node does not trust the registry's certificate"
    elif "toomanyrequests" in low or "rate limit" in low:
        why = "the registry's pull limit is reached; sign the pods in with imagePullSecrets, or wait"
    elif "server gave http response to https client" in low:
        why = "the registry speaks plain HTTP and the node expects HTTPS"
    else:
        why = "check that it exists and that the cluster may pull it"
    return f"cannot pull image {image}: {why}" + (f" (kubelet: {_short(message)})" if message else "")


def _crash(container: dict[str, Any]) -> str:
    ended = (container.get("lastState") or {}).get("terminated") or {}
    return f"keeps crashing ({ended_words(ended)}; restarted {counted(container.get('restartCount', 0), 'time')})"


def ended_words(ended: dict[str, Any]) -> str:
    """How a container ended, from its `terminated` state."""
    code = ended.get("exitCode")
    detail = f"exit code {code}" if code is not None else "unknown exit code"
    if ended.get("reason") == "OOMKilled":
        return f"{detail}, killed for want of memory: raise its memory limit"
    if code in _CODES:
        return f"{detail}, {_CODES[code]}"
    return f"{detail}, {_short(str(ended['message']))}" if ended.get("message") else detail


_CODES = {126: "its command cannot be executed", 127: "its command was not found"}


def _short(text: str, limit: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def describe(trouble: Trouble) -> str:
    """One line: which pod, which container, what."""
    return f"{_where(trouble)}: {trouble.message} [{trouble.reason}]"


def describe_cause(trouble: Trouble) -> str:
    """The same with the cause first: where there is room for half a line, that is the half that matters."""
    return f"{trouble.message}; {_where(trouble)} [{trouble.reason}]"


def _where(trouble: Trouble) -> str:
    return f"pod {trouble.pod}" + (f", container {trouble.container}" if trouble.container else "")
