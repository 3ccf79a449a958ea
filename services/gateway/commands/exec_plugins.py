"""A kubeconfig's exec plugin as the sign-in at a cloud that Portside makes itself: EKS, GKE and AKS. Pure.

Nothing is run. A plugin is known by its command and by every word that it is called with: one that is not known may
change as whom it signs in or where, so it is refused. Whose keys the plugin would use is only on its author's machine.

Facts: https://docs.aws.amazon.com/cli/latest/reference/eks/get-token.html,
https://github.com/kubernetes-sigs/aws-iam-authenticator, https://cloud.google.com/kubernetes-engine/docs/how-to/cluster-access-for-kubectl
and https://azure.github.io/kubelogin/cli/get-token.html.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PureWindowsPath
from typing import Any

from shared.contracts.base import Json

_IGNORED, _SWITCH, _ELSEWHERE = "", "-", "!"
"""In place of a property: a value without bearing on the sign-in, the same without a value, and what chooses keys of
the author's machine."""


@dataclass(frozen=True, slots=True)
class CloudPlugin:
    """One program that mints a cloud's tokens for kubectl, and which property each word of its call becomes."""

    auth_type: str
    verb: tuple[str, ...]
    """The words of a call that are not flags."""
    flags: Mapping[str, str]
    variables: Mapping[str, str]
    keys: tuple[str, ...]
    """The properties that prove the identity."""
    required: tuple[str, ...] = ()


@dataclass(slots=True)
class PluginCall:
    """What a call says, flag by flag."""

    words: list[str] = field(default_factory=list)
    properties: Json = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class UnknownPlugin(Exception):
    """The plugin is none that Portside can stand in for; the text says why."""


_AWS_VARIABLES = {
    "AWS_REGION": "awsRegion",
    "AWS_DEFAULT_REGION": "awsRegion",
    "AWS_ACCESS_KEY_ID": "awsAccessKeyId",
    "AWS_SECRET_ACCESS_KEY": "awsSecretAccessKey",
    "AWS_STS_REGIONAL_ENDPOINTS": _IGNORED,
    "AWS_PROFILE": _ELSEWHERE,
    "AWS_CONFIG_FILE": _ELSEWHERE,
    "AWS_SHARED_CREDENTIALS_FILE": _ELSEWHERE,
}
_AWS_KEYS = ("awsAccessKeyId", "awsSecretAccessKey")
_MODE, _ENVIRONMENT = "mode", "environment"
"""Of kubelogin's call: they decide about properties, and are none."""

_PLUGINS = {
    "aws": CloudPlugin(
        "EKS",
        ("eks", "get-token"),
        {
            "--cluster-name": "eksCluster",
            "--cluster-id": "eksCluster",
            "--role-arn": "awsRoleArn",
            "--role": "awsRoleArn",
            "--region": "awsRegion",
            "--output": _IGNORED,
            "--color": _IGNORED,
            "--no-cli-pager": _SWITCH,
            "--debug": _SWITCH,
            "--profile": _ELSEWHERE,
        },
        _AWS_VARIABLES,
        _AWS_KEYS,
        ("eksCluster",),
    ),
    "aws-iam-authenticator": CloudPlugin(
        "EKS",
        ("token",),
        {
            "--cluster-id": "eksCluster",
            "-i": "eksCluster",
            "--role": "awsRoleArn",
            "-r": "awsRoleArn",
            "--region": "awsRegion",
            "--session-name": _IGNORED,
            "-s": _IGNORED,
            "--forward-session-name": _SWITCH,
            "--cache": _SWITCH,
        },
        _AWS_VARIABLES,
        _AWS_KEYS,
        ("eksCluster",),
    ),
    "gke-gcloud-auth-plugin": CloudPlugin(
        "GKE",
        (),
        {"--use_application_default_credentials": _SWITCH},
        {
            "USE_GKE_GCLOUD_AUTH_PLUGIN": _IGNORED,
            "GOOGLE_APPLICATION_CREDENTIALS": _ELSEWHERE,
            "CLOUDSDK_CONFIG": _ELSEWHERE,
            "CLOUDSDK_ACTIVE_CONFIG_NAME": _ELSEWHERE,
        },
        ("googleKey",),
    ),
    "kubelogin": CloudPlugin(
        "AKS",
        ("get-token",),
        {
            "--server-id": "azureServerId",
            "--tenant-id": "azureTenantId",
            "-t": "azureTenantId",
            "--client-id": "azureClientId",
            "--client-secret": "azureClientSecret",
            "--authority-host": "cloudURL",
            "--login": _MODE,
            "-l": _MODE,
            "--environment": _ENVIRONMENT,
            "-e": _ENVIRONMENT,
            "--cache-dir": _IGNORED,
            "--token-cache-dir": _IGNORED,
            "--timeout": _IGNORED,
            "--federated-token-file": _ELSEWHERE,
            "--identity-resource-id": _ELSEWHERE,
            "--username": _ELSEWHERE,
            "--password": _IGNORED,
        },
        {
            "AZURE_TENANT_ID": "azureTenantId",
            "AZURE_CLIENT_ID": "azureClientId",
            "AZURE_CLIENT_SECRET": "azureClientSecret",
            "AAD_SERVICE_PRINCIPAL_CLIENT_ID": "azureClientId",
            "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET": "azureClientSecret",
            "AAD_LOGIN_METHOD": _MODE,
            "AZURE_AUTHORITY_HOST": "cloudURL",
            "AZURE_FEDERATED_TOKEN_FILE": _ELSEWHERE,
            "AZURE_CONFIG_DIR": _ELSEWHERE,
        },
        ("azureTenantId", "azureClientId", "azureClientSecret"),
    ),
}
_AUTHORITIES = {
    "azurepubliccloud": "",
    "azurecloud": "",
    "azureusgovernmentcloud": "https://login.microsoftonline.us",
    "azureusgovernment": "https://login.microsoftonline.us",
    "azurechinacloud": "https://login.chinacloudapi.cn",
}
PROPERTIES = frozenset(
    name
    for plugin in _PLUGINS.values()
    for name in (*plugin.flags.values(), *plugin.variables.values(), *plugin.keys, "cloudIdentity")
    if name not in (_IGNORED, _SWITCH, _ELSEWHERE, _MODE, _ENVIRONMENT)
)
"""What a plugin's call may say, and what somebody may give beside the kubeconfig instead."""


