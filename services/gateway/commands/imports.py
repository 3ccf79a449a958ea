"""YAML on its way to an import: secrets are taken out of the text without moving any line. Pure but for the seal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from shared.contracts.base import Sealed
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Code, Flaw, Problem, Refused
from shared.contracts.secrets import (
    LISTENER_SECRETS,
    MASK,
    SECRET_VARIABLE_TYPES,
    WEBHOOK_SECRETS,
    endpoint_secret_keys,
)
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import compose, parse_yaml
from shared.process.secrets import may_be_token, token_hash

from .sealing import Seal, endpoint_paths, is_secret
from .texts import demand_keepable

_WITHOUT_SECRETS = frozenset(
    {"", "PIPELINE", "PROJECT", "SCHEDULE", "CUSTOM_INTEGRATION", "GERRIT_TRIGGER", "VARIABLE"}
)


@dataclass(frozen=True, slots=True)
class SealedText:
    """A text that may travel; secrets and the hashes of tokens by `<document index>.<path>`."""

    text: str
    sealed: dict[str, Sealed] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)

    def command(self, action: str, project: str = "", *, plan: bool = False) -> Act:
        """What config is asked to do with it; `project` takes what names a project that is not here.

        A `plan` changes nothing and reports what would become of each object.
        """
        options = {"action": action, "project": project, **({"plan": True} if plan else {})}
        return Act(
            kind=Kind.PIPELINES, verb="import", text=self.text, sealed=self.sealed, hashes=self.hashes, options=options
        )


def seal_yaml(text: str, seal: Seal) -> SealedText:
    """The text with the mask in place of each secret.

    Raises `Refused` for a text whose secrets cannot be told apart: broken, or with a secret that is not one text.
    """
    try:
        # As config reads it: what config could read and this could not would travel with its secrets in clear.
        parse_yaml(text)
        nodes = compose(text)
    except Malformed as error:
        raise _unreadable(error) from None
    secrets: list[tuple[str, yaml.ScalarNode]] = []
    for index, node in enumerate(nodes):
        if isinstance(node, yaml.MappingNode):
            secrets += [(f"{index}.{path}", scalar) for path, scalar in _secrets(_table(node))]
    if repeated := [scalar for _, scalar in secrets if text[scalar.start_mark.index] == "&"]:
        raise _not_one_text(repeated[0], "has an anchor, so that it may be elsewhere too")
    demand_keepable([scalar.value for _, scalar in secrets])
    sealed = {path: seal(scalar.value) for path, scalar in secrets}
    # From the end, so that earlier positions stay true.
    for _, scalar in sorted(secrets, key=lambda item: -item[1].start_mark.index):
        start, end = scalar.start_mark.index, scalar.end_mark.index
        secret_text = text[start:end]
        text = text[:start] + f"'{MASK}'" + "\n" * secret_text.count("\n") + text[end:]
    hashes = {path: token_hash(scalar.value) for path, scalar in secrets if _is_token(path, scalar.value)}
    return SealedText(text, sealed, hashes)


def _is_token(path: str, value: str) -> bool:
    """A token that a webhook is known or acts by; a variable may hold one too."""
    return path.endswith(WEBHOOK_SECRETS) or (path.endswith(".value") and may_be_token(value))


def _table(node: yaml.MappingNode) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _text(table: dict[str, yaml.Node], key: str) -> str:
    node = table.get(key)
    return node.value if isinstance(node, yaml.ScalarNode) else ""


def _secrets(document: dict[str, yaml.Node]) -> list[tuple[str, yaml.ScalarNode]]:
    kind = _text(document, "kind").upper()
    if kind == "ENDPOINT":
        return _endpoint_secrets(document, _text(document, "type"))
    if kind == "VARIABLE" and _text(document, "type").upper() in SECRET_VARIABLE_TYPES:
        return _scalars(document, ("value",))
    if kind.endswith("WEBHOOK"):
        own = _scalars(document, WEBHOOK_SECRETS)
        endpoint = document.get("endpoint")
        inner = _table(endpoint) if isinstance(endpoint, yaml.MappingNode) else {}
        return own + [
            (f"endpoint.{path}", node) for path, node in _endpoint_secrets(inner, _text(inner, "type") or "docker")
        ]
    if kind == "GERRIT_LISTENER":
        return _scalars(document, LISTENER_SECRETS)
    return [] if kind in _WITHOUT_SECRETS else list(_telling(document, ""))


def _telling(document: dict[str, yaml.Node], prefix: str) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Of a kind that is not known, and that config will refuse, whatever looks like a secret by its name."""
    for key, node in document.items():
        if isinstance(node, yaml.MappingNode):
            yield from _telling(_table(node), f"{prefix}{key}.")
        elif endpoint_secret_keys("", {key: ""}) or key == "value":
            scalar = _one_text(key, node)
            if is_secret(scalar.value):
                yield f"{prefix}{key}", scalar


def _endpoint_secrets(document: dict[str, yaml.Node], type_: str) -> list[tuple[str, yaml.ScalarNode]]:
    properties = document.get("properties")
    if not isinstance(properties, yaml.MappingNode):
        return _scalars(document, ("properties",))
    inner = _table(properties)
    if "kubeconfig" in inner:
        raise _not_in_a_file(inner["kubeconfig"])
    # What is not one text counts as a secret that has a value, and is refused.
    values = {key: node.value if isinstance(node, yaml.ScalarNode) else "…" for key, node in inner.items()}
    keys = endpoint_paths(type_, values)
    return [(f"properties.{key}", _one_text(key, inner[key])) for key in keys]


def _not_in_a_file(node: yaml.Node) -> Refused:
    message = "A kubeconfig contains secrets and cannot be imported."
    hint = "Set its properties (kubernetesURL, authType, token …), or create the endpoint with POST /endpoints."
    flaw = Flaw(message=message, line=node.start_mark.line + 1, column=node.start_mark.column + 1, hint=hint)
    return Refused(Problem(code=Code.INVALID, message=message, next_step=hint, flaws=(flaw,)))


def _scalars(document: dict[str, yaml.Node], keys: tuple[str, ...]) -> list[tuple[str, yaml.ScalarNode]]:
    scalars = [(key, _one_text(key, document[key])) for key in keys if key in document]
    return [(key, scalar) for key, scalar in scalars if is_secret(scalar.value)]


def _one_text(key: str, node: yaml.Node) -> yaml.ScalarNode:
    if isinstance(node, yaml.ScalarNode):
        return node
    raise _not_one_text(node, f"({key}) is not one text")


def _not_one_text(node: yaml.Node, trouble: str) -> Refused:
    flaw = Flaw(
        message=f"a secret {trouble}",
        line=node.start_mark.line + 1,
        column=node.start_mark.column + 1,
        hint="write it as one text in its place",
    )
    return _unreadable(Malformed([flaw]))


def _unreadable(error: Malformed) -> Refused:
    """The refusal of a text before it travels, in config's words."""
    message = f"the YAML cannot be read: {'; '.join(flaw.placed for flaw in error.flaws)}"
    return Refused(Problem(code=Code.INVALID, message=message, flaws=error.flaws))
