"""Which parser reads a body: the one that the webhook names if it knows the shape, else the first that does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.contracts.base import Json

from . import distribution, dockerhub, generic
from .values import Reading


@dataclass(frozen=True, slots=True)
class Parser:
    """One row: does this parser know the shape, and how does it read it."""

    name: str
    recognise: Callable[[Json], bool]
    parse: Callable[[Json], Reading]


PARSERS: tuple[Parser, ...] = (
    Parser(dockerhub.NAME, dockerhub.recognise, dockerhub.parse),
    Parser(distribution.NAME, distribution.recognise, distribution.parse),
    *(Parser(row.name, partial(generic.recognise, row), partial(generic.parse, row)) for row in generic.ROWS),
)
BY_NAME: dict[str, Parser] = {parser.name: parser for parser in PARSERS}


def read_push(provider: str, body: Any) -> Reading:
    """Read a parsed body. Any JSON gives an answer; what names no push gives a sentence."""
    if not isinstance(body, dict):
        return Reading(problem="The body is JSON but not an object, so it names no push.")
    named = BY_NAME.get(provider.lower())
    if named is not None and named.recognise(body):
        return named.parse(body)
    for parser in PARSERS:
        if parser.recognise(body):
            return parser.parse(body)
    return (named or PARSERS[0]).parse(body)
