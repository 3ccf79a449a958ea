"""How a registry wants to be signed in at: its `WWW-Authenticate` headers, read as the list that they are. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_SCHEME = re.compile(rf"[\s,]*({_TOKEN})(?:\s+[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|\Z)))?(?=[\s,]|\Z)")
"""A scheme, with the one value that some (`Negotiate`) have in place of parameters."""
_PARAMETER = re.compile(rf'[\s,]*({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to sign in that a server offers."""

    scheme: str
    """In lower case."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""


def read_challenges(header: str) -> list[Challenge]:
    """All challenges of the header's values, joined by commas: one header with several and several headers are alike.

    The grammar is RFC 9110's, section 11.6.1; what follows something unreadable is left out.
    """
    return list(_challenges(header))


def _challenges(header: str) -> Iterator[Challenge]:
    place = 0
    while match := _SCHEME.match(header, place):
        place = match.end()
        parameters: dict[str, str] = {}
        while parameter := _PARAMETER.match(header, place):
            name, quoted, bare = parameter.groups()
            parameters[name.lower()] = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare
            place = parameter.end()
        yield Challenge(match[1].lower(), parameters)


def best_known(header: str) -> Challenge | None:
    """The challenge to answer: a token service, else a password; None where neither is offered."""
    offered = read_challenges(header)
    tokens = (challenge for challenge in offered if challenge.scheme == "bearer" and challenge.parameters.get("realm"))
    passwords = (challenge for challenge in offered if challenge.scheme == "basic")
    return next(tokens, None) or next(passwords, None)
