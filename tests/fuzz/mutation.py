"""Mutations of a valid document, by its bytes or by its structure. The same seed gives the same documents."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    10**400,
    1e308,
    -0.0,
    "",
    " ",
    "\u202e",
    "\x00",
    "\ud800",
    "x" * 5_000,
    "${",
    "${a}",
    "$${x}",
    "${var.x}",
    "*a",
    "&a [*a]",
    "!!int foo",
    "2001-99-99",
    "---",
    "../..",
    "<b>",
    "'",
    '"',
    "%00",
    "1e999",
    [],
    [[]],
    [None],
    {},
    {"": ""},
    {"__proto__": 1},
    {"a": {"a": {"a": 1}}},
    [1] * 3_000,
)
WORDS = (
    b"[",
    b"]",
    b"{",
    b"}",
    b"&a ",
    b"*a",
    b"!!int ",
    b"<<: *a",
    b"\n---\n",
    b"\n",
    b": ",
    b"- ",
    b'"',
    b"'",
    b"#",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"NaN",
    b"1e999",
    b"[" * 70,
    b"${",
    b"|",
    b">",
    b"?",
    b"%",
    b"\t",
    b"0x",
)


def mutated(rng: random.Random, document: bytes) -> bytes:
    """The document with one to four changes; two in three keep it readable where it is JSON."""
    for _ in range(rng.randint(1, 4)):
        if rng.random() < 0.66 and (structural := _structural(rng, document)) is not None:
            document = structural
        else:
            document = rng.choice(_BYTES)(rng, document)
    return document[:200_000]


def _structural(rng: random.Random, document: bytes) -> bytes | None:
    try:
        tree = json.loads(document)
    except (ValueError, RecursionError):
        return None
    places = list(_places(tree))
    if not places:
        return None
    holder, key = rng.choice(places)
    change = rng.randrange(4)
    if change == 0:
        holder[key] = copy.deepcopy(rng.choice(HOSTILE))
    elif change == 1:
        for _ in range(rng.choice((1, 5, 58, 62, 190))):
            holder[key] = [holder[key]]
    elif change == 2:
        del holder[key]
    else:
        other, place = rng.choice(places)
        holder[key] = copy.deepcopy(other.get(place) if isinstance(other, dict) else place)
    return json.dumps(tree).encode()


def _places(tree: Any) -> list[tuple[Any, Any]]:
    level, places = [tree], []
    while level:
        holder = level.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder) if isinstance(holder, list) else ()
        for key, value in list(items)[:50]:
            places.append((holder, key))
            level.append(value)
    return places


def _insert(rng: random.Random, document: bytes) -> bytes:
    at = rng.randint(0, len(document))
    return document[:at] + rng.choice(WORDS) + document[at:]


def _delete(rng: random.Random, document: bytes) -> bytes:
    at = rng.randint(0, len(document))
    return document[:at] + document[at + rng.randint(1, 20) :]


def _repeat(rng: random.Random, document: bytes) -> bytes:
    at = rng.randint(0, len(document))
    end = at + rng.randint(1, 40)
    return document[:end] + document[at:end] * rng.choice((1, 2, 50)) + document[end:]


def _flip(rng: random.Random, document: bytes) -> bytes:
    if not document:
        return document
    at = rng.randrange(len(document))
    return document[:at] + bytes([document[at] ^ (1 << rng.randrange(8))]) + document[at + 1 :]


_BYTES: tuple[Callable[[random.Random, bytes], bytes], ...] = (_insert, _delete, _repeat, _flip)
