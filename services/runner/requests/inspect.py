"""Looking at something outside for a page: a certificate, a repository's tags, what a workload runs, who signs in."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import closing

from services.runner.clients.certificates import dial, read_certificates
from services.runner.clients.registry import Registry, RegistryProblem, account_of, built_at
from services.runner.task_protocol import OpenEndpoint, TaskFailed
from services.runner.tasks.k8s.cluster import ClusterConnection
from services.runner.tasks.k8s.images import running
from services.runner.tasks.k8s.manifests import Ref, containers
from services.runner.tasks.k8s.rollout import readiness
from services.runner.tasks.references import ImageReference, parse
from shared.contracts.base import Json
from shared.contracts.catalog import Inspect, Inspected
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.grammar.repositories import repository_of
from shared.outbound.failures import explain
from shared.outbound.guard import ForbiddenAddress, Reach
from shared.outbound.http import HttpClient, forbidden_message
from shared.outbound.tls import Trust
from shared.process.clock import monotonic
from shared.process.secrets import CannotOpen

from . import charts
from .sign_on import ProviderSignOn
from .test_delivery import send
from .validate import Validator

LAST_TAGS = 10
DETAILS_S = 8.0
"""How long digests and times of tags are asked for; tags after that come by their names alone."""
Look = Callable[[OpenEndpoint | None, Json, HttpClient], Json]


class OutsideInspector:
    """Answers `outside.inspect`."""

    def __init__(self, validator: Validator, client: HttpClient, sign_on: ProviderSignOn | None = None) -> None:
        self._validator = validator
        self._client = client
        self._looks = {**_LOOKS, **(_sign_on_looks(sign_on) if sign_on is not None else {})}

    def __call__(self, request: Inspect) -> Inspected:
        """Look; what cannot be seen is refused with the reason."""
        look = self._looks.get(request.what)
        look_of_task = _LOOKS_OF_TASKS.get(request.what)
        if look is None and look_of_task is None:
            names = ", ".join((*self._looks, *_LOOKS_OF_TASKS))
            raise refuse(Code.UNSUPPORTED, f"There is no look at {request.what!r}; there is {names}.")
        try:
            if look_of_task is not None:
                roles = {role: self._validator.open(endpoint) for role, endpoint in request.roles.items()}
                return Inspected(document=look_of_task(roles, request.options, self._client))
            assert look is not None
            endpoint = self._validator.open(request.endpoint) if request.endpoint is not None else None
            return Inspected(document=look(endpoint, request.options, self._client))
        except (RegistryProblem, TaskFailed) as problem:
            raise refuse(Code.UNAVAILABLE, problem.message, subject=request.what) from None
        except CannotOpen as error:
            raise refuse(Code.INVALID, str(error), subject=request.what) from None


def _sign_on_looks(sign_on: ProviderSignOn) -> dict[str, Look]:
    return {
        "sign-on-begin": lambda provider, options, _: sign_on.begin(provider, options),
        "sign-on-finish": lambda provider, options, _: sign_on.finish(provider, options),
    }


def _certificate(endpoint: OpenEndpoint | None, options: Json, client: HttpClient) -> Json:
    """The certificates that an address shows, so that a person may accept one."""
    url = str(options.get("url") or (endpoint.text("kubernetesURL") if endpoint else ""))
    try:
        host, connect = dial(url, client.guard, Reach(endpoint is not None and endpoint.may_be_local))
        return {"url": url, **read_certificates(host, connect, Trust()).document()}
    except ValueError as error:
        raise refuse(Code.INVALID, str(error), subject="url") from None
    except ForbiddenAddress as error:
        raise refuse(Code.FORBIDDEN, forbidden_message(url, error), subject="url") from None
    except OSError as error:
        raise refuse(Code.UNAVAILABLE, f"Cannot reach {url}: {explain(error)}.", subject="url") from None


def _tags(endpoint: OpenEndpoint | None, options: Json, client: HttpClient) -> Json:
    """The last tags by their names, as versions: a registry does not say when each was pushed. With `options.details`
    each has its digest, and when its image was built."""
    if endpoint is None:
        raise refuse(Code.INVALID, "Name the docker endpoint whose tags to list.")
    repository = str(options.get("repository") or repository_of(endpoint.properties).path)
    if not repository:
        raise refuse(Code.INVALID, "The endpoint is a whole namespace: name the repository.", subject="repository")
    registry = Registry(account_of(endpoint), client)
    names = registry.tags(repository) or []
    last = sorted(names, key=_as_version, reverse=True)[:LAST_TAGS]
    until = monotonic() + DETAILS_S if options.get("details") else 0.0
    tags = [_described(registry, repository, name, until) for name in last]
    return {"repository": repository, "tags": tags, "order": "highest version first"}


def _described(registry: Registry, repository: str, name: str, until: float) -> Json:
    """A tag with its digest and the time of its build, where the registry says so before `until`, in monotonic
    seconds."""
    tag: Json = {"name": name}
    try:
        manifest = registry.resolve(repository, name) if monotonic() < until else None
        if manifest is not None:
            tag["digest"] = manifest.digest
            tag["builtAt"] = built_at(registry, repository, manifest) if monotonic() < until else ""
    except RegistryProblem as problem:
        tag["problem"] = problem.message
    return tag


def _as_version(tag: str) -> list[tuple[int, int, str]]:
    """Sorts `1.10` after `1.9`, and both after `latest`."""
    parts = ((part, whole_number(part, digits=128)) for part in re.split(r"([0-9]+)", tag) if part)
    return [(0, 0, part) if value is None else (1, value, "") for part, value in parts]


def _repositories(endpoint: OpenEndpoint | None, options: Json, client: HttpClient) -> Json:
    """The repositories of the endpoint's namespace, where the registry lists them."""
    if endpoint is None:
        raise refuse(Code.INVALID, "Name the docker endpoint whose repositories to list.")
    namespace = repository_of(endpoint.properties).namespace
    names = Registry(account_of(endpoint), client).repositories()
    inside = [name for name in names if not namespace or name.startswith(f"{namespace}/")]
    return {"namespace": namespace, "repositories": [name.removeprefix(f"{namespace}/") for name in sorted(inside)]}


