"""How large and how deep a value from outside may be: the one place of these figures. Pure.

Real custom resource definitions are within them: 36 levels and 46,056 nodes a document, 110,429 nodes a text.
"""

from __future__ import annotations

from typing import Any

MAX_DEPTH = 60
"""Collections inside one another, the outermost counted."""
MAX_DOCUMENT_NODES = 100_000
"""Maps, lists, scalars and keys; what a YAML alias repeats counts each time."""
MAX_TEXT_NODES = 500_000
"""The same over all documents of a text."""
MAX_TEXT_BYTES = 8 * 1024 * 1024
MAX_NUMBER_LENGTH = 400
"""Characters of a number: Python neither reads nor writes integers of more than 4,300 digits."""

TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
TOO_MANY_NODES = f"larger than {MAX_DOCUMENT_NODES:,} nodes (what an alias repeats counts again)"
TOO_MANY_IN_ALL = f"larger than {MAX_TEXT_NODES:,} nodes in all its documents"
TOO_MANY_BYTES = f"larger than {MAX_TEXT_BYTES // 1024 // 1024} MiB"


def excess(value: Any, max_nodes: int = MAX_DOCUMENT_NODES) -> str:
    """Which bound a JSON value breaks, such as "nested deeper than 60 levels"; empty when it is within all.

    Needs no stack, and time for at most `max_nodes` nodes and the children of one level.
    """
    level, depth, nodes = [value], 0, 1
    while collections := [node for node in level if isinstance(node, dict | list | tuple)]:
        depth += 1
        nodes += sum(len(node) * (2 if isinstance(node, dict) else 1) for node in collections)
        if depth > MAX_DEPTH:
            return TOO_DEEP
        if nodes > max_nodes:
            return TOO_MANY_NODES if max_nodes == MAX_DOCUMENT_NODES else f"larger than {max_nodes:,} nodes"
        level = [child for node in collections for child in (node.values() if isinstance(node, dict) else node)]
    return ""
