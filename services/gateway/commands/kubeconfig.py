"""A kubeconfig that somebody pasted, as the properties of a Kubernetes endpoint. Pure.

Nothing of it is run or read from disk: the exec plugins of `exec_plugins` become sign-ins at their clouds, any other is
refused with the reason, and so are files that only the author's machine has, unless the caller sends their contents
along (`files`, by the names that the kubeconfig uses).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from shared.contracts.base import Json
from shared.contracts.problems import Code, Flaw, Problem, Refused
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml
from shared.process.addresses import parts_of

from .exec_plugins import PROPERTIES, UnknownPlugin, cloud_sign_in

_FLATTEN = "Run `kubectl config view --raw --flatten --minify` and paste what it prints."
_ACCOUNT = "Create a ServiceAccount with a token and use that."
_SUCCESSORS = {
    "gcp": "Run `gcloud container clusters get-credentials` again: it writes gke-gcloud-auth-plugin instead.",
    "azure": "Run `kubelogin convert-kubeconfig`: it writes kubelogin instead.",
}
"""What has taken the place of the plugins that kubectl had itself until 1.26, and is known here."""
_PATH = "properties.kubeconfig"
_FILES = {
    "certificate-authority": "certificate-authority-data",
    "client-certificate": "client-certificate-data",
    "client-key": "client-key-data",
    "tokenFile": "token",
}
"""Keys that name a file, and where its content may be instead."""
_USED = {
    "cluster": {"server", "insecure-skip-tls-verify", "tls-server-name", "proxy-url"},
    "user": {"username", "password", "exec", "auth-provider", "as", "as-groups", "as-user-extra"},
    "context": {"cluster", "user", "namespace"},
}
"""Keys of client-go's `Config` (k8s.io/client-go/tools/clientcmd/api/v1), beside those of files, that an endpoint takes
over or that are refused on their own."""
_REFUSED = {
    "as-uid": "Portside cannot act under another user's id: remove as-uid.",
}
"""Keys that Portside lacks and that change which server answers or with which rights."""


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


def described(text: str, files: Mapping[str, str] | None = None) -> Json:
    """The contexts of a kubeconfig, the current one first: its server, how it signs in, its problem and its warnings.

    Raises `Refused` when the text is not a kubeconfig."""
    config = _load(text)
    current = str(config.get("current-context") or "")
    names = [str(entry.get("name")) for entry in _entries(config, "contexts")]
    return {
        "contexts": [
            _described(config, name, name == current, files or {})
            for name in sorted(names, key=lambda name: name != current)
        ]
    }


def _described(config: Json, name: str, current: bool, files: Mapping[str, str]) -> Json:
    description: Json = {"name": name, "current": current, "url": "", "namespace": "", "authType": "", "problem": "",
                   "nextStep": "", "warnings": []}  # fmt: skip
    try:
        properties = _imported(config, name, files)
    except Refused as refused:
        problem = refused.problem
        return {**description, "problem": problem.message, "nextStep": problem.next_step}
    url = str(properties["kubernetesURL"])
    return {
        **description,
        "url": url,
        "namespace": properties.get("namespace", ""),
        "authType": properties["authType"],
        "warnings": [
            *([warning] if (warning := loopback_warning(url)) else []),
            *_unused(config, name),
            *_plugin(_user(config, name))[1],
        ],
    }


def import_kubeconfig(properties: Json) -> Json:
    """The properties with `kubeconfig`, `context` and `files` replaced by what one context says. Raises `Refused`.

    What the caller gives of a sign-in at a cloud counts before what the kubeconfig says of it.
    """
    text = properties.get("kubeconfig")
    rest = {key: value for key, value in properties.items() if key not in ("kubeconfig", "context", "files")}
    if not text:
        return rest
    config = _load(str(text))
    context_name = str(properties.get("context") or config.get("current-context") or "")
    names = [str(entry.get("name")) for entry in _entries(config, "contexts")]
    if not context_name and len(names) == 1:
        context_name = names[0]
    if context_name not in names:
        offered = ", ".join(names) or "none at all"
        raise _refused(
            f"The kubeconfig has no context {context_name or 'chosen'}; it has {offered}.", "Set properties.context."
        )
    files = properties.get("files")
    own = {name: value for name, value in rest.items() if name in PROPERTIES and value}
    return {**rest, **_imported(config, context_name, files if isinstance(files, dict) else {}), **own}


def _imported(config: Json, context_name: str, files: Mapping[str, str]) -> Json:
    context = _part(config, "contexts", context_name, "context")
    cluster = _whole(_part(config, "clusters", str(context.get("cluster")), "cluster"), files)
    user = _whole(_user(config, context_name), files)
    cloud, _ = _plugin(user)
    _refuse_unsupported(cluster, user)
    if not cluster.get("server"):
        raise _refused(f"The cluster of context {context_name} has no server.", _FLATTEN)
    imported: Json = {"kubernetesURL": str(cluster["server"])}
    if authority := cluster.get("certificate-authority-data"):
        imported["certAuthorityData"] = _pem(authority, "certificate-authority-data")
    if cluster.get("insecure-skip-tls-verify"):
        imported["insecureSkipTLSVerify"] = True
    if context.get("namespace"):
        imported["namespace"] = str(context["namespace"])
    if cluster.get("tls-server-name"):
        imported["tlsServerName"] = str(cluster["tls-server-name"])
    imported |= _proxy(cluster) | _impersonated(user)
    return {**imported, **(cloud or _credentials(user, context_name))}


def _user(config: Json, context_name: str) -> Json:
    context = _part(config, "contexts", context_name, "context")
    return _part(config, "users", str(context["user"]), "user") if context.get("user") else {}


def _proxy(cluster: Json) -> Json:
    """Through which proxy the cluster is reached; its password goes into a property of its own."""
    text = str(cluster.get("proxy-url") or "")
    if not text:
        return {}
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused("The kubeconfig's proxy-url is not a URL.") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _refused(
            f"The kubeconfig has the proxy-url {parts.scheme}://…: Portside speaks to HTTP proxies only.",
            "Name an HTTP proxy that lets CONNECT through.",
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    fields = {
        "proxyURL": f"{parts.scheme}://{host}" + (f":{port}" if port else ""),
        "proxyUser": unquote(parts.username or ""),
        "proxyPassword": unquote(parts.password or ""),
    }
    return {name: value for name, value in fields.items() if value}


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
        _ACCOUNT,
    )


def _plugin(user: Json) -> tuple[Json, list[str]]:
    """The sign-in at a cloud that the user's plugin stands for, with warnings; empty where it has none."""
    if provider := user.get("auth-provider"):
        name = str((provider if isinstance(provider, dict) else {}).get("name") or "auth-provider")
        raise _refused(
            f"This kubeconfig signs in by kubectl's former plugin {name}, which exists only on your machine.",
            _SUCCESSORS.get(name, _ACCOUNT),
        )
    if not user.get("exec"):
        return {}, []
    try:
        return cloud_sign_in(user["exec"])
    except UnknownPlugin as unknown:
        raise _refused(str(unknown), _ACCOUNT) from None