def _workloads(endpoint: OpenEndpoint | None, options: Json, client: HttpClient) -> Json:
    """The Deployments of a namespace with the images that they name; if asked only those that name one repository."""
    if endpoint is None:
        raise refuse(Code.INVALID, "Name the k8s endpoint whose workloads to list.")
    reference = str(options.get("repository") or "")
    with closing(ClusterConnection(endpoint, client.guard)) as cluster:
        namespace = str(options.get("namespace") or cluster.namespace)
        objects = cluster.find("apps/v1", "Deployment", namespace)
    workloads = [
        {"kind": obj["kind"], "name": obj["metadata"]["name"], "containers": _containers(obj)} for obj in objects
    ]
    if reference:
        meant = parse(reference)
        for workload in workloads:
            workload["containers"] = [
                container for container in workload["containers"] if _same(meant, container["image"])
            ]
        workloads = [workload for workload in workloads if workload["containers"]]
    return {"namespace": namespace, "workloads": sorted(workloads, key=lambda workload: workload["name"])}


def _containers(obj: Json) -> list[Json]:
    return [
        {"name": str(container.get("name")), "image": str(container.get("image") or "")}
        for container in containers(obj)
    ]


def _same(meant: ImageReference, reference: str) -> bool:
    image = parse(reference)
    return (image.host, image.repository) == (meant.host, meant.repository)


def _workload(endpoint: OpenEndpoint | None, options: Json, client: HttpClient) -> Json:
    """What a workload runs now."""
    if endpoint is None:
        raise refuse(Code.INVALID, "Name the k8s endpoint that has the workload.")
    with closing(ClusterConnection(endpoint, client.guard)) as cluster:
        kind, name = str(options.get("kind") or "Deployment"), str(options.get("name") or "")
        version = str(options.get("apiVersion") or "apps/v1")
        ref = Ref(version, kind, str(options.get("namespace") or cluster.namespace), name)
        live = cluster.get(ref)
        if live is None:
            return {"found": False}
        how = readiness(live)
        return {
            "found": True,
            "images": running(live),
            "ready": how.ready,
            "message": how.message,
            "annotations": (live["metadata"].get("annotations") or {}),
        }


def _hook(endpoint: OpenEndpoint | None, options: Json, client: HttpClient) -> Json:
    """Whether a webhook's address takes a test delivery; the webhook comes as an endpoint, so that its token opens."""
    if endpoint is None or not isinstance(options.get("body"), dict):
        raise refuse(Code.INVALID, "Name the webhook's address and the body to send.")
    sign = bool(options.get("sign"))
    return send(client, endpoint.text("urlBase"), endpoint.text("token"), options["body"], sign=sign)


_LOOKS: dict[str, Look] = {
    "certificate": _certificate,
    "hook": _hook,
    "repositories": _repositories,
    "tags": _tags,
    "workload": _workload,
    "workloads": _workloads,
}
_LOOKS_OF_TASKS: dict[str, Callable[[Mapping[str, OpenEndpoint], Json, HttpClient], Json]] = {
    "chart": charts.inspect_chart
}
"""What needs the endpoints of a task's roles."""
