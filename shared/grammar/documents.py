"""A text's documents as maps of fields, with the place of every part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from shared.contracts.problems import Flaw

from .dialects import PIPELINES
from .malformed import Malformed
from .names import Path, Step
from .yaml_parser import Builder, Span, compose


@dataclass(frozen=True)
class Located:
    """One document of a text: its tree, and where in the text each part is."""

    tree: dict[str, Any]
    number: int = 0
    """Its place in the text, from 0, empty documents counted too."""
    lines: tuple[str, ...] = ()
    spans: dict[Path, Span] = field(default_factory=dict)
    key_spans: dict[Path, Span] = field(default_factory=dict)

    def position(self, path: Sequence[Step], needle: str = "") -> tuple[int, int]:
        """1-based line and column of a part, or of the nearest part around it that exists.

        With `needle`, of the first place within that part that holds this text (a `${…}` in a long script).
        """
        place = tuple(path)
        while place not in self.spans and place:
            place = place[:-1]
        span = self.spans.get(place, (0, 0, 0, 0))
        place_in_text = (
            self._within(span, needle) or self._within(self.key_spans.get(place, span), needle) if needle else None
        )
        line, column = place_in_text or self.key_spans.get(place, span)[:2]
        return line + 1, column + 1

    def _within(self, span: Span, needle: str) -> tuple[int, int] | None:
        first, start, last, end = span
        for line in range(first, min(last, len(self.lines) - 1) + 1):
            text = self.lines[line]
            at = text.find(needle, start if line == first else 0, end if line == last else len(text))
            if at >= 0:
                return line, at
        return None


def load_yaml(text: str) -> list[Located]:
    """All documents of a text; raises `Malformed` with the line and column of what is wrong."""
    lines = tuple(text.splitlines())
    roots = [(index, root) for index, root in enumerate(compose(text)) if root is not None and not _is_null(root)]
    documents = [_located(index, root, lines) for index, root in roots]
    flaws = [flaw for _, document_flaws in documents for flaw in document_flaws]
    if flaws:
        raise Malformed(flaws)
    return [document for document, _ in documents]


def _located(index: int, root: yaml.Node, lines: tuple[str, ...]) -> tuple[Located, list[Flaw]]:
    builder = Builder(PIPELINES)
    tree = builder.build(root)
    if not isinstance(tree, dict):
        if not builder.flaws:
            builder.flaw(root, (), "a document must be a map of fields, such as `kind: PIPELINE`")
        tree = {}
    return Located(tree, index, lines, builder.spans, builder.key_spans), builder.flaws


def _is_null(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"