def _refuse_unsupported(*parts: Json) -> None:
    for part in parts:
        for key, reason in _REFUSED.items():
            if part.get(key):
                raise _refused(f"The kubeconfig has {key}. {reason}")


def _unused(config: Json, context_name: str) -> list[str]:
    """A warning for each key that the endpoint leaves out."""
    context = _part(config, "contexts", context_name, "context")
    parts = {"context": context, "cluster": _part(config, "clusters", str(context.get("cluster")), "cluster")}
    if user := _user(config, context_name):
        parts["user"] = user
    return [
        f"The {name}'s {key} is not taken over: Portside does not use it."
        for name, part in parts.items()
        for key in sorted(map(str, part))
        if key not in _USED[name] and key not in {*_REFUSED, *_FILES, *_FILES.values()}
    ]


def _impersonated(user: Json) -> Json:
    """As whom requests are made: `as`, `as-groups` and `as-user-extra`."""
    groups, extra = user.get("as-groups") or [], user.get("as-user-extra") or {}
    if not user.get("as"):
        if groups or extra:
            raise _refused("The kubeconfig has as-groups or as-user-extra without as.", "Name the user in as.")
        return {}
    if not isinstance(groups, list) or not isinstance(extra, dict):
        raise _refused("as-groups must be a list, and as-user-extra an object of lists.")
    pairs = [
        (key, value) for key, values in extra.items() for value in (values if isinstance(values, list) else [values])
    ]
    fields = {
        "impersonateUser": str(user["as"]),
        "impersonateGroups": "\n".join(map(str, groups)),
        "impersonateExtra": "\n".join(f"{key}: {value}" for key, value in pairs),
    }
    return {name: text for name, text in fields.items() if text}


def _whole(part: Json, files: Mapping[str, str]) -> Json:
    """A cluster or user with the contents of the files that it names."""
    whole = dict(part)
    for key, embedded in _FILES.items():
        name = part.get(key)
        if not name or whole.get(embedded):
            continue
        content = files.get(str(name))
        if content is None:
            raise _refused(
                f"The kubeconfig refers to the file {name} ({key}), which exists only on your machine.", _FLATTEN
            )
        whole[embedded] = content.strip() if embedded == "token" else base64.b64encode(content.encode()).decode()
    return whole


def loopback_warning(url: str) -> str:
    """What will surprise about an address that only one machine has; empty for others."""
    host = parts_of(url).hostname or ""
    if host not in ("localhost", "::1", "0.0.0.0") and not host.startswith("127."):
        return ""
    return (
        f"{host} is the runner's own machine: inside a container it does not reach this cluster. Use an address that "
        "is reachable from the container, or run Portside on the machine itself."
    )


def _load(text: str) -> Json:
    try:
        config = parse_one_yaml(text, MANIFESTS)
    except Malformed as error:
        raise _refused(f"The kubeconfig cannot be read{error.described}.", _FLATTEN) from None
    if not isinstance(config, dict):
        raise _refused("The kubeconfig is not a YAML object.", _FLATTEN)
    return config


def _entries(config: Json, key: str) -> list[Json]:
    value = config.get(key)
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _part(config: Json, key: str, name: str, inner: str) -> Json:
    for entry in _entries(config, key):
        if str(entry.get("name")) == name:
            part: Any = entry.get(inner)
            return part if isinstance(part, dict) else {}
    raise _refused(f"The kubeconfig refers to {inner} {name}, which it does not contain.", _FLATTEN)


def _pem(data: Any, key: str) -> str:
    try:
        return base64.b64decode(str(data), validate=False).decode()
    except (binascii.Error, ValueError):
        raise _refused(f"{key} in the kubeconfig is not base64-encoded PEM.", _FLATTEN) from None
