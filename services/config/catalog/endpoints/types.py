"""Endpoint types: how they and their properties are spelled, and what each lacks. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.config.catalog.endings import is_day
from shared.contracts.base import Json
from shared.contracts.endpoint_names import DOCKER_HOST, is_docker_host, renamed
from shared.contracts.problems import Flaw
from shared.contracts.texts import whole_number
from shared.grammar.repositories import HUB_HOST, read_repository, registry_of, repository_of
from shared.process.addresses import may_be_local, parts_of

from .properties import EndpointProperty
from .schemas import TYPES

_ALIASES = {
    "docker": "docker",
    "dockerregistry": "docker",
    "dockerhub": "docker",
    "k8s": "k8s",
    "kubernetes": "k8s",
    "git": "git",
    "email": "email",
    "mail": "email",
    "slack": "slack",
    "teams": "teams",
    "msteams": "teams",
    "microsoftteams": "teams",
    "discord": "discord",
    "pagerduty": "pagerduty",
    "webhook": "webhook",
    "dockerhost": DOCKER_HOST,
    "jenkins": "jenkins",
    "jenkinsserver": "jenkins",
    "jira": "jira",
    "agent": "agent",
    "gerrit": "gerrit",
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
    "ecr": "ECR",
    "gar": "GAR",
    "acr": "ACR",
}
_KEPT_NAMES = {"docker": ("dockerNamespace",)}
"""Names that older exports carry: spelled as we read them, asked for by no form."""

_GIT_ADDRESS = re.compile(r"(?:https?|ssh)://[^\s/-][^\s/]*/\S+|\w[\w.-]*@\w[\w.-]*:\S+", re.ASCII)
_WITH_PASSWORD = re.compile(r"\w+://[^/@\s]*:[^/@\s]+@", re.ASCII)
_ADDRESSES = {
    "docker": ("registryURL", "hubURL", "realm", "cloudURL"),
    "k8s": ("kubernetesURL", "proxyURL", "cloudURL"),
    "git": ("repoURL",),
    "email": ("outboundHost",),
    "webhook": ("url",),
    "pagerduty": ("url",),
}
_PORTS = range(1, 65_536)


def endpoint_type(text: str, properties: Mapping[str, Any] | None = None) -> str:
    """The type as it is stored; one that we do not know keeps its spelling. A Docker host calls itself `docker` too."""
    type_ = _ALIASES.get(text.strip().casefold().replace("-", "").replace("_", ""), text.strip())
    return DOCKER_HOST if type_ == "docker" and is_docker_host(properties or {}) else type_


def server_type(text: str) -> str:
    """`DockerHub`, `DTR` or `OCI`; what is none of them stays as it was written."""
    return _SERVER_TYPES.get(text.strip().casefold(), text.strip()) if text.strip() else ""


def spelled(type_: str, properties: Mapping[str, Any]) -> Json:
    """Properties under the names that we read and choices as we write them, whatever case they were written in."""
    table = TYPES.get(type_)
    if table is None:
        return dict(properties)
    names = {name.casefold(): name for name in _KEPT_NAMES.get(type_, ())}
    names |= {field.name.casefold(): field.name for field in table.properties}
    result = {names.get(key.casefold(), key): value for key, value in renamed(type_, properties).items()}
    if type_ == "docker":
        kind = server_type(str(result.get("serverType") or ""))
        result["serverType"] = kind or _guess_server(str(result.get("repoURL") or ""))
    elif (guess := _GUESSES.get(type_)) is not None and not result.get("authType"):
        result["authType"] = guess(result)
    for field in table.properties:
        value_sent = result.get(field.name)
        # A default is that of a choice that was made: an endpoint without a cloud has none of a cloud's.
        if value_sent in (None, "") and not _applies(field, result):
            continue
        if (value := _normal(field, value_sent)) is not None:
            result[field.name] = value
    return result


def servers(type_: str, properties: Mapping[str, Any]) -> frozenset[str]:
    """The servers that an endpoint signs in at, as they are written: scheme, host and port."""
    hosts = {_origin(str(properties.get(name) or "")) for name in _ADDRESSES.get(type_, ())}
    if type_ == "docker":
        hosts.add(_docker_host(str(properties.get("repoURL") or "")))
    return frozenset(hosts - {""})


def _docker_host(repo_url: str) -> str:
    return _origin(repo_url) if "${" in repo_url else read_repository(repo_url).host


def _origin(address: str) -> str:
    """Of `git@host:path` the host; of any other text the text itself."""
    text = address.strip()
    if (parts := parts_of(text)).netloc:
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".casefold()
    return text.rpartition("@")[2].partition(":")[0].casefold() if "@" in text else text.casefold()


def flaws_of(type_: str, properties: Mapping[str, Any], secrets: Mapping[str, Any]) -> list[Flaw]:
    """What the endpoint lacks or has wrong, all at once."""
    table = TYPES.get(type_)
    if table is None:
        return []
    fields = [field for field in table.properties if _applies(field, properties)]
    flaws = [flaw for field in fields if (flaw := _flaw(field, properties, secrets)) is not None]
    repo_url = str(properties.get("repoURL") or "")
    if (reason := for_administrators(properties)) is not None:
        flaws += _indirect_addresses(type_, properties, reason.property)
    if type_ == "docker":
        flaws += _docker_flaws(properties)
    if type_ == "git" and repo_url.strip() and "${" not in repo_url and not _GIT_ADDRESS.fullmatch(repo_url.strip()):
        hint = table.property("repoURL").help
        flaws.append(Flaw(message="repoURL is not the address of a Git server", path="properties.repoURL", hint=hint))
    return flaws


@dataclass(frozen=True, slots=True)
class AdministratorReason:
    """Why administrators alone may set an endpoint up: the property that says it, and what it would allow."""

    property: str
    allows: str
    instead: str


_REASONS = (
    (
        may_be_local,
        AdministratorReason("allowLocal", "be allowed to reach the runner's own machine", "Leave allowLocal off"),
    ),
    (
        lambda properties: str(properties.get("cloudIdentity") or "").strip().lower() == "pod",
        AdministratorReason("cloudIdentity", "sign in as the runner's own pod", "Give it keys of its own"),
    ),
)


def for_administrators(properties: Mapping[str, Any]) -> AdministratorReason | None:
    """Whether an endpoint uses what belongs to the runner: its properties then say where that goes."""
    return next((reason for applies, reason in _REASONS if applies(properties)), None)


def _indirect_addresses(type_: str, properties: Mapping[str, Any], property_name: str) -> list[Flaw]:
    """Anyone who may change a variable would choose the address."""
    names = {*_ADDRESSES.get(type_, ()), "url", "repoURL"}
    message = f"{property_name} needs an address that is written out, not taken from a variable"
    return [
        Flaw(message=message, path=f"properties.{name}")
        for name in sorted(names)
        if "${" in str(properties.get(name) or "")
    ]


def _docker_flaws(properties: Mapping[str, Any]) -> list[Flaw]:
    addresses = {name: str(properties.get(name) or "").strip() for name in ("repoURL", "registryURL", "hubURL")}
    if not addresses["repoURL"] or any("${" in address for address in addresses.values()):
        return []
    flaws = [Flaw(message=problem, path="properties.repoURL") for problem in repository_of(properties).problems]
    kind, host = properties.get("serverType"), registry_of(properties).host
    if kind == "DockerHub" and host != HUB_HOST and not addresses["registryURL"] and not addresses["hubURL"]:
        message = f"repoURL names the registry {host}, and serverType is DockerHub"
        hint = "Choose OCI; for a stand-in of Docker Hub's give hubURL and registryURL."
        flaws.append(Flaw(message=message, path="properties.serverType", hint=hint))
    if kind in ("DTR", "OCI", "ECR", "GAR", "ACR") and host == HUB_HOST and not _names_host(addresses["repoURL"]):
        hint = "Write it as registry.example.com/acme/web, give registryURL, or choose serverType DockerHub."
        flaws.append(Flaw(message="repoURL does not name the registry", path="properties.repoURL", hint=hint))
    return flaws


def _names_host(repo_url: str) -> bool:
    return read_repository(repo_url, default_host="").host != ""


def _guess_server(repo_url: str) -> str:
    return "DockerHub" if read_repository(repo_url).host == HUB_HOST else "OCI"


def _guess_cluster_auth(properties: Mapping[str, Any]) -> str:
    if properties.get("certData") or properties.get("certKeyData"):
        return "certificate"
    if properties.get("userName"):
        return "basicAuth"
    return "token" if properties.get("token") or properties.get("kubernetesURL") else "inCluster"


def _guess_git_auth(properties: Mapping[str, Any]) -> str:
    return next((kind for kind in ("privateKey", "token", "password") if properties.get(kind)), "none")


_GUESSES = {"k8s": _guess_cluster_auth, "git": _guess_git_auth}


def _normal(field: EndpointProperty, value_sent: Any) -> Any:
    if value_sent is None or value_sent == "":
        return field.default
    if not isinstance(value_sent, str):
        return value_sent
    if field.kind == "number" and (whole := whole_number(value_sent.strip())) is not None:
        return whole
    return {value.casefold(): value for value, _ in field.choices}.get(value_sent.strip().casefold(), value_sent)


def _applies(field: EndpointProperty, properties: Mapping[str, Any]) -> bool:
    return all(properties.get(name) in values for name, values in field.when.items())


def _flaw(field: EndpointProperty, properties: Mapping[str, Any], secrets: Mapping[str, Any]) -> Flaw | None:
    path, value = f"properties.{field.name}", properties.get(field.name)
    if value is None or not str(value).strip():
        if not field.required or field.name in secrets:
            return None
        with_ = " and".join(f" with {name} {properties[name]}" for name in field.when)
        return Flaw(message=f"{field.name} is required{with_}", path=path, hint=field.help or None)
    text = str(value)
    if "${" in text:
        return None
    if field.kind in ("url", "text") and _WITH_PASSWORD.match(text):
        return Flaw(
            message=f"{field.name} holds a password, which would be shown: give it in a field of its own", path=path
        )
    if field.kind == "url" and not text.startswith(("https://", "http://")):
        return Flaw(message=f"{field.name} must begin with https:// or http://", path=path, hint=field.help or None)
    if field.kind == "number" and whole_number(text) not in _PORTS:
        return Flaw(message=f"{field.name} must be a number from 1 to 65535, not {text[:50]!r}", path=path)
    if field.kind == "date" and not is_day(text):
        return Flaw(message=f"{field.name} must be a day such as 2027-03-31, not {text[:50]!r}", path=path)
    if field.choices and text not in (values := [value for value, _ in field.choices]):
        return Flaw(message=f"{field.name} {text[:50]!r} is not known", path=path, hint=f"one of {', '.join(values)}")
    return None
