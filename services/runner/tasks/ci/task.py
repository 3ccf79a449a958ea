"""Tasks that run as a Job: under a name of this try, so that starting twice is once; taken away at the end."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

from services.runner.task_protocol import Done, Effect, Running, Step, Task, TaskFailed, TaskRequest
from services.runner.tasks.k8s.cluster import ClusterConnection, Clusters
from services.runner.tasks.k8s.errors import ClusterError
from services.runner.tasks.k8s.manifests import Object, Ref
from services.runner.tasks.k8s.pods import describe
from services.runner.tasks.k8s.pull_secrets import pull_secret
from services.runner.tasks.k8s.rollout import readiness
from services.runner.tasks.k8s.watch import lasting, outage
from services.runner.tasks.shell_values import VALUES, fill_shell, shown, with_variables
from shared.contracts.base import Json
from shared.contracts.texts import counted
from shared.grammar.resolving import Scope

from . import job
from .printed import LogReader
from .runtimes import JobWork
from .script import MAX_EXPORTS_BYTES, script, variables

_LABEL = "portside.dev/ci"
_MAX_SHOWN = 200
"""Characters of a step that are shown as its title."""


class JobTask(Task):
    """A task whose work a container does; subclasses say which work, and what its output looks like."""

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters

    def work(self, request: TaskRequest) -> JobWork:
        """What the container is to do. Raises `TaskFailed`."""
        raise NotImplementedError(f"{self.name} tasks have no work of their own")

    def output(self, printed: LogReader) -> Json:
        """The task's output, from what came back."""
        raise NotImplementedError(f"{self.name} tasks have no output of their own")

    def effect(self, task_input: Json) -> Effect:
        return Effect.KEYED

    def start(self, request: TaskRequest) -> Step:
        work = self.work(request)
        place, cluster = self._place(request, work.image)
        place = replace(place, environment={**place.environment, **work.environment})
        name, namespace = f"portside-ci-{request.key[:20]}", place.namespace or cluster.namespace
        variables_set = request.table(VALUES)
        text = with_variables(script(work.steps, work.exports, work.artifacts, _mark(request)), variables_set)
        labels = {_LABEL: request.key[:20]}
        pulls = ""
        if place.registry:
            pulling = pull_secret(request.tools.endpoint(place.registry), cluster.logins)
            pulls = pulling["metadata"]["name"]
            pulling["metadata"]["namespace"] = namespace
            cluster.apply(Ref("v1", "Secret", namespace, pulls), pulling, force=True)
        secret = job.secret(name, namespace, text, place, labels, work.files)
        cluster.apply(Ref("v1", "Secret", namespace, name), secret, force=True)
        started = job.job(name, namespace, place, labels, pulls, work.files)
        applied = cluster.apply(Ref("batch/v1", "Job", namespace, name), started)
        request.tools.log(f"Job {namespace}/{name} at {cluster.url}, image {place.image}")
        handle = {
            "name": name,
            "namespace": namespace,
            "uid": applied["metadata"].get("uid", ""),
            "steps": [_first_line(shown(step, variables_set)) for step in work.steps],
            "exports": list(work.exports),
            "image": work.image,
        }
        return Running(handle, "Waiting for its pod", again_after_s=0.3)

    def observe(self, request: TaskRequest, handle: Json) -> Step:
        _, cluster = self._place(request, handle.get("image", ""))
        try:
            step = self._look(request, cluster, handle)
        except ClusterError as error:
            if not outage(request, error):
                raise
            return Running(handle, "The cluster does not answer")
        request.memory.pop("outage", None)
        return step

    def cancel(self, request: TaskRequest, handle: Json) -> None:
        _, cluster = self._place(request, handle.get("image", ""))
        self._take_away(cluster, handle)
        request.tools.log(f"Job {handle['namespace']}/{handle['name']} deleted")

    def _look(self, request: TaskRequest, cluster: ClusterConnection, handle: Json) -> Step:
        namespace = handle["namespace"]
        live = cluster.get(Ref("batch/v1", "Job", namespace, handle["name"]))
        if live is None:
            raise TaskFailed("Its Job was deleted by somebody else.", self.output(self._printed(request, handle)))
        pods = cluster.find("v1", "Pod", namespace, labels=f"job-name={handle['name']}")
        pod = max(pods, key=lambda candidate: str(candidate["metadata"].get("creationTimestamp")), default=None)
        how = readiness(live)
        if pod is not None and _has_run(pod):
            self._print(request, handle, cluster, pod)
        if how.ready:
            self._printed(request, handle).read(str(_ended(pod).get("message") or "").splitlines())
            self._take_away(cluster, handle)
            return self._done(request, handle)
        troubles = lasting(request.memory, request.tools.now(), [pod] if pod is not None else [])
        if how.failed or troubles:
            why = (
                f"It does not start: {describe(troubles[0])}"
                if troubles
                else self._failure(request, handle, pod, how.message)
            )
            self._take_away(cluster, handle)
            raise TaskFailed(why, self.output(self._printed(request, handle)))
        printed = self._printed(request, handle)
        message = f"Step {printed.step} of {len(printed.steps)}" if printed.step else "Waiting for its pod"
        return Running(handle, message)

    def _done(self, request: TaskRequest, handle: Json) -> Done:
        printed = self._printed(request, handle)
        output = self.output(printed)
        if lost := [name for name in handle.get("exports", ()) if name not in printed.exports]:
            raise TaskFailed(
                f"The steps are done, but {', '.join(lost)} did not come back: all that is exported may be "
                f"{MAX_EXPORTS_BYTES} bytes long. Keep larger values with `artifacts`.",
                output,
            )
        return Done(output, f"{counted(len(printed.steps), 'step')} done.")

    def _failure(self, request: TaskRequest, handle: Json, pod: Object | None, message: str) -> str:
        ended = _ended(pod)
        printed = self._printed(request, handle)
        if not request.memory.get("since"):
            # The log could not be read: the status has its last lines.
            for line in printed.read(str(ended.get("message") or "").splitlines()):
                request.tools.log(line)
        if not ended or not printed.step:
            return f"Its Job {message}"
        step = printed.steps[printed.step - 1].splitlines()[0]
        cause = "was killed for want of memory: raise `workspace.limits.memory`"
        if ended.get("reason") != "OOMKilled":
            cause = f"ended with exit code {ended.get('exitCode')}"
        last = f". Last log line: {printed.last}" if printed.last else "."
        return f"Step {printed.step} of {len(printed.steps)} ({step}) {cause}{last}"

    def _print(self, request: TaskRequest, handle: Json, cluster: ClusterConnection, pod: Object) -> None:
        """Pass on what was printed since the last look."""
        since, lines_seen = request.memory.get("since", ""), request.memory.get("seen", 0)
        try:
            lines = cluster.pod_log_since(handle["namespace"], pod["metadata"]["name"], "steps", since)
        except ClusterError as error:
            if request.memory.get("no log") != error.message:
                request.tools.log(f"{error.message} The steps continue.")
            request.memory["no log"] = error.message
            return
        for stamp, line in lines:
            # The log is asked for by whole seconds: what is dated at or before the last instant was printed already.
            if stamp < since or (stamp == since and lines_seen > 0):
                lines_seen -= stamp == since
                continue
            if stamp != request.memory.get("since"):
                request.memory["since"], request.memory["seen"] = stamp, 0
            request.memory["seen"] += 1
            for visible in self._printed(request, handle).read([line]):
                request.tools.log(visible)

    def _printed(self, request: TaskRequest, handle: Json) -> LogReader:
        reader: LogReader | None = request.memory.get("printed")
        if reader is None:
            reader = request.memory["printed"] = LogReader(
                _mark(request), tuple(handle.get("steps") or texts(request, "steps"))
            )
        return reader

    def _take_away(self, cluster: ClusterConnection, handle: Json) -> None:
        """The Job with its pod, and the Secret with its script."""
        cluster.delete(Ref("batch/v1", "Job", handle["namespace"], handle["name"]), handle.get("uid", ""))
        cluster.delete(Ref("v1", "Secret", handle["namespace"], handle["name"]))

    def _place(self, request: TaskRequest, image: str) -> tuple[job.Workspace, ClusterConnection]:
        tree = request.tools.workspace()
        place = job.workspace({**tree, "image": image} if image else tree)
        name = request.roles.get("kubernetesServer") or place.endpoint
        if not name:
            raise TaskFailed("The pipeline's workspace names no cluster: set `workspace.endpoint` to a k8s endpoint.")
        endpoint = request.tools.endpoint(name)
        if endpoint.type not in ("k8s", "kubernetes"):
            raise TaskFailed(
                f"Endpoint {endpoint.name} is of type {endpoint.type}: steps run as a Job in Kubernetes, so "
                "`workspace.endpoint` needs one of type k8s."
            )
        return place, self._clusters.of(endpoint)


