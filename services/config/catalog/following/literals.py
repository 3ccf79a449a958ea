"""Secrets that a document has in clear, where a repository may only name the variables that hold them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from services.config.catalog.endpoints.types import endpoint_type
from services.config.catalog.references import variable_in
from shared.contracts.base import Json
from shared.contracts.catalog import Kind
from shared.contracts.secrets import (
    LISTENER_SECRETS,
    MASK,
    SECRET_VARIABLE_TYPES,
    WEBHOOK_SECRETS,
    endpoint_secret_keys,
)
from shared.grammar.manifests import written_secrets
from shared.grammar.names import Path
from shared.grammar.task_schemas import TASK_SCHEMAS, spelled_input

REFER = "a secret is not kept in Git: write ${var.NAME}, and give that variable its value in Portside"
NO_VALUE = "a secret is not kept in Git: leave value out, and give the variable its value in Portside"
_TASK_SECRETS = {"SSH": ("password", "privatekey", "passphrase")}
"""Inputs of a task that are nothing but secrets, by its type."""
_NAMED_VALUES = ("headers", "environmentVariables", "properties", "inputProperties", "values", "scmConstants")
"""Inputs of tasks that hold values under names which their author chose."""
_TELLING = re.compile(
    r"(?:passw(?:or)?d|passphrase|passcode|pwd|token|credentials?|authorization|cookie"
    r"|(?:api|access|private|signing)[_-]?key"
    r"|(?:access|api|app|client|consumer|hub|jwt|shared|signing|webhook)[_-]?secret)$",
    re.IGNORECASE,
)
"""Such names, by their end: `existingSecret` and `tokenUrl` are none."""
_TOKEN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\b(?:gh[oprsu]_[A-Za-z0-9]{36}|github_pat_\w{22}|glpat-[\w-]{20}|dckr_pat_[\w-]{20}|xox[abprs]-[\w-]{10}"
    r"|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10})"
)
"""How keys and tokens begin that tell themselves: PEM, GitHub, GitLab, Docker Hub, Slack, JSON Web Tokens."""


@dataclass(frozen=True, slots=True)
class LiteralSecret:
    """Where a document has a secret in clear, and what to do about it."""

    path: Path
    message: str = REFER
    needle: str = field(default="", repr=False)
    """The first line of the secret, by which its own line is found within a longer text. Never shown."""


def literal_secrets(kind: Kind, tree: Json) -> list[LiteralSecret]:
    """Every secret that this document has in clear, one for each place."""
    by_field = _FIELDS.get(kind, lambda tree: ())(tree)
    secrets: dict[tuple[Path, str], LiteralSecret] = {}
    for secret in (*by_field, *_tokens(tree)):
        if not any(path[: len(secret.path)] == secret.path and not needle for path, needle in secrets):
            secrets.setdefault((secret.path, secret.needle), secret)
    return list(secrets.values())


def _endpoint(tree: Json) -> Iterator[LiteralSecret]:
    properties = tree.get("properties")
    if isinstance(properties, dict):
        for key in sorted(endpoint_secret_keys(endpoint_type(str(tree.get("type") or "")), properties)):
            if properties.get(key) not in (None, "") and not _is_reference(properties[key]):
                yield LiteralSecret(("properties", key))


def _variable(tree: Json) -> Iterator[LiteralSecret]:
    is_secret = str(tree.get("type") or "").upper() in SECRET_VARIABLE_TYPES
    if is_secret and tree.get("value") not in (None, "", MASK):
        yield LiteralSecret(("value",), NO_VALUE)


def _fields(names: tuple[str, ...]) -> Callable[[Json], Iterator[LiteralSecret]]:
    def secrets(tree: Json) -> Iterator[LiteralSecret]:
        for name in names:
            if tree.get(name) not in (None, "", MASK) and not _is_reference(tree[name]):
                yield LiteralSecret((name,))

    return secrets


def _pipeline(tree: Json) -> Iterator[LiteralSecret]:
    for stage, stage_tree in _items(tree.get("stages")):
        for task, task_tree in _items(_get(stage_tree, "tasks")):
            if isinstance(_get(task_tree, "input"), dict):
                place = ("stages", stage, "tasks", task, "input")
                yield from _task(place, str(task_tree.get("type") or ""), task_tree["input"])
    for way, entries in _items(tree.get("notifications")):
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            yield from _named(("notifications", way, index, "headers"), _get(entry, "headers"))


def _task(place: Path, type_: str, inputs: Json) -> Iterator[LiteralSecret]:
    schema = TASK_SCHEMAS.get(type_, {})
    for key, value in inputs.items():
        (name,) = spelled_input(schema, {key: value})
        if name in _TASK_SECRETS.get(type_, ()) and _is_literal(value):
            yield LiteralSecret((*place, key))
        elif name in _NAMED_VALUES:
            yield from _named((*place, key), value)
        elif name == "url" and isinstance(value, str) and _has_password(value):
            yield LiteralSecret((*place, key))
    for key, secret in written_secrets(type_, inputs):
        if "${" not in secret:
            yield LiteralSecret((*place, key), needle=_first_line(secret))


def _named(place: Path, tree: Any) -> Iterator[LiteralSecret]:
    """Values whose names tell that they are secrets, however deep."""
    for key, value in _items(tree):
        if isinstance(value, dict):
            yield from _named((*place, key), value)
        elif _TELLING.search(str(key)) and _is_literal(value):
            yield LiteralSecret((*place, key))


def _tokens(tree: Any, place: Path = ()) -> Iterator[LiteralSecret]:
    """Keys and tokens in any text of the document that tell themselves."""
    if isinstance(tree, str):
        if token := _TOKEN.search(tree):
            yield LiteralSecret(place, needle=token[0])
    elif isinstance(tree, (dict, list)):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _tokens(value, (*place, key))


def _items(tree: Any) -> Iterator[tuple[str, Any]]:
    return iter(tree.items() if isinstance(tree, Mapping) else ())


def _get(tree: Any, key: str) -> Any:
    return tree.get(key) if isinstance(tree, Mapping) else None


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and bool(variable_in(value))


def _is_literal(value: Any) -> bool:
    """Whether it is a value of its own, not one that a reference brings."""
    if isinstance(value, bool) or value in (None, "", MASK):
        return False
    return not isinstance(value, str) or "${" not in value


def _has_password(url: str) -> bool:
    try:
        password = urlsplit(url).password
    except ValueError:
        return False
    return bool(password) and "${" not in str(password)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


_FIELDS: dict[Kind, Callable[[Json], Iterator[LiteralSecret]]] = {
    Kind.ENDPOINTS: _endpoint,
    Kind.VARIABLES: _variable,
    Kind.WEBHOOKS: _fields(WEBHOOK_SECRETS),
    Kind.GIT_WEBHOOKS: _fields(WEBHOOK_SECRETS),
    Kind.GERRIT_LISTENERS: _fields(LISTENER_SECRETS),
    Kind.PIPELINES: _pipeline,
}
"""What a document of this kind keeps secret."""
