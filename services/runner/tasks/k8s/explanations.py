"""What a cluster's events and logs say of objects that are not ready: told while they are watched, and at the end."""

from __future__ import annotations

from collections.abc import Sequence

from services.runner.task_protocol import TaskRequest
from shared.contracts.times import rfc3339_seconds

from . import unready
from .cluster import ClusterConnection
from .errors import ClusterError, sentence
from .manifests import Object, Ref
from .pods import Trouble, describe

EVENTS_EVERY_S = 3.0
OLD_NEWS_S = 30.0
_LOG_LINES = 15
_LOGS_OF = 3
"""Containers whose lines are printed."""


def why_not_ready(
    request: TaskRequest, cluster: ClusterConnection, ref: Ref, pods: Sequence[Object], owners: Sequence[Object]
) -> str:
    """Why an object is not ready in one sentence, by its newest pod of which a cause is known; empty for none.

    Prints the last lines of that pod's container, and quotes the very last.
    """
    warnings = _warnings(cluster, ref.namespace)
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True):
        cause = unready.reason(pod, [event for event in warnings if _is_about(event, pod)])
        if cause is not None:
            return with_last_line(request, cluster, ref.namespace, describe(cause), [cause])
    names = {ref.name, *(owner["metadata"]["name"] for owner in owners)}
    about = [event for event in warnings if (event.get("involvedObject") or {}).get("name") in names]
    return sentence(f"{_subject(about[-1])}: {about[-1].get('message')} [{about[-1].get('reason')}]") if about else ""


def with_last_line(
    request: TaskRequest, cluster: ClusterConnection, namespace: str, words: str, causes: Sequence[Trouble]
) -> str:
    """The words as a sentence, with the last line that the containers printed."""
    last = _tell_logs(request, cluster, namespace, causes)
    return sentence(words) + (f" Last log line: {last}" if last else "")


def _warnings(cluster: ClusterConnection, namespace: str) -> list[Object]:
    try:
        events = cluster.find("v1", "Event", namespace, fields="type=Warning")
    except ClusterError:
        return []  # the endpoint's user may not read events; what the pods themselves say remains
    return sorted(events, key=happened_at)


def _is_about(event: Object, pod: Object) -> bool:
    about = event.get("involvedObject") or {}
    same_name = (about.get("kind"), about.get("name")) == ("Pod", pod["metadata"]["name"])
    # A StatefulSet's pods have the names of those before them.
    return same_name and about.get("uid") in (None, "", pod["metadata"].get("uid"))


def _subject(event: Object) -> str:
    about = event.get("involvedObject") or {}
    return f"{about.get('kind')} {about.get('name')}"


def _tell_logs(request: TaskRequest, cluster: ClusterConnection, namespace: str, troubled: Sequence[Trouble]) -> str:
    """Print what failing containers printed last; answers the very last line."""
    last = ""
    for trouble in troubled[:_LOGS_OF]:
        if not trouble.wants_log:
            continue
        try:
            lines = _printed(cluster, namespace, trouble)
        except ClusterError as error:
            request.tools.log(error.message)
            continue
        for line in lines:
            request.tools.log(f"{trouble.pod}/{trouble.container}: {line}")
        last = last or next((line.strip() for line in reversed(lines) if line.strip()), "")
    return last


def _printed(cluster: ClusterConnection, namespace: str, trouble: Trouble) -> list[str]:
    """What the container that crashed printed; its successor's lines where the crashed one is gone already."""
    try:
        lines = cluster.pod_log(namespace, trouble.pod, trouble.container, previous=True, lines=_LOG_LINES)
    except ClusterError as error:
        if error.status != 400:
            raise
        lines = []
    return lines or cluster.pod_log(namespace, trouble.pod, trouble.container, previous=False, lines=_LOG_LINES)


def tell_events(request: TaskRequest, cluster: ClusterConnection, ref: Ref, below: list[Object]) -> None:
    """Print the events of an object and of what it made, each once."""
    now = request.tools.now()
    due: dict[Ref, float] = request.memory.setdefault("events due", {})
    if due.get(ref, 0.0) > now:
        return
    due[ref] = now + EVENTS_EVERY_S
    names = {ref.name, *(owned["metadata"]["name"] for owned in below)}
    told_events: set[tuple[str, int]] = request.memory.setdefault("events told", set())
    try:
        events = cluster.find("v1", "Event", ref.namespace, fields="")
    except ClusterError:
        return  # the endpoint's user may not read events; the roll-out is watched all the same
    since = request.memory.setdefault("events since", rfc3339_seconds(now - OLD_NEWS_S))
    for event in sorted(events, key=happened_at):
        about = event.get("involvedObject") or {}
        key = (str(event["metadata"].get("uid")), int(event.get("count") or 1))
        if about.get("name") in names and key not in told_events:
            told_events.add(key)
            if happened_at(event) >= since:
                request.tools.log(f"{_subject(event)}: {event.get('reason')}: {event.get('message')}")


def happened_at(event: Object) -> str:
    """When an event happened last."""
    created_at = event["metadata"].get("creationTimestamp")
    return str(event.get("lastTimestamp") or event.get("eventTime") or created_at or "")