class CI(JobTask):
    """Steps of shell in a container image."""

    name = "CI"

    def fill(self, task_input: Json, scope: Scope) -> Json:
        return fill_shell({"steps": task_input.get("steps")}, scope)

    def work(self, request: TaskRequest) -> JobWork:
        """The task's own steps."""
        steps = texts(request, "steps")
        if not steps:
            raise TaskFailed("The task has no steps: write shell commands into `steps`.")
        if request.input.get("process"):
            request.tools.log("`process` does nothing here: name the reports in `artifacts`, which keeps them.")
        return JobWork(tuple(steps), variables(texts(request, "export")), tuple(texts(request, "artifacts")))

    def output(self, printed: LogReader) -> Json:
        """What was exported, and the files that were kept."""
        return {"exports": dict(printed.exports), "artifacts": list(printed.artifacts)}


def texts(request: TaskRequest, key: str) -> list[str]:
    value: Any = request.input.get(key) or []
    if isinstance(value, str):
        value = [value]
    return [str(item).strip() for item in value if str(item).strip()]


def _first_line(step: str) -> str:
    return step.splitlines()[0][:_MAX_SHOWN]


def _mark(request: TaskRequest) -> str:
    """What the script prints before its results: known to the next holder, and to no step."""
    return "portside-" + hashlib.sha256(f"mark of {request.key}".encode()).hexdigest()[:16]


def _state(pod: Object | None) -> Json:
    statuses = ((pod or {}).get("status") or {}).get("containerStatuses") or [{}]
    state: Json = statuses[0].get("state") or {}
    return state


def _has_run(pod: Object) -> bool:
    return bool(_state(pod).get("running") or _state(pod).get("terminated"))


def _ended(pod: Object | None) -> Json:
    ended: Json = _state(pod).get("terminated") or {}
    return ended
