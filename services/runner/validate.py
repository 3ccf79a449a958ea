"""Trying an endpoint for real, and saying what is wrong in a stable word and a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlparse

import requests

from shared.contracts.base import Json
from shared.contracts.catalog import ValidateAsk, Validated
from shared.contracts.runs import Endpoint
from shared.process.secrets import CannotOpen, Masker, Opener

from .reach import why
from .registry import Account, Registries, Registry, RegistryProblem
from .tasks.k8s.cluster import Cluster
from .tasks.k8s.words import ClusterError
from .tasks.protocol import OpenEndpoint, TaskFailed

DOCKER_HUB_API = "https://hub.docker.com"
DOCKER_HUB_REGISTRY = "https://registry-1.docker.io"
_HUB_TIMEOUT_S = (5.0, 15.0)

NEEDED = (
    ("get", "apps", "deployments"),
    ("patch", "apps", "deployments"),
    ("create", "apps", "deployments"),
    ("list", "", "pods"),
    ("list", "apps", "replicasets"),
)
"""What a K8S task that applies a Deployment and watches it must be allowed: (verb, group, resource)."""

WISHED = (("get", "", "pods/log"), ("list", "", "events"))
"""Without these a failure is told in fewer words."""


class Validator:
    """Answers `endpoint.validate`."""

    def __init__(self, opener: Opener, registries: Registries) -> None:
        self._opener = opener
        self._registries = registries

    def __call__(self, asked: ValidateAsk) -> Validated:
        """Try the endpoint; every failure is an answer."""
        check = _CHECKS.get(asked.endpoint.type.lower())
        if check is None:
            return Validated(
                ok=False,
                code="unsupported",
                message=f"Endpoints of type {asked.endpoint.type} cannot be tried yet; save it and run a pipeline.",
            )
        try:
            endpoint = self.open(asked.endpoint)
        except CannotOpen as error:
            return Validated(ok=False, code="cannot-open", message=str(error))
        masker = Masker([str(endpoint.properties[key]) for key in asked.endpoint.secrets])
        answer = check(endpoint, asked.options)
        return answer.model_copy(update={"message": masker.mask(answer.message)})

    def open(self, endpoint: Endpoint) -> OpenEndpoint:
        """The endpoint with its secrets in clear."""
        secrets = {key: self._opener.open(box) for key, box in endpoint.secrets.items()}
        return OpenEndpoint(endpoint.name, endpoint.type.lower(), {**endpoint.properties, **secrets})


def account_of(endpoint: OpenEndpoint) -> tuple[Account, str]:
    """Where a docker endpoint's registry is and as whom to ask, and the repository that it names."""
    written = endpoint.text("registryURL").rstrip("/")
    host, repository = _repository(endpoint.text("repoURL"))
    plain = endpoint.text("repoURL").startswith("http://")
    if written and written != DOCKER_HUB_REGISTRY:
        address = urlparse(written if "://" in written else f"https://{written}")
        host, plain = address.netloc, address.scheme == "http"
    account = Account(
        host,
        endpoint.text("username"),
        endpoint.text("password") or endpoint.text("token"),
        plain_http=plain,
        ca_pem=endpoint.text("caCertificate") or None,
        fingerprint=endpoint.text("fingerprint") or None,
    )
    return account, repository


def _repository(url: str) -> tuple[str, str]:
    """`https://hub.docker.com/r/acme/web`, `acme/web`, `ghcr.io/acme/web` → host and repository."""
    text = url.strip().partition("://")[2] or url.strip()
    first, _, rest = text.strip("/").partition("/")
    if "." not in first and ":" not in first and first != "localhost":
        return "docker.io", text.strip("/").partition(":")[0]
    if first in ("hub.docker.com", "docker.io", "index.docker.io", "registry.hub.docker.com", "registry-1.docker.io"):
        parts = [part for part in rest.split("/") if part not in ("r", "_", "repository", "docker", "v1", "v2", "")]
        return "docker.io", "/".join(parts[:2])
    return first, rest


def _docker(endpoint: OpenEndpoint, options: Json) -> Validated:
    hub = endpoint.text("serverType", "DockerHub").lower() == "dockerhub"
    account, repository = account_of(endpoint)
    repository = str(options.get("repository") or repository)
    try:
        if hub and account.username:
            _hub_sign_in(endpoint, repository)
        registry = Registry(account)
        try:
            return _registry(registry, account, repository)
        finally:
            registry.close()
    except RegistryProblem as problem:
        return Validated(ok=False, code=problem.code, message=problem.message)


