"""Mutations of a valid document, by its bytes or by its structure. The same seed gives the same documents."""

from __future__ import annotations

import contextlib
import copy
import json
import marshal
import random
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import yaml

LONGEST = 200_000
_FAST_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

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


Tree = Any
Dump = Callable[[Tree], bytes]


def mutated(rng: random.Random, document: bytes) -> bytes:
    """The document with some changes: where it is JSON or YAML mostly to its structure, which keeps it readable."""
    tree, dump = _parsed(document)
    if tree and rng.random() < 0.8:
        document = _structural(rng, marshal.loads(tree), dump)
        if rng.random() < 0.7:
            return document[:LONGEST]
    for _ in range(rng.randint(1, 3)):
        document = rng.choice(_BYTES)(rng, document)
    return document[:LONGEST]


def varied(rng: random.Random, document: bytes) -> bytes:
    """Mostly only values that another of their kind replaces, for readers that take no other kind."""
    tree, dump = _parsed(document)
    if not tree or rng.random() < 0.4:
        return mutated(rng, document)
    copied = marshal.loads(tree)
    for _ in range(rng.randint(1, 3)):
        leaves = [(holder, key) for holder, key in _places(copied) if not isinstance(holder[key], dict | list)]
        holder, key = rng.choice(leaves)
        kinds = [value for value in HOSTILE if type(value) is type(holder[key])] or [holder[key]]
        holder[key] = rng.choice(kinds)
    return dump(copied)[:LONGEST]


def form_mutated(rng: random.Random, document: bytes) -> bytes:
    """A form of which mostly one field is mutated, as what it holds, and put back in its form."""
    if rng.random() < 0.2:
        return mutated(rng, document)
    fields = parse_qsl(document.decode(), keep_blank_values=True)
    at = rng.randrange(len(fields))
    name, value = fields[at]
    # As it would come from an editor, without the bytes that no form can hold.
    fields[at] = name, varied(rng, value.encode()).decode("utf-8", "replace")
    return urlencode(fields).encode()[:LONGEST]


def words_mutated(rng: random.Random, document: bytes) -> bytes:
    """Words of which half of the time one takes the place of another, or comes twice, and no byte is changed."""
    if rng.random() < 0.5:
        return mutated(rng, document)
    settings = document.split(b"&")
    place = rng.randrange(len(settings))
    words = settings[place].split(b" ")
    if rng.random() < 0.5:
        rng.shuffle(settings)
    elif len(words) > 1:
        words[rng.randrange(len(words))] = rng.choice(words)
        settings[place] = b" ".join(words)
    else:
        settings[place] += rng.choice((b"", b"0", b"\xc3\xa4", b"%20", b" "))
    return b"&".join(settings)


@lru_cache(maxsize=256)
def _parsed(document: bytes) -> tuple[bytes, Dump]:
    """The tree in a form that is quick to copy, and how it is written again; empty where it is plain text."""
    with contextlib.suppress(ValueError):
        return marshal.dumps(json.loads(document)), lambda tree: json.dumps(tree).encode()
    with contextlib.suppress(ValueError, yaml.YAMLError):
        trees = list(yaml.safe_load_all(document))
        if all(isinstance(tree, dict) for tree in trees):
            return marshal.dumps(trees), _yaml
    return b"", str.encode


def _yaml(trees: Tree) -> bytes:
    try:
        return bytes(yaml.dump_all(trees, Dumper=_FAST_DUMPER).encode())
    except (UnicodeEncodeError, RecursionError):
        # Half a character, or too deep for the library; JSON is YAML too.
        return b"\n---\n".join(json.dumps(tree).encode() for tree in trees)


def _structural(rng: random.Random, tree: Tree, dump: Dump) -> bytes:
    for _ in range(rng.randint(1, 3)):
        if places := _places(tree):
            _change(rng, *rng.choice(places), rng.choice(places))
    return dump(tree)


def _change(rng: random.Random, holder: Any, key: Any, other: tuple[Any, Any]) -> None:
    change = rng.randrange(4)
    if change == 0:
        holder[key] = copy.deepcopy(rng.choice(HOSTILE))
    elif change == 1:
        for _ in range(rng.choice((1, 5, 58, 62, 190))):
            holder[key] = [holder[key]]
    elif change == 2:
        del holder[key]
    else:
        elsewhere, place = other
        holder[key] = copy.deepcopy(elsewhere.get(place) if isinstance(elsewhere, dict) else place)


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
