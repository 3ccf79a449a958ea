"""YAML as the server reads it, so that a plan compares the values that an import would make.

Keys are texts, and so are dates and `22:30`; the parser is libyaml's where there is one, as in the server.
"""

from __future__ import annotations

from typing import Any

import yaml

_LIBRARY: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MAX_DEPTH, MAX_NODES = 60, 500_000
"""Of a text, as in the server: collections inside one another, and nodes, those counted again that an alias repeats."""
MAX_NUMBER = 300
"""Characters; Python reads longer ones in quadratic time, or not at all."""
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
        if len(node.value) > MAX_NUMBER:
            raise _refused(f"a number of more than {MAX_NUMBER} characters", node.start_mark)
        return (self.construct_yaml_int if node.tag == f"{_TAG}int" else self.construct_yaml_float)(node)

    def text(self, node: yaml.ScalarNode) -> str:
        """A scalar as it is written."""
        return str(node.value)


for _name in ("int", "float"):
    _Loader.add_constructor(_TAG + _name, _Loader.number)
for _name in ("timestamp", "value"):
    _Loader.add_constructor(_TAG + _name, _Loader.text)


def _refused(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.constructor.ConstructorError(None, None, problem, mark)


def _demand_bounded(text: str) -> None:
    """Refuse what a few lines of aliases and brackets can stand for, before any of it is built."""
    sizes: dict[str, int] = {}
    opened: list[list[Any]] = []
    nodes = 0
    for event in yaml.parse(text, Loader=_LIBRARY):
        size = 0
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise _refused(f"the alias {event.anchor} refers to nothing, or to itself", event.start_mark)
            size = sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            size = 1
            sizes |= {event.anchor: size} if event.anchor else {}
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append([event.anchor, 1])
            if len(opened) > MAX_DEPTH:
                raise _refused(f"nested deeper than {MAX_DEPTH} levels", event.start_mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, size = opened.pop()
            sizes |= {anchor: size} if anchor else {}
        elif isinstance(event, yaml.DocumentStartEvent):
            sizes.clear()
        if opened:
            opened[-1][1] += size
        else:
            nodes += size
        if nodes + sum(count for _, count in opened) > MAX_NODES:
            raise _refused(f"larger than {MAX_NODES:,} nodes (what an alias repeats counts again)", event.start_mark)


def load(text: str) -> list[Any]:
    """The values of every document that is not empty. Raises `yaml.YAMLError`, ValueError, RecursionError."""
    _demand_bounded(text)
    return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]
