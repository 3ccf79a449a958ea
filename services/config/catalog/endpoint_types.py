"""Endpoint types: how they and their properties are spelled, and what each requires. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.contracts.problems import Flaw

from .repositories import read_repository
from .values import Repository

Json = dict[str, Any]

_ALIASES = {
    "docker": "docker",
    "dockerregistry": "docker",
    "dockerhub": "docker",
    "k8s": "k8s",
    "kubernetes": "k8s",
    "git": "git",
    "email": "email",
    "slack": "slack",
    "webhook": "webhook",
    "jenkins": "jenkins",
    "jira": "jira",
    "agent": "agent",
    "gerrit": "gerrit",
}
_SPELLINGS = {
    "docker": [
        "serverType",
        "repoURL",
        "username",
        "password",
        "token",
        "hubURL",
        "registryURL",
        "fingerprint",
        "caCertificate",
        "dockerNamespace",
    ],
    "k8s": [
        "kubernetesURL",
        "authType",
        "token",
        "certAuthorityData",
        "certData",
        "certKeyData",
        "userName",
        "password",
        "fingerprint",
        "insecureSkipTLSVerify",
        "namespace",
        "kubeconfig",
    ],
}
_SERVER_TYPES = {
    "dockerhub": "DockerHub",
    "docker_hub": "DockerHub",
    "docker hub": "DockerHub",
    "docker": "DockerHub",
    "dtr": "DTR",
    "docker_trusted_registry": "DTR",
    "dockertrustedregistry": "DTR",
    "docker trusted registry": "DTR",
    "oci": "OCI",
    "registry": "OCI",
}
AUTH_NEEDS: dict[str, tuple[str, ...]] = {
    "token": ("token",),
    "certificate": ("certData", "certKeyData"),
    "basicauth": ("userName", "password"),
    "incluster": (),
    "kubeconfig": (),
}
"""Properties that each `authType` of a cluster needs."""

DEFAULT_HUB = "https://hub.docker.com"
DEFAULT_REGISTRY = "https://registry-1.docker.io"


def endpoint_type(text: str) -> str:
    """The type as it is stored; one that we do not know keeps its spelling."""
    return _ALIASES.get(text.strip().casefold().replace("-", "").replace("_", ""), text.strip())


def server_type(text: str) -> str:
    """`DockerHub`, `DTR` or `OCI`; what is none of them stays as it was written."""
    return _SERVER_TYPES.get(text.strip().casefold(), text.strip()) if text.strip() else ""


def spelled(type_: str, properties: Mapping[str, Any]) -> Json:
    """Properties under the names that we read, whatever case they were written in."""
    names = {name.casefold(): name for name in _SPELLINGS.get(type_, ())}
    result = {names.get(key.casefold(), key): value for key, value in properties.items()}
    if type_ == "docker":
        kind = server_type(str(result.get("serverType") or ""))
        result["serverType"] = kind or _guess_server(str(result.get("repoURL") or ""))
    if type_ == "k8s" and not result.get("authType"):
        result["authType"] = _guess_auth(result)
    return result


def flaws_of(type_: str, properties: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[Flaw]:
    """What the endpoint lacks or has wrong, all at once."""
    if type_ == "docker":
        return _docker_flaws(properties)
    if type_ == "k8s":
        return _k8s_flaws(properties, secrets)
    return []


def repository_of(properties: Mapping[str, Any]) -> Repository:
    """Where the images of a docker endpoint live."""
    written = str(properties.get("repoURL") or "")
    found = read_repository(written)
    if properties.get("serverType") == "DockerHub" and found.host != "docker.io":
        # A stand-in for Docker Hub has its pages at the same paths, and images are still named without its host.
        return read_repository(
            "https://hub.docker.com/" + "/".join(part for part in (found.namespace, found.name) if part)
        )
    return found


def _guess_server(repo_url: str) -> str:
    return "DockerHub" if read_repository(repo_url).host == "docker.io" else "OCI"


def _guess_auth(properties: Mapping[str, Any]) -> str:
    if properties.get("certData") or properties.get("certKeyData"):
        return "certificate"
    if properties.get("userName"):
        return "basicAuth"
    return "token" if properties.get("token") or properties.get("kubernetesURL") else "inCluster"


def _docker_flaws(properties: Mapping[str, Any]) -> list[Flaw]:
    flaws = []
    kind = properties.get("serverType")
    if kind not in ("DockerHub", "DTR", "OCI"):
        flaws.append(
            Flaw(
                message=f"serverType {kind!r} is not known", path="properties.serverType", hint="DockerHub, DTR or OCI"
            )
        )
    written = str(properties.get("repoURL") or "")
    if not written.strip():
        flaws.append(
            Flaw(
                message="repoURL is required",
                path="properties.repoURL",
                hint="https://hub.docker.com/r/acme/web, acme/web, or a namespace such as acme",
            )
        )
    elif "${" not in written:
        flaws += [Flaw(message=problem, path="properties.repoURL") for problem in repository_of(properties).problems]
    return flaws + _url_flaws(properties, ("hubURL", "registryURL"))


def _k8s_flaws(properties: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[Flaw]:
    auth = str(properties.get("authType") or "").casefold()
    if auth not in AUTH_NEEDS:
        return [
            Flaw(
                message=f"authType {properties.get('authType')!r} is not known",
                path="properties.authType",
                hint="token, certificate, basicAuth, inCluster or kubeconfig",
            )
        ]
    flaws = []
    if auth not in ("incluster", "kubeconfig") and not properties.get("kubernetesURL"):
        flaws.append(
            Flaw(
                message="kubernetesURL is required",
                path="properties.kubernetesURL",
                hint="the address of the cluster's API, such as https://10.0.0.1:6443",
            )
        )
    missing = [name for name in AUTH_NEEDS[auth] if not properties.get(name) and name not in secrets]
    flaws += [
        Flaw(message=f"{name} is required with authType {properties['authType']}", path=f"properties.{name}")
        for name in missing
    ]
    return flaws + _url_flaws(properties, ("kubernetesURL",))


def _url_flaws(properties: Mapping[str, Any], names: tuple[str, ...]) -> list[Flaw]:
    return [
        Flaw(message=f"{name} must begin with https:// or http://", path=f"properties.{name}")
        for name in names
        if (value := str(properties.get(name) or ""))
        and "${" not in value
        and not value.startswith(("https://", "http://"))
    ]
