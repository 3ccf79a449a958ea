"""Secrets in a body leave the gateway sealed or hashed, with the mask in their place. Pure but for the seal."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Kind
from shared.contracts.secrets import (
    LISTENER_SECRETS,
    MASK,
    SECRET_VARIABLE_TYPES,
    WEBHOOK_SECRETS,
    endpoint_secret_keys,
)
from shared.process.secrets import may_be_token, password_digest, token_hash

from .kubeconfig import import_kubeconfig

Seal = Callable[[str], Sealed]
Mint = Callable[[], str]

PASSWORDS = ("password", "oldPassword")


@dataclass(slots=True)
class Wrapped:
    """A body that may travel: `minted` are clear values that only the answer to its creator may hold, once."""

    body: Json
    sealed: dict[str, Sealed] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)
    minted: dict[str, str] = field(default_factory=dict)


def is_secret(value: Any) -> bool:
    """Is there a secret to seal? A blank, the mask and a reference such as `${var.x}` are none; a number is one."""
    if isinstance(value, int | float):
        return not isinstance(value, bool)
    if not isinstance(value, str) or value in ("", MASK):
        return False
    return not (value.startswith("${") and value.endswith("}"))


def wrap(kind: Kind, body: Json, seal: Seal, mint: Mint, *, creating: bool) -> Wrapped:
    """The body of a create, replace or patch without its secrets."""
    wrapped = Wrapped(deepcopy(body))
    rule = _RULES.get(kind)
    if rule is not None:
        rule(wrapped, seal, mint, creating)
    return wrapped


def _take(wrapped: Wrapped, holder: Json, key: str, path: str, seal: Seal) -> None:
    wrapped.sealed[path] = seal(str(holder[key]))
    holder[key] = MASK


def endpoint_paths(type_: str, properties: Json) -> list[str]:
    """The keys of an endpoint's properties that hold a secret now, in whatever case they are written."""
    names = {name.casefold() for name in endpoint_secret_keys(type_, properties)}
    return [key for key, value in properties.items() if key.casefold() in names and is_secret(value)]


def _endpoint(wrapped: Wrapped, seal: Seal, _mint: Mint, _creating: bool) -> None:
    _properties(wrapped, wrapped.body, "", seal)


def _properties(wrapped: Wrapped, endpoint: Json, prefix: str, seal: Seal) -> None:
    properties = endpoint.get("properties")
    if not isinstance(properties, dict):
        return
    properties = endpoint["properties"] = import_kubeconfig(properties)
    for key in endpoint_paths(str(endpoint.get("type") or ""), properties):
        _take(wrapped, properties, key, f"{prefix}properties.{key}", seal)


def _variable(wrapped: Wrapped, seal: Seal, _mint: Mint, _creating: bool) -> None:
    value = wrapped.body.get("value")
    if str(wrapped.body.get("type") or "").upper() not in SECRET_VARIABLE_TYPES or value is None:
        return
    # A number or a truth value is a secret too once it is declared one; and a reference is just text here.
    wrapped.body["value"] = value if isinstance(value, str) else str(value)
    if wrapped.body["value"] not in ("", MASK):
        if may_be_token(wrapped.body["value"]):
            # A webhook may act by it: config must know which token it is, and cannot open it.
            wrapped.hashes["value"] = token_hash(wrapped.body["value"])
        _take(wrapped, wrapped.body, "value", "value", seal)


def _webhook(wrapped: Wrapped, seal: Seal, mint: Mint, creating: bool) -> None:
    body = wrapped.body
    if isinstance(endpoint := body.get("endpoint"), dict):
        # A new endpoint in the same call; it is a registry unless it says otherwise.
        endpoint.setdefault("type", "docker")
        _properties(wrapped, endpoint, "endpoint.", seal)
    if creating and not is_secret(body.get("secretToken")):
        body["secretToken"] = mint()
    for key in WEBHOOK_SECRETS:
        if is_secret(body.get(key)):
            value = str(body[key])
            wrapped.hashes[key] = token_hash(value)
            if key == "secretToken":
                wrapped.minted[key] = value
            _take(wrapped, body, key, key, seal)


def _listener(wrapped: Wrapped, seal: Seal, _mint: Mint, _creating: bool) -> None:
    for key in LISTENER_SECRETS:
        if is_secret(wrapped.body.get(key)):
            _take(wrapped, wrapped.body, key, key, seal)


def _provider(wrapped: Wrapped, seal: Seal, _mint: Mint, _creating: bool) -> None:
    if is_secret(wrapped.body.get("clientSecret")):
        _take(wrapped, wrapped.body, "clientSecret", "clientSecret", seal)


def _user(wrapped: Wrapped, _seal: Seal, _mint: Mint, _creating: bool) -> None:
    for key in PASSWORDS:
        if isinstance(value := wrapped.body.get(key), str) and value not in ("", MASK):
            wrapped.hashes[key] = password_digest(value)
            wrapped.body[key] = MASK


def _api_token(wrapped: Wrapped, _seal: Seal, mint: Mint, creating: bool) -> None:
    wrapped.body.pop("token", None)
    if creating:
        token = mint()
        wrapped.hashes["token"] = token_hash(token)
        wrapped.minted["token"] = token


_RULES: dict[Kind, Callable[[Wrapped, Seal, Mint, bool], None]] = {
    Kind.ENDPOINTS: _endpoint,
    Kind.VARIABLES: _variable,
    Kind.WEBHOOKS: _webhook,
    Kind.GIT_WEBHOOKS: _webhook,
    Kind.GERRIT_LISTENERS: _listener,
    Kind.USERS: _user,
    Kind.PROVIDERS: _provider,
    Kind.TOKENS: _api_token,
}
