"""How large and how deep values and messages may be: the one place of these figures. Pure.

Real custom resource definitions are within them: 36 levels and 46,056 nodes a document, 110,429 nodes a text.
"""

from __future__ import annotations

import json
from typing import Any

import pydantic_core

MAX_DEPTH = 60
"""Collections inside one another, the outermost counted."""
MAX_DOCUMENT_NODES = 100_000
"""Maps, lists, scalars and keys; what a YAML alias repeats counts each time."""
MAX_TEXT_NODES = 500_000
"""The same over all documents of a text."""
MAX_TEXT_BYTES = 8 * 1024 * 1024
MAX_NUMBER_LENGTH = 300
"""Characters of a number: Python reads long integers in quadratic time and none of more than 4,300 digits, and one of
more than 308 digits becomes no float."""

MAX_EVENT_BYTES = 1024 * 1024
"""An event of a run as JSON, with what is sealed in it."""
MAX_INPUT_BYTES = 1024 * 1024
"""All inputs of a run as JSON."""
MAX_MESSAGE_BYTES = 8 * 1024 * 1024
"""A message as it goes to the broker, which closes the channel of a sender of more than 16 MiB."""
MAX_ANSWER_BYTES = 7 * 1024 * 1024
"""What a list or an object may take of its answer."""

TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
TOO_MANY_NODES = f"larger than {MAX_DOCUMENT_NODES:,} nodes (what an alias repeats counts again)"
TOO_MANY_IN_ALL = f"larger than {MAX_TEXT_NODES:,} nodes in all its documents"
TOO_MANY_BYTES = f"larger than {MAX_TEXT_BYTES // 1024 // 1024} MiB"


def size_of(value: Any) -> int:
    """Bytes of a value as JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).encode("utf-8", "replace"))


def is_within(value: Any, max_bytes: int, max_depth: int = MAX_DEPTH, max_nodes: int = MAX_DOCUMENT_NODES) -> bool:
    """Whether a JSON value certainly keeps all these bounds: a tenth of the time of `excess` and `size_of`.

    False says nothing; those two then tell.
    """
    try:
        encoded = pydantic_core.to_json(value, fallback=str)
    except ValueError:
        return False
    # Each collection opens once, and each node takes a byte; braces within texts only make the answer a False.
    deepest = encoded.count(b"{") + encoded.count(b"[")
    return len(encoded) <= min(max_bytes, max_nodes) and deepest <= max_depth


def excess(value: Any, max_nodes: int = MAX_DOCUMENT_NODES, max_depth: int = MAX_DEPTH) -> str:
    """Which bound a JSON value breaks, such as "nested deeper than 60 levels"; empty when it is within all.

    Needs no stack, and time for at most `max_nodes` nodes and the children of one level.
    """
    level, depth, nodes = [value], 0, 1
    while collections := [node for node in level if isinstance(node, dict | list | tuple)]:
        depth += 1
        nodes += sum(len(node) * (2 if isinstance(node, dict) else 1) for node in collections)
        if depth > max_depth:
            return TOO_DEEP if max_depth == MAX_DEPTH else f"nested deeper than {max_depth} levels"
        if nodes > max_nodes:
            return TOO_MANY_NODES if max_nodes == MAX_DOCUMENT_NODES else f"larger than {max_nodes:,} nodes"
        level = [child for node in collections for child in (node.values() if isinstance(node, dict) else node)]
    return ""
