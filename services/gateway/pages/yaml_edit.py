"""Changing a YAML text where only a part of its tree changes, so that comments and layout elsewhere stay. Pure."""

from __future__ import annotations

from typing import Any

import yaml

from shared.contracts.base import Json
from shared.grammar.documents import load_yaml
from shared.grammar.export import plain_yaml, to_yaml
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import compose

Edit = tuple[int, int, str]
"""From, up to, and the replacement."""


class _TooIntricate(Exception):
    """The text is written in a way that is not mended in places."""


def rewritten(text: str, tree: Json) -> str:
    """The text that reads as `tree`. Raises `Malformed` when `text` cannot be read.

    What cannot be edited in place (flow style, keys that are not texts) is rewritten as a whole.
    """
    old = load_yaml(text)[0].tree if text.strip() else {}
    if old == tree:
        return text
    edits: list[Edit] = []
    try:
        _compare(text, next(iter(compose(text)), None), old, tree, edits)
    except _TooIntricate:
        return to_yaml(tree)
    mended = text
    for start, end, new in sorted(edits, reverse=True):
        mended = mended[:start] + new + mended[end:]
    return mended if _reads_as(mended, tree) else to_yaml(tree)


def _reads_as(text: str, tree: Json) -> bool:
    try:
        documents = load_yaml(text)
    except Malformed:
        return False
    return len(documents) == 1 and documents[0].tree == tree


def _compare(text: str, node: Any, old: Json, new: Json, edits: list[Edit]) -> None:
    if not _is_block(node):
        raise _TooIntricate
    column = node.value[0][0].start_mark.column
    for key, value in node.value:
        name, begin, end = key.value, key.start_mark.index, _end(text, value)
        if name not in old:
            raise _TooIntricate
        if name not in new:
            # With the line break before it, so that what follows keeps its own.
            edits.append((max(0, text.rfind("\n", 0, begin)), end, ""))
        elif new[name] != old[name]:
            if isinstance(new[name], dict) and new[name] and _is_block(value):
                _compare(text, value, old[name], new[name], edits)
            else:
                edits.append((begin, end, _entry(name, new[name], column)))
    added = [_entry(name, value, column) for name, value in new.items() if name not in old]
    if added:
        last = _end(text, node.value[-1][1])
        edits.append((last, last, "".join("\n" + " " * column + entry for entry in added)))


def _is_block(node: Any) -> bool:
    return isinstance(node, yaml.MappingNode) and not node.flow_style and bool(node.value)


def _entry(name: str, value: Any, column: int) -> str:
    """One key with its value, its first line without the indentation that is already there."""
    lines = plain_yaml({name: value}).rstrip("\n").split("\n")
    return "\n".join(line if at == 0 or not line else " " * column + line for at, line in enumerate(lines))


def _end(text: str, node: Any) -> int:
    """Behind the last character of a node; the parser's own mark is before the next token."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(text, last[1] if isinstance(last, tuple) else last)
    end = int(node.end_mark.index)
    if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">"):
        return len(text[:end].rstrip())
    return end
