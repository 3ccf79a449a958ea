"""Reads one Deployment back from a cluster, by plain HTTPS calls: an eye that shares nothing with the runner."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from shared.contracts.base import Json
from shared.grammar.yaml_parser import parse_one_yaml


@dataclass(frozen=True)
class KubeconfigAccess:
    """The parts of a kubeconfig's current context that a plain HTTPS client needs."""

    server: str
    token: str = ""
    certificate: bytes = b""
    key: bytes = b""
    authority: bytes = b""
    insecure: bool = False


def read_kubeconfig(path: Path) -> KubeconfigAccess:
    """The current context of a kubeconfig; files that it names are read. Exec plugins are not run."""
    config = parse_one_yaml(path.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"])["user"]

    def content(holder: Json, name: str) -> bytes:
        if holder.get(f"{name}-data"):
            return base64.b64decode(holder[f"{name}-data"])
        return (path.parent / holder[name]).read_bytes() if holder.get(name) else b""

    return KubeconfigAccess(
        server=cluster["server"],
        token=user.get("token", ""),
        certificate=content(user, "client-certificate"),
        key=content(user, "client-key"),
        authority=content(cluster, "certificate-authority"),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
    )


SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where every pod finds its token, its namespace and the API server's certificate authority."""


def read_service_account() -> tuple[KubeconfigAccess, str]:
    """How a pod reaches its own cluster, and its namespace; raises OSError or KeyError outside a pod.

    Places and variables are those of kubernetes.io/docs/tasks/run-application/access-api-from-pod.
    """
    token = (SERVICE_ACCOUNT / "token").read_text().strip()
    authority = (SERVICE_ACCOUNT / "ca.crt").read_bytes()
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    access = KubeconfigAccess(server, token=token, authority=authority)
    return access, (SERVICE_ACCOUNT / "namespace").read_text().strip()


def _named(entries: list[Json], name: str) -> Json:
    return next(entry for entry in entries if entry["name"] == name)


class ClusterClient:
    """A few reads and creates, for the demo's own checks and for what an installation makes once."""

    def __init__(self, access: KubeconfigAccess) -> None:
        self._access = access

    def get(self, path: str, **query: str) -> Json | None:
        """One object or list, or None when it is not there."""
        with self._session() as session:
            answer = session.get(self._access.server + path, params=query, timeout=10)
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        document: Json = answer.json()
        return document

    def ensure_namespace(self, name: str) -> None:
        """Create a namespace where it does not exist."""
        if self.get(f"/api/v1/namespaces/{name}") is None:
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            with self._session() as session:
                session.post(f"{self._access.server}/api/v1/namespaces", json=body, timeout=10).raise_for_status()

    def create_secret(self, namespace: str, name: str, texts: Mapping[str, str]) -> bool:
        """Make a Secret; one that exists stays as it is. Returns whether it was made."""
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": dict(texts)}
        with self._session() as session:
            answer = session.post(f"{self._access.server}/api/v1/namespaces/{namespace}/secrets", json=body, timeout=10)
        if answer.status_code == 409:
            return False
        answer.raise_for_status()
        return True

    @contextmanager
    def _session(self) -> Iterator[requests.Session]:
        access = self._access
        with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
            # A CA bundle named in the environment would overrule what the kubeconfig says.
            session.trust_env = False
            if access.token:
                session.headers["Authorization"] = f"Bearer {access.token}"
            if access.certificate:
                files = (Path(folder) / "cert", Path(folder) / "key")
                files[0].write_bytes(access.certificate)
                files[1].write_bytes(access.key)
                session.cert = (str(files[0]), str(files[1]))
            if access.insecure:
                session.verify = False
                urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
            elif access.authority:
                (Path(folder) / "ca").write_bytes(access.authority)
                session.verify = str(Path(folder) / "ca")
            yield session
