"""A kubeconfig that somebody pasted, as the properties of a Kubernetes endpoint. Pure.

Nothing of it is run or read from disk: exec plugins and files that only the author's machine has are refused with the
command that makes the file whole.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import yaml

from shared.contracts.base import Json
from shared.contracts.problems import Code, Flaw, Problem, Refused

_WHOLE = "Run `kubectl config view --raw --flatten --minify` and paste what it prints."
_PATH = "properties.kubeconfig"
_FILES = {
    "certificate-authority": "cluster",
    "client-certificate": "user",
    "client-key": "user",
    "tokenFile": "user",
}


def _refused(message: str, hint: str = "") -> Refused:
    return Refused(
        Problem(
            code=Code.INVALID,
            message=message,
            subject=_PATH,
            next_step=hint,
            flaws=(Flaw(message=message, path=_PATH, hint=hint or None),),
        )
    )


def contexts(text: str) -> list[str]:
    """The names of the contexts in a kubeconfig, the current one first."""
    config = _load(text)
    current = str(config.get("current-context") or "")
    names = [str(entry.get("name")) for entry in _entries(config, "contexts")]
    return sorted(names, key=lambda name: name != current)


def import_kubeconfig(properties: Json) -> Json:
    """The properties with `kubeconfig` (and `context`) replaced by what one context of it says. Raises `Refused`."""
    text = properties.get("kubeconfig")
    rest = {key: value for key, value in properties.items() if key not in ("kubeconfig", "context")}
    if not text:
        return rest
    config = _load(str(text))
    wanted = str(properties.get("context") or config.get("current-context") or "")
    names = [str(entry.get("name")) for entry in _entries(config, "contexts")]
    if not wanted and len(names) == 1:
        wanted = names[0]
    if wanted not in names:
        offered = ", ".join(names) or "none at all"
        raise _refused(
            f"The kubeconfig has no context {wanted or 'chosen'}; it has {offered}.", "Set properties.context."
        )
    context = _part(config, "contexts", wanted, "context")
    cluster = _part(config, "clusters", str(context.get("cluster")), "cluster")
    user = _part(config, "users", str(context.get("user")), "user") if context.get("user") else {}
    _refuse_what_cannot_travel(cluster, user)
    imported: Json = {"kubernetesURL": str(cluster.get("server") or "")}
    if authority := cluster.get("certificate-authority-data"):
        imported["certAuthorityData"] = _pem(authority, "certificate-authority-data")
    if cluster.get("insecure-skip-tls-verify"):
        imported["insecureSkipTLSVerify"] = True
    if context.get("namespace"):
        imported["namespace"] = str(context["namespace"])
    return {**rest, **imported, **_credentials(user, wanted)}


def _credentials(user: Json, context: str) -> Json:
    if user.get("token"):
        return {"authType": "token", "token": str(user["token"])}
    if user.get("client-certificate-data"):
        return {
            "authType": "certificate",
            "certData": _pem(user["client-certificate-data"], "client-certificate-data"),
            "certKeyData": _pem(user.get("client-key-data") or "", "client-key-data"),
        }
    if user.get("username"):
        return {"authType": "basicAuth", "userName": str(user["username"]), "password": str(user.get("password") or "")}
    raise _refused(
        f"The user of context {context} has no token, certificate or password.",
        "Make a ServiceAccount with a token and use that.",
    )


def _refuse_what_cannot_travel(cluster: Json, user: Json) -> None:
    for plugin in ("exec", "auth-provider"):
        if user.get(plugin):
            command = str((user[plugin] or {}).get("command") or (user[plugin] or {}).get("name") or plugin)
            raise _refused(
                f"This kubeconfig signs in by running {command}, which exists on your machine only.",
                "Make a ServiceAccount with a token and use that.",
            )
    for key, holder in _FILES.items():
        values = cluster if holder == "cluster" else user
        if values.get(key) and not values.get(f"{key}-data"):
            raise _refused(
                f"The kubeconfig names the file {values[key]} ({key}), which is on your machine only.", _WHOLE
            )


def _load(text: str) -> Json:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _refused(f"The kubeconfig is not valid YAML{place}.", _WHOLE) from None
    if not isinstance(config, dict):
        raise _refused("The kubeconfig is not a YAML object.", _WHOLE)
    return config


def _entries(config: Json, key: str) -> list[Json]:
    value = config.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _part(config: Json, key: str, name: str, inner: str) -> Json:
    for entry in _entries(config, key):
        if str(entry.get("name")) == name:
            found: Any = entry.get(inner)
            return found if isinstance(found, dict) else {}
    raise _refused(f"The kubeconfig refers to {inner} {name}, which is not in it.", _WHOLE)


def _pem(data: Any, key: str) -> str:
    try:
        return base64.b64decode(str(data), validate=False).decode()
    except (binascii.Error, ValueError):
        raise _refused(f"{key} in the kubeconfig is not base64 of a PEM text.", _WHOLE) from None
