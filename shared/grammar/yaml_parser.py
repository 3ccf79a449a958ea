"""The parser of YAML from outside: bounded before anything is built, and exact about where a text is broken. Pure.

`compose` gives nodes, with which a text can be changed in place; `parse_yaml` gives JSON values. How a scalar is typed,
and whether `<<` merges, is the `Dialect`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.reader import Reader

from shared.contracts.bounds import (
    MAX_DEPTH,
    MAX_DOCUMENT_NODES,
    MAX_TEXT_BYTES,
    MAX_TEXT_NODES,
    TOO_DEEP,
    TOO_MANY_BYTES,
    TOO_MANY_IN_ALL,
    TOO_MANY_NODES,
)
from shared.contracts.problems import Flaw
from shared.contracts.texts import UNKEEPABLE

from .dialects import PIPELINES, Dialect, Unbuildable
from .malformed import Malformed
from .names import Path, path_text

_UNKEEPABLE = "a text holds a character that cannot be kept: NUL, or half of a surrogate pair"

Span = tuple[int, int, int, int]
"""First line and column, last line and column, all 0-based."""


def compose(text: str, dialect: Dialect = PIPELINES) -> list[yaml.Node | None]:
    """The nodes of every document of a text, within all bounds and without an alias to what holds it.

    Raises `Malformed` with line and column.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise Malformed([Flaw(message=f"the text is {TOO_MANY_BYTES}")])
    try:
        _Meter().read(yaml.parse(text, Loader=dialect.loader))
        return list(yaml.compose_all(text, Loader=dialect.loader))
    except yaml.MarkedYAMLError as error:
        raise Malformed([_syntax(error)]) from None
    except yaml.YAMLError as error:
        raise Malformed([_unreadable(text, error)]) from None


def parse_yaml(text: str, dialect: Dialect = PIPELINES) -> list[Any]:
    """The JSON values of every document of a text, empty documents as None. Raises `Malformed` with line and column."""
    values, flaws = [], []
    for root in compose(text, dialect):
        builder = Builder(dialect)
        values.append(builder.build(root))
        flaws += builder.flaws
    if flaws:
        raise Malformed(flaws)
    return values


def parse_one_yaml(text: str, dialect: Dialect = PIPELINES) -> Any:
    """The JSON value of a text of one document, None of a text without any. Raises `Malformed`."""
    values = parse_yaml(text, dialect)
    if len(values) > 1:
        raise Malformed([Flaw(message="the text holds more than one document")])
    return values[0] if values else None


def flaw_at(mark: Any, message: str, path: Path = (), hint: str | None = None) -> Flaw:
    """A flaw at one of the two libraries' marks, which may be missing."""
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
    return Flaw(message=message, path=path_text(path), line=line, column=column, hint=hint)


class _Meter:
    """Counts nodes and depth from events, as aliases repeat them: an alias costs what its anchor's node did."""

    def __init__(self) -> None:
        self._earlier = 0
        self._nodes = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, _Extent | None] = {}
        """None while the node is still open: an alias to it would hold itself."""
        self._on: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.DocumentStartEvent: self._document,
            yaml.MappingStartEvent: self._enter,
            yaml.SequenceStartEvent: self._enter,
            yaml.MappingEndEvent: self._leave,
            yaml.SequenceEndEvent: self._leave,
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
        }

    def read(self, events: Iterable[yaml.Event]) -> None:
        """Raises `Malformed` at the first event that is too much."""
        for event in events:
            if act := self._on.get(type(event)):
                act(event)

    def _document(self, _event: yaml.Event) -> None:
        self._earlier += self._nodes
        self._nodes, self._anchors = 0, {}

    def _enter(self, event: yaml.CollectionStartEvent) -> None:
        self._count(event, 1, 1)
        if event.anchor:
            self._anchors[event.anchor] = None
        self._open.append(_Open(event.anchor, self._nodes - 1))

    def _leave(self, _event: yaml.Event) -> None:
        closed = self._open.pop()
        if closed.anchor:
            self._anchors[closed.anchor] = _Extent(self._nodes - closed.nodes_before, closed.height)
        self._raise_height(closed.height + 1)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        self._count(event, 1, 0)
        if event.anchor:
            self._anchors[event.anchor] = _Extent(1, 0)

    def _alias(self, event: yaml.AliasEvent) -> None:
        if event.anchor not in self._anchors:
            return  # the composer refuses it in its own words
        extent = self._anchors[event.anchor]
        if extent is None:
            raise Malformed([flaw_at(event.start_mark, f"the alias *{event.anchor} is inside what it repeats")])
        self._count(event, extent.nodes, extent.height)
        self._raise_height(extent.height + 1)

    def _count(self, event: yaml.Event, nodes: int, height: int) -> None:
        self._nodes += nodes
        if len(self._open) + height > MAX_DEPTH:
            raise Malformed([flaw_at(event.start_mark, f"the document is {TOO_DEEP}")])
        if self._nodes > MAX_DOCUMENT_NODES:
            raise Malformed([flaw_at(event.start_mark, f"the document is {TOO_MANY_NODES}")])
        if self._earlier + self._nodes > MAX_TEXT_NODES:
            raise Malformed([flaw_at(event.start_mark, f"the text is {TOO_MANY_IN_ALL}")])

    def _raise_height(self, height: int) -> None:
        if self._open:
            self._open[-1].height = max(self._open[-1].height, height)


