"""Looking at something outside for a page: a certificate, a repository's tags, what a workload runs."""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlparse

from shared.contracts.base import Json
from shared.contracts.catalog import Inspect, Inspected
from shared.contracts.problems import Code, refuse
from shared.process.secrets import CannotOpen

from .reach import why
from .registry import Registry, RegistryProblem
from .tasks.k8s.cluster import Cluster
from .tasks.k8s.images import running
from .tasks.k8s.manifests import Ref
from .tasks.k8s.rollout import readiness
from .tasks.protocol import OpenEndpoint, TaskFailed
from .validate import Validator, account_of

_TIMEOUT_S = 10.0


class Inspector:
    """Answers `outside.inspect`."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def __call__(self, asked: Inspect) -> Inspected:
        """Look; what cannot be seen is refused with the reason."""
        look = _LOOKS.get(asked.what)
        if look is None:
            raise refuse(Code.UNSUPPORTED, f"There is no look at {asked.what!r}; there is {', '.join(_LOOKS)}.")
        try:
            endpoint = self._validator.open(asked.endpoint) if asked.endpoint is not None else None
            return Inspected(document=look(endpoint, asked.options))
        except (RegistryProblem, TaskFailed) as problem:
            raise refuse(Code.UNAVAILABLE, problem.message, subject=asked.what) from None
        except CannotOpen as error:
            raise refuse(Code.INVALID, str(error), subject=asked.what) from None


def _certificate(endpoint: OpenEndpoint | None, options: Json) -> Json:
    """The certificate that an address shows, so that a person may accept its fingerprint."""
    url = str(options.get("url") or (endpoint.text("kubernetesURL") if endpoint else ""))
    address = urlparse(url if "://" in url else f"https://{url}")
    if address.scheme != "https" or not address.hostname:
        raise refuse(Code.INVALID, f"{url or 'The address'} does not begin with https://, so it shows no certificate.")
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection((address.hostname, address.port or 443), _TIMEOUT_S) as plain:
            with context.wrap_socket(plain, server_hostname=address.hostname) as secured:
                der = secured.getpeercert(binary_form=True) or b""
    except OSError as error:
        raise refuse(Code.UNAVAILABLE, f"Cannot reach {url}: {why(error)}.") from None
    digest = hashlib.sha256(der).hexdigest().upper()
    fingerprint = ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
    return {"url": url, "fingerprint": fingerprint, "pem": ssl.DER_cert_to_PEM_cert(der)}


def _tags(endpoint: OpenEndpoint | None, options: Json) -> Json:
    if endpoint is None:
        raise refuse(Code.INVALID, "Name the docker endpoint whose tags to list.")
    account, repository = account_of(endpoint)
    repository = str(options.get("repository") or repository)
    registry = Registry(account)
    try:
        return {"repository": repository, "tags": registry.tags(repository) or []}
    finally:
        registry.close()


def _workload(endpoint: OpenEndpoint | None, options: Json) -> Json:
    """What a workload runs now."""
    if endpoint is None:
        raise refuse(Code.INVALID, "Name the k8s endpoint that has the workload.")
    cluster = Cluster(endpoint)
    try:
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
    finally:
        cluster.close()


_LOOKS: dict[str, Callable[[OpenEndpoint | None, Json], Json]] = {
    "certificate": _certificate,
    "tags": _tags,
    "workload": _workload,
}
