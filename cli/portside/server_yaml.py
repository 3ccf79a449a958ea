"""YAML as the server reads it, so that a plan compares the values that an import would make.

Keys are texts, and so are dates and `22:30`; the parser is libyaml's where there is one, as in the server.
"""

from __future__ import annotations

from typing import Any

import yaml

_LIBRARY: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


class _Loader(_LIBRARY):  # type: ignore[misc]
    """Types scalars as the server does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        """Keys are the texts that they are written as; `<<` merges nothing."""
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key is a list or a map", key.start_mark)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}

    def number(self, node: yaml.ScalarNode) -> Any:
        """A number, or the text that 22:30 is."""
        if ":" in node.value:
            return node.value
        return (self.construct_yaml_int if node.tag == f"{_TAG}int" else self.construct_yaml_float)(node)

    def text(self, node: yaml.ScalarNode) -> str:
        """A scalar as it is written."""
        return str(node.value)


for _name in ("int", "float"):
    _Loader.add_constructor(_TAG + _name, _Loader.number)
for _name in ("timestamp", "value"):
    _Loader.add_constructor(_TAG + _name, _Loader.text)


def load(text: str) -> list[Any]:
    """The values of every document that is not empty. Raises `yaml.YAMLError`, ValueError, RecursionError."""
    return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