@dataclass(slots=True)
class _Open:
    """A collection whose end has not been read."""

    anchor: str | None
    nodes_before: int
    height: int = 1
    """Levels of it that have been read, itself counted."""


@dataclass(frozen=True, slots=True)
class _Extent:
    """What an anchor's node costs: nodes, and levels of collections."""

    nodes: int
    height: int


class Builder:
    """Builds JSON values from the nodes of one document, noting where each is and what is wrong."""

    def __init__(self, dialect: Dialect) -> None:
        self.flaws: list[Flaw] = []
        self.spans: dict[Path, Span] = {}
        self.key_spans: dict[Path, Span] = {}
        self._dialect = dialect

    def build(self, root: yaml.Node | None) -> Any:
        """The value of a document that `compose` gave; what is wrong stands in `flaws`, with None in its place."""
        return None if root is None else self._build(root, ())

    def flaw(self, node: yaml.Node, path: Path, message: str, hint: str | None = None) -> None:
        self.flaws.append(flaw_at(node.start_mark, message, path, hint))

    def _build(self, node: yaml.Node, path: Path) -> Any:
        self.spans[path] = _span(node)
        if isinstance(node, yaml.MappingNode):
            return self._map(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._checked(self._dialect.scalar, node, path) if isinstance(node, yaml.ScalarNode) else None

    def _map(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if self._dialect.is_merge(key_node):
                continue
            key = self._key(key_node, path)
            if key is None:
                continue
            place = (*path, key)
            if key in tree:
                first = self.key_spans[place][0] + 1
                self.flaw(key_node, place, f"the key {key} is repeated here (first on line {first})")
            else:
                self.key_spans[place] = _span(key_node)
                tree[key] = self._build(value_node, place)
        for key_node, value_node in node.value:
            if self._dialect.is_merge(key_node):
                self._merge(tree, key_node, value_node, path)
        return tree

    def _key(self, node: yaml.Node, path: Path) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.flaw(node, path, "a key must be a plain text")
            return None
        key: str | None = self._checked(self._dialect.key, node, path)
        return key

    def _merge(self, tree: dict[str, Any], key_node: yaml.Node, node: yaml.Node, path: Path) -> None:
        """Add the keys of a merged map, or of several, that the map does not have; of two merged the first counts."""
        if not self._dialect.merges:
            self.flaw(key_node, path, "merge keys (`<<`) are not supported; write the fields out")
            return
        for source in node.value if isinstance(node, yaml.SequenceNode) else (node,):
            if not isinstance(source, yaml.MappingNode):
                self.flaw(source, path, "`<<` merges a map, or a list of maps")
                continue
            inner = Builder(self._dialect)
            merged = inner.build(source)
            self.flaws += inner.flaws
            tree |= {key: value for key, value in merged.items() if key not in tree}

    def _checked(self, read: Callable[[yaml.ScalarNode], Any], node: yaml.ScalarNode, path: Path) -> Any:
        if UNKEEPABLE.search(node.value):
            self.flaw(node, path, _UNKEEPABLE)
            return None
        try:
            return read(node)
        except Unbuildable as error:
            self.flaw(node, path, str(error), error.hint)
            return None


def _span(node: yaml.Node) -> Span:
    start, end = node.start_mark, node.end_mark
    return start.line, start.column, end.line, end.column


def _syntax(error: yaml.MarkedYAMLError) -> Flaw:
    problem = ", ".join(part for part in (error.context, error.problem) if part) or "not YAML"
    return flaw_at(error.problem_mark or error.context_mark, f"not valid YAML: {problem}")


def _unreadable(text: str, error: yaml.YAMLError) -> Flaw:
    match = Reader.NON_PRINTABLE.search(text)
    if match is None:
        return Flaw(message=f"not valid YAML: {error}")
    before = text[: match.start()].splitlines(keepends=True) or [""]
    if before[-1].endswith("\n"):
        before.append("")
    message = f"not valid YAML: the character #x{ord(match[0]):04x} is not allowed"
    return Flaw(message=message, line=len(before), column=len(before[-1]) + 1)