def lacking_keys(properties: Json) -> list[str]:
    """What an endpoint that a plugin has become lacks to prove its identity; nothing for any other endpoint."""
    keys = next((plugin.keys for plugin in _PLUGINS.values() if plugin.auth_type == properties.get("authType")), ())
    by_pod = str(properties.get("cloudIdentity") or "").lower() == "pod"
    return [] if by_pod else [name for name in keys if not properties.get(name)]


def cloud_sign_in(plugin: Any) -> tuple[Json, list[str]]:
    """The properties that a user's `exec` becomes, with `authType`, and warnings. Raises UnknownPlugin."""
    table = plugin if isinstance(plugin, dict) else {}
    command = str(table.get("command") or "a program")
    known_plugin = _PLUGINS.get(PureWindowsPath(command).name.removesuffix(".exe"))
    if known_plugin is None:
        raise UnknownPlugin(
            f"This kubeconfig signs in by running {command[:100]}, which exists only on your machine; of such programs "
            f"Portside stands in for {', '.join(_PLUGINS)}."
        )
    call = _read(known_plugin, command, _texts(table.get("args")))
    if tuple(call.words) != known_plugin.verb:
        raise UnknownPlugin(f"This kubeconfig signs in by `{' '.join([command, *call.words])[:200]}`, {_NOT_KNOWN}.")
    _add_variables(known_plugin, call, table.get("env"))
    properties = {
        "authType": known_plugin.auth_type,
        **(_by_mode(call) if known_plugin.auth_type == "AKS" else call.properties),
    }
    if missing := [name for name in known_plugin.required if not properties.get(name)]:
        raise UnknownPlugin(f"This kubeconfig signs in by {command}, whose call does not name {' and '.join(missing)}.")
    if lacking := lacking_keys(properties):
        call.warnings.append(
            f"A kubeconfig holds no keys of a cloud: give the endpoint {' and '.join(lacking)}, or let it sign in as "
            "the runner's pod (`cloudIdentity: pod`)."
        )
    return properties, call.warnings


_NOT_KNOWN = "which Portside cannot stand in for"


def _read(plugin: CloudPlugin, command: str, words: Sequence[str]) -> PluginCall:
    call, rest = PluginCall(), list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            call.words.append(word)
            continue
        name, equals, value = word.partition("=")
        place = plugin.flags.get(name)
        if place is None:
            raise UnknownPlugin(f"This kubeconfig signs in by {command} with {name[:100]}, {_NOT_KNOWN}.")
        if place != _SWITCH and not equals:
            value = rest.pop(0) if rest else ""
        _note(call, place, f"{command} {name}", value)
    return call


def _add_variables(plugin: CloudPlugin, call: PluginCall, entries: Any) -> None:
    """The environment that the plugin is given; flags count before it."""
    for entry in entries if isinstance(entries, list) else ():
        name, value = (str(entry.get(key) or "") for key in ("name", "value")) if isinstance(entry, dict) else ("", "")
        if name == "AWS_SESSION_TOKEN" and plugin.auth_type == "EKS":
            raise UnknownPlugin("This kubeconfig has temporary keys (AWS_SESSION_TOKEN), which end within hours.")
        place = plugin.variables.get(name)
        if place is None:
            call.warnings.append(f"The variable {name[:100]} of its exec plugin is not taken over.")
        elif place not in call.properties:
            _note(call, place, name, value)


def _note(call: PluginCall, place: str, name: str, value: str) -> None:
    if place == _ELSEWHERE:
        call.warnings.append(f"The keys that {name} {value[:100]} chooses are only on your machine.")
    elif place not in (_IGNORED, _SWITCH) and value:
        call.properties[place] = value


def _by_mode(call: PluginCall) -> Json:
    """kubelogin's properties: some of its modes sign an application in; the others' client is kubelogin's own."""
    properties = dict(call.properties)
    mode = str(properties.pop(_MODE, "devicecode")).lower()
    environment = str(properties.pop(_ENVIRONMENT, "AzurePublicCloud")).lower()
    if environment not in _AUTHORITIES:
        raise UnknownPlugin(f"This kubeconfig signs in at the Azure environment {environment[:100]}, {_NOT_KNOWN}.")
    if authority := _AUTHORITIES[environment]:
        properties.setdefault("cloudURL", authority)
    if mode == "workloadidentity":
        return {**properties, "cloudIdentity": "pod"}
    if mode != "spn":
        call.warnings.append(
            f"Who signs in with `kubelogin --login {mode[:50]}` is known only on your machine: give an application of "
            "its own."
        )
        return {name: value for name, value in properties.items() if name not in ("azureClientId", "azureClientSecret")}
    return properties


def _texts(value: Any) -> list[str]:
    return [str(entry) for entry in value] if isinstance(value, list) else []
