"""YAML documents with the place of everything in them: safe, duplicate keys rejected, aliases bounded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.reader import Reader

from shared.contracts.problems import Flaw
from shared.contracts.texts import UNKEEPABLE

from .names import Path, Step, path_text

MAX_BYTES = 4 * 1024 * 1024
MAX_NODES = 100_000
MAX_DEPTH = 60
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where there is one; whoever else reads these texts takes it too: the two disagree on a few."""
_UNKEEPABLE = "a text holds a character that cannot be kept: NUL, or half of a surrogate pair"

Span = tuple[int, int, int, int]
"""First line and column, last line and column, all 0-based."""


class Malformed(Exception):
    """A text that is no document, or a document that has not the shape of what it claims to be."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("; ".join(flaw.message for flaw in self.flaws))


@dataclass(frozen=True)
class Located:
    """One document of a text: its tree, and where in the text each part stands."""

    tree: dict[str, Any]
    number: int = 0
    """Its place in the text, from 0, empty documents counted too."""
    lines: tuple[str, ...] = ()
    spans: dict[Path, Span] = field(default_factory=dict)
    key_spans: dict[Path, Span] = field(default_factory=dict)

    def position(self, path: Sequence[Step], needle: str = "") -> tuple[int, int]:
        """1-based line and column of a part, or of the nearest part around it that exists.

        With `needle`, of the first place within that part where this text stands (a `${…}` in a long script).
        """
        place = tuple(path)
        while place not in self.spans and place:
            place = place[:-1]
        span = self.spans.get(place, (0, 0, 0, 0))
        found = self._within(span, needle) or self._within(self.key_spans.get(place, span), needle) if needle else None
        line, column = found or self.key_spans.get(place, span)[:2]
        return line + 1, column + 1

    def _within(self, span: Span, needle: str) -> tuple[int, int] | None:
        first, start, last, end = span
        for number in range(first, min(last, len(self.lines) - 1) + 1):
            text = self.lines[number]
            at = text.find(needle, start if number == first else 0, end if number == last else len(text))
            if at >= 0:
                return number, at
        return None


def load_yaml(text: str) -> list[Located]:
    """All documents of a text; raises `Malformed` with the line and column of what is wrong."""
    if len(text) > MAX_BYTES:
        raise Malformed([Flaw(message=f"the text is larger than {MAX_BYTES // 1024 // 1024} MiB")])
    lines = tuple(text.splitlines())
    try:
        _bound(yaml.parse(text, Loader=LOADER))
        roots = list(yaml.compose_all(text, Loader=LOADER))
    except yaml.MarkedYAMLError as error:
        raise Malformed([_syntax(error)]) from None
    except yaml.YAMLError as error:
        raise Malformed([_unreadable(text, error)]) from None
    documents = [_located(number, root, lines) for number, root in enumerate(roots) if not _is_null(root)]
    flaws = [flaw for _, found in documents for flaw in found]
    if flaws:
        raise Malformed(flaws)
    return [document for document, _ in documents]


def _bound(events: Iterable[yaml.Event]) -> None:
    """Refuse what is nested too deep before anything is built from it."""
    depth = 0
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed([_flaw_at(event.start_mark, f"the document is nested deeper than {MAX_DEPTH} levels")])
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _located(number: int, root: yaml.Node, lines: tuple[str, ...]) -> tuple[Located, list[Flaw]]:
    reader = _Reader()
    tree = reader.read(root, ())
    if not isinstance(tree, dict):
        if not reader.flaws:
            reader.flaw(root, (), "a document must be a map of fields, such as `kind: PIPELINE`")
        tree = {}
    return Located(tree, number, lines, reader.spans, reader.key_spans), reader.flaws


class _TooMuch(Exception):
    pass


class _Reader:
    """Builds plain JSON values from nodes, noting where each stands and what is wrong."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []
        self.spans: dict[Path, Span] = {}
        self.key_spans: dict[Path, Span] = {}
        self._scalars = _Scalars("")

    def read(self, node: yaml.Node, path: Path) -> Any:
        try:
            return self._read(node, path)
        except _TooMuch:
            self.flaws.append(Flaw(message="the document is too large (what an alias repeats counts again)"))
            return None

    def flaw(self, node: yaml.Node, path: Path, message: str, hint: str | None = None) -> None:
        self.flaws.append(_flaw_at(node.start_mark, message, path, hint))

    def _read(self, node: yaml.Node, path: Path) -> Any:
        if len(self.spans) >= MAX_NODES or len(path) > MAX_DEPTH:
            raise _TooMuch
        self.spans[path] = _span(node)
        if isinstance(node, yaml.MappingNode):
            return self._map(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self._read(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _map(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        tree: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.flaw(key_node, path, "a key must be a plain text")
                continue
            key = key_node.value
            place = (*path, key)
            if key_node.tag == "tag:yaml.org,2002:merge":
                self.flaw(key_node, path, "merge keys (`<<`) are not supported; write the fields out")
            elif UNKEEPABLE.search(key):
                self.flaw(key_node, path, _UNKEEPABLE)
            elif key in tree:
                first = self.key_spans[place][0] + 1
                self.flaw(key_node, place, f"the key {key} stands here a second time (first on line {first})")
            else:
                self.key_spans[place] = _span(key_node)
                tree[key] = self._read(value_node, place)
        return tree

    def _scalar(self, node: yaml.Node, path: Path) -> Any:
        if node.tag in _NUMBER_TAGS and ":" in node.value:
            return node.value  # 12:30 is a time of day, not a number to the base of sixty
        if node.tag not in _PLAIN_TAGS:
            self.flaw(node, path, f"the tag {node.tag} is not supported")
            return None
        try:
            value = self._scalars.construct_object(node)
        except (ValueError, yaml.YAMLError):
            self.flaw(node, path, f"{node.value} is no {node.tag.rpartition(':')[2]}")
            return None
        if UNKEEPABLE.search(node.value):
            self.flaw(node, path, _UNKEEPABLE)
            return None
        if isinstance(value, float) and not math.isfinite(value):
            self.flaw(node, path, f"{node.value} is not a number that JSON knows", "put it in quotes")
            return None
        return value if isinstance(value, str | int | float | bool) or value is None else node.value


class _Scalars(yaml.SafeLoader):
    """Constructs single scalars; dates stay the texts they were written as."""


_PLAIN_TAGS = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp", "value")
)
_NUMBER_TAGS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


def _span(node: yaml.Node) -> Span:
    start, end = node.start_mark, node.end_mark
    return start.line, start.column, end.line, end.column


def _is_null(node: yaml.Node | None) -> bool:
    return node is None or (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null")


def _syntax(error: yaml.MarkedYAMLError) -> Flaw:
    what = ", ".join(part for part in (error.context, error.problem) if part) or "not YAML"
    return _flaw_at(error.problem_mark or error.context_mark, f"not valid YAML: {what}")


def _flaw_at(mark: Any, message: str, path: Path = (), hint: str | None = None) -> Flaw:
    """A flaw at one of the two libraries' marks, which may be missing."""
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
    return Flaw(message=message, path=path_text(path), line=line, column=column, hint=hint)


def _unreadable(text: str, error: yaml.YAMLError) -> Flaw:
    found = Reader.NON_PRINTABLE.search(text)
    if found is None:
        return Flaw(message=f"not valid YAML: {error}")
    before = text[: found.start()].splitlines(keepends=True) or [""]
    if before[-1].endswith("\n"):
        before.append("")
    message = f"not valid YAML: the character #x{ord(found[0]):04x} is not allowed"
    return Flaw(message=message, line=len(before), column=len(before[-1]) + 1)
