"""A k8s endpoint: does the cluster take the sign-in, and what may its user do in the namespace?"""

from __future__ import annotations

import jwt

from services.runner.task_protocol import OpenEndpoint, TaskFailed
from services.runner.tasks.k8s.cluster import ClusterConnection
from services.runner.tasks.k8s.errors import CloudRefusal, ClusterError
from shared.contracts.base import Json
from shared.contracts.catalog import Validated
from shared.outbound.http import HttpClient
from shared.outbound.tls import CHANGED, DISTRUSTED
from shared.process.addresses import parts_of

from .certificate import explain_url
from .k8s_rights import NEEDED, WISHED, ClusterRight, manifest

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CODES = {401: "wrong-password", 403: "no-right", 0: "unreachable"}
_STEPS = {
    "wrong-password": "Put a new token or certificate into the endpoint.",
    "unreachable": "Is the address right, and can the runner's machine reach it?",
}


def check(endpoint: OpenEndpoint, options: Json, client: HttpClient) -> Validated:
    """Ask for the version, then for each right that deploying needs."""
    try:
        cluster = ClusterConnection(endpoint, client.guard)
    except TaskFailed as error:
        return Validated(ok=False, code="incomplete", message=error.message)
    try:
        return _rights(cluster, str(options.get("namespace") or cluster.namespace), endpoint.text("token"))
    except ClusterError as error:
        if error.reason in (DISTRUSTED, CHANGED):
            return explain_url(cluster.url, endpoint, client.guard, error.message)
        if isinstance(error, CloudRefusal):
            return Validated(ok=False, code=error.reason, message=error.message)
        code = _CODES.get(error.status, "refused")
        step = _STEPS.get(code, "")
        if code == "unreachable" and (host := parts_of(cluster.url).hostname or "") in _LOOPBACK:
            step = (
                f"{host} is the runner's own machine: from a container, use the cluster's address as it is seen there."
            )
        return Validated(ok=False, code=code, message=error.message, next_step=step)
    finally:
        cluster.close()


def _rights(cluster: ClusterConnection, namespace: str, token: str) -> Validated:
    version = str(cluster.version().get("gitVersion", "?"))
    missing = _missing(cluster, NEEDED, namespace)
    wished = _missing(cluster, WISHED, namespace)
    details: Json = {
        "version": version,
        "namespace": namespace,
        "missing": [str(right) for right in (*missing, *wished)],
    }
    if missing or wished:
        user = cluster.user() or _account_in(token)
        details |= {"user": user, "yaml": manifest(namespace, user)}
    if missing:
        return Validated(
            ok=False,
            code="no-right",
            message=f"{cluster.url} ({version}) takes the sign-in of {details['user'] or 'this endpoint'}, but in "
            f"namespace {namespace} it may not {_listed(missing)}.",
            next_step="Have somebody who may grant rights run kubectl apply -f with the manifest below.",
            details=details,
        )
    more = f" It may not {_listed(wished)}, so failures will be explained in less detail." if wished else ""
    return Validated(
        ok=True,
        code="ok",
        message=f"{cluster.url} ({version}) takes the sign-in and allows deploying to {namespace}.{more}",
        details=details,
    )


def _account_in(token: str) -> str:
    """The ServiceAccount that a token names itself, for clusters that do not say who asks; the token has just been
    taken, so its signature is the cluster's business."""
    try:
        subject = str(jwt.decode(token.strip(), options={"verify_signature": False}).get("sub") or "")
    except jwt.InvalidTokenError:
        return ""
    return subject if subject.startswith("system:serviceaccount:") else ""


def _missing(cluster: ClusterConnection, rights: tuple[ClusterRight, ...], namespace: str) -> list[ClusterRight]:
    return [right for right in rights if not cluster.may(right.verb, right.group, right.resource, namespace)[0]]


def _listed(rights: list[ClusterRight]) -> str:
    return ", ".join(map(str, rights))