def _registry(registry: Registry, account: Account, repository: str) -> Validated:
    if not repository:
        registry.sign_in()
        return Validated(ok=True, code="ok", message=f"{account.base} takes the sign-in.")
    tags = registry.tags(repository)
    if tags is None:
        message = f"{account.base} has no repository {repository}, or nothing was pushed to it yet."
        return Validated(ok=False, code="no-such-repository", message=message)
    who = account.username or "anybody"
    return Validated(
        ok=True,
        code="ok",
        message=f"{account.base} shows {repository} to {who}: {len(tags)} tag{'' if len(tags) == 1 else 's'}.",
        details={"tags": tags[:50]},
    )


def _hub_sign_in(endpoint: OpenEndpoint, repository: str) -> None:
    """Sign in at Docker Hub itself: only it tells a wrong password from a missing repository."""
    base = endpoint.text("hubURL", DOCKER_HUB_API).rstrip("/")
    secret = endpoint.text("password") or endpoint.text("token")
    body = {"identifier": endpoint.text("username"), "secret": secret}
    answer = _hub("POST", f"{base}/v2/auth/token", json=body)
    if answer.status_code == 429:
        raise RegistryProblem("too-many", f"{base} says: too many sign-ins; wait ten minutes, then try again.")
    if answer.status_code in (400, 401, 403):
        raise RegistryProblem(
            "wrong-password",
            f"{base} does not take the user name and password of {endpoint.text('username')}: correct them, and use an "
            "access token where the account has a second factor.",
        )
    token = _field(answer, "access_token")
    if not token:
        raise RegistryProblem("odd-answer", f"{base} answered {answer.status_code} to the sign-in; try again later.")
    if repository:
        _hub_repository(base, repository, token)


def _hub_repository(base: str, repository: str, token: str) -> None:
    name = repository if "/" in repository else f"library/{repository}"
    answer = _hub("GET", f"{base}/v2/repositories/{name}/", headers={"Authorization": f"Bearer {token}"})
    if answer.status_code == 404:
        raise RegistryProblem("no-such-repository", f"{base} has no repository {name} that this account may see.")
    if answer.status_code in (401, 403):
        raise RegistryProblem(
            "no-right",
            f"The account signs in but may not see {name}: give it the right, or its access token more permissions.",
        )


def _hub(method: str, url: str, **more: Any) -> requests.Response:
    try:
        return requests.request(method, url, timeout=_HUB_TIMEOUT_S, allow_redirects=False, **more)
    except (requests.RequestException, OSError) as error:
        raise RegistryProblem("unreachable", f"Cannot reach {url}: {why(error)}.") from None


def _field(answer: requests.Response, name: str) -> str:
    try:
        return str(answer.json().get(name) or "")
    except (ValueError, AttributeError):
        return ""


def _k8s(endpoint: OpenEndpoint, options: Json) -> Validated:
    try:
        cluster = Cluster(endpoint)
    except TaskFailed as error:
        return Validated(ok=False, code="incomplete", message=error.message)
    try:
        return _rights(cluster, str(options.get("namespace") or cluster.namespace))
    except ClusterError as error:
        code = {401: "wrong-password", 403: "no-right", 0: "unreachable"}.get(error.status, "refused")
        return Validated(ok=False, code=code, message=error.message)
    finally:
        cluster.close()


def _rights(cluster: Cluster, namespace: str) -> Validated:
    version = str(cluster.version().get("gitVersion", "?"))
    missing = [_right(*one) for one in NEEDED if not cluster.may(*one, namespace)[0]]
    if missing:
        return Validated(
            ok=False,
            code="no-right",
            message=f"{cluster.url} ({version}) takes the sign-in, but in namespace {namespace} it may not "
            f"{', '.join(missing)}; grant that with a Role and a RoleBinding.",
            details={"missing": missing, "version": version},
        )
    wished = [_right(*one) for one in WISHED if not cluster.may(*one, namespace)[0]]
    more = f" It may not {', '.join(wished)}, so failures will be told in fewer words." if wished else ""
    return Validated(
        ok=True,
        code="ok",
        message=f"{cluster.url} ({version}) takes the sign-in and allows deploying to {namespace}.{more}",
        details={"version": version, "missing": wished},
    )


def _right(verb: str, group: str, resource: str) -> str:
    return f"{verb} {resource}.{group}" if group else f"{verb} {resource}"


_CHECKS: dict[str, Callable[[OpenEndpoint, Json], Validated]] = {"docker": _docker, "k8s": _k8s, "kubernetes": _k8s}
