"""YAML on its way to an import: secrets are taken out of the text without moving any line. Pure but for the seal."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import yaml

from shared.contracts.base import Sealed
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Code, Flaw, Problem, Refused
from shared.contracts.secrets import LISTENER_SECRETS, MASK, SECRET_VARIABLE_TYPES, WEBHOOK_SECRETS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import compose
from shared.process.secrets import may_be_token, token_hash

from .sealing import Seal, endpoint_paths, is_secret
from .texts import demand_keepable

_MAYBE_SECRET = re.compile(r"kind\s*:\s*[\"']?(ENDPOINT|VARIABLE|GERRIT_LISTENER|.*WEBHOOK)", re.IGNORECASE)


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

    A text that is not YAML comes back as it is: config says where it is broken.
    """
    if not _MAYBE_SECRET.search(text):
        return SealedText(text)
    try:
        # As config reads it: what config could read and this could not would travel with its secrets in clear.
        nodes = compose(text)
    except Malformed:
        return SealedText(text)
    secrets: list[tuple[str, yaml.ScalarNode]] = []
    for index, node in enumerate(nodes):
        if isinstance(node, yaml.MappingNode):
            secrets += [(f"{index}.{path}", scalar) for path, scalar in _secrets(_table(node))]
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
    if kind == "ENDPOINT" and isinstance(properties := document.get("properties"), yaml.MappingNode):
        inner = _table(properties)
        if "kubeconfig" in inner:
            raise _not_in_a_file(inner["kubeconfig"])
        values = {key: _text(inner, key) for key in inner}
        keys = endpoint_paths(_text(document, "type"), values)
        return [(f"properties.{key}", node) for key in keys if isinstance(node := inner[key], yaml.ScalarNode)]
    if kind == "VARIABLE" and _text(document, "type").upper() in SECRET_VARIABLE_TYPES:
        return _scalars(document, ("value",))
    if kind.endswith("WEBHOOK"):
        return _scalars(document, WEBHOOK_SECRETS)
    if kind == "GERRIT_LISTENER":
        return _scalars(document, LISTENER_SECRETS)
    return []


def _not_in_a_file(node: yaml.Node) -> Refused:
    message = "A kubeconfig contains secrets and cannot be imported."
    hint = "Set its properties (kubernetesURL, authType, token …), or create the endpoint with POST /endpoints."
    flaw = Flaw(message=message, line=node.start_mark.line + 1, column=node.start_mark.column + 1, hint=hint)
    return Refused(Problem(code=Code.INVALID, message=message, next_step=hint, flaws=(flaw,)))


def _scalars(document: dict[str, yaml.Node], keys: tuple[str, ...]) -> list[tuple[str, yaml.ScalarNode]]:
    return [
        (key, node) for key in keys if isinstance(node := document.get(key), yaml.ScalarNode) and is_secret(node.value)
    ]
