"""What is wrong with a pod, in words that a person can act on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .manifests import Object


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


def troubles(pod: Object) -> Iterator[Trouble]:
    """Everything that keeps a pod from being ready and does not look like passing."""
    meta, status = pod["metadata"], pod.get("status") or {}
    if meta.get("deletionTimestamp"):
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
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        # kubelet alternates between the two; the first failure may be a hiccup of the network.
        passing = reason == "ErrImagePull" and not _final(message)
        return Trouble(pod, name, reason, _pull(image, message), patience_s=15.0 if passing else 0.0)
    if reason in ("InvalidImageName", "ErrImageNeverPull"):
        return Trouble(pod, name, reason, f"image {image} cannot be used: {message or reason}")
    if reason in ("CreateContainerConfigError", "CreateContainerError"):
        advice = "; create it in the same namespace, or correct its name" if "not found" in message else ""
        return Trouble(pod, name, reason, f"cannot be created: {message or reason}{advice}", patience_s=5.0)
    if reason == "RunContainerError":
        return Trouble(
            pod, name, reason, f"cannot be started: {message or 'see its command and mounts'}", patience_s=5.0
        )
    if reason == "CrashLoopBackOff":
        return Trouble(pod, name, reason, _crash(container), wants_log=True)
    return None


def _final(message: str) -> bool:
    return any(word in message.lower() for word in ("not found", "manifest unknown", "denied", "unauthorized"))


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
    return f"keeps crashing ({ended_words(ended)}; restarted {container.get('restartCount', 0)} times)"


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
    where = f"pod {trouble.pod}"
    if trouble.container:
        where += f", container {trouble.container}"
    return f"{where}: {trouble.message} [{trouble.reason}]"
