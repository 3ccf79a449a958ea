"""Regular expressions from outside: read, bounded and matched in time that grows with the text alone. Pure.

The engine is that of the CEL library: Rust's, which never backtracks, and which knows Java's sets (`[a-z&&[^x]]`). It
has neither back references nor look-arounds; of the latter those at either end of an expression are what people write
(`^(?!latest).*$`), and each of them is an expression of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

Test = Callable[[str], bool]

if TYPE_CHECKING:
    from cel import Program

MAX_WEIGHT = 5_000
"""Of an expression's repeats, written out: the engine reads an expression again for each name, in about a millisecond
at this size."""
_UNICODE_WEIGHT, _ANY_WEIGHT = 500, 10
_JAVA = {
    "w": "[0-9A-Za-z_]", "W": "[^0-9A-Za-z_]", "d": "[0-9]", "D": "[^0-9]", "s": r"[\t-\r ]", "S": r"[^\t-\r ]",
    "b": r"(?-u:\b)", "Z": r"\z",
}  # fmt: skip
"""What these mean in Java, as in Code Stream: letters and digits of ASCII. Those of Unicode take the engine three
hundred times as long to read."""
_TOKENS = re.compile(
    r"""\\(?:(?P<property>[pP](?:\{[^}]*\}|.))|(?P<escape>[xuU]\{[^}]*\}|.))
    |(?P<posix>\[:\^?[a-z]+:\])
    |(?P<set>\[\^?\]?)
    |(?P<flags>\(\?[A-Za-z-]+\))
    |(?P<open>\((?:\?(?:<?[=!]|[A-Za-z-]*:|P?<[^>=!]*>|[>#|(]))?)
    |(?P<repeat>(?:[*+?]|\{(?P<least>[0-9]*)(?P<comma>,?)(?P<most>[0-9]*)\})[?+]?)
    |(?P<any>.)""",
    re.VERBOSE | re.DOTALL,
)
_AHEAD, _BEHIND = {"(?=": True, "(?!": False}, {"(?<=": True, "(?<!": False}
_LOOKS = _AHEAD | _BEHIND
_GROUPS = ("(", "(?:")
_STARTS, _ENDS = ("^", r"\A"), ("$", r"\z")
_WHOLE = r"\A(?:{})\z"


class BadPattern(ValueError):
    """A pattern that cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class _Token:
    """A part of an expression as the engine is given it; `depth` counts the groups around it."""

    kind: str
    text: str
    depth: int


@cache
def _engine() -> Program:
    """The library takes a quarter of a second to load, which most processes never need."""
    import cel

    program: Program = cel.compile("name.matches(pattern)")
    return program


def whole_match(expression: str) -> Test:
    """Whether a name matches an expression from its beginning to its end. Raises `BadPattern`."""
    tokens = _tokens(expression)
    if not any(token.text in _LOOKS for token in tokens):
        # Alone first, so that `a)|(?:b` does not close the group that is put around it.
        _demand_readable(expression, _text(tokens))
    conditions = _conditions(expression, tokens)
    for _, pattern in conditions:
        _demand_readable(expression, pattern)
    return lambda name: all(_matches(name, pattern) is is_wanted for is_wanted, pattern in conditions)


def _matches(name: str, pattern: str) -> bool:
    return _engine().execute({"name": name, "pattern": pattern}) is True


def _demand_readable(expression: str, pattern: str) -> None:
    try:
        _engine().execute({"name": "", "pattern": pattern})
    except (RuntimeError, ValueError) as error:
        why = str(error).rpartition("error: ")[2].partition(". Check function")[0].rpartition(":\n")[2]
        mend = r"; write \[ for [ inside […]" if "unclosed character class" in why else ""
        raise BadPattern(f"{expression} is not a regular expression: {why}{mend}") from None


def _tokens(expression: str) -> list[_Token]:
    """The parts of an expression. Raises `BadPattern` for repeats that amount to too much, and for back references."""
    tokens: list[_Token] = []
    depth = sets = 0
    weights, last = [0], 0
    for match in _TOKENS.finditer(expression):
        kind, text = match.lastgroup or "any", match[0]
        if match["escape"]:
            kind, text = "escape", _JAVA.get(match["escape"], text)
            if match["escape"] in "123456789k":
                raise BadPattern(f"{expression} has a back reference ({match[0]}), which is not supported")
        if sets:
            sets += 1 if match["set"] else -1 if text == "]" else 0
            kind = "in-set"
        elif match["set"]:
            sets, kind, last = 1, "set", _ANY_WEIGHT if "^" in text else 1
            weights[-1] += last
        elif match["open"]:
            kind = "open"
            tokens.append(_Token(kind, text, depth))
            depth += 1
            weights.append(0)
            continue
        elif text == ")":
            kind, depth = "close", max(0, depth - 1)
            last = weights.pop() if len(weights) > 1 else 0
            weights[-1] += last
        elif match["repeat"]:
            kind = "repeat"
            times = max(int(match["least"] or 0), int(match["most"] or 0)) if text[0] == "{" else 1
            weights[-1] += last * (times - 1)
            last *= max(1, times)
        elif text == "|":
            kind = "bar"
        else:
            last = _UNICODE_WEIGHT if match["property"] else _ANY_WEIGHT if text == "." else 1
            weights[-1] += last
        if max(weights) > MAX_WEIGHT:
            raise BadPattern(f"{expression} repeats too much: write * or + for the largest of its counted repeats")
        tokens.append(_Token(kind, text, depth))
    return tokens


def _conditions(expression: str, tokens: list[_Token]) -> list[tuple[bool, str]]:
    """Patterns that a name must match, or must not; each is looked for anywhere in the name. Raises `BadPattern`."""
    if not any(token.text in _LOOKS for token in tokens):
        return [(True, _WHOLE.format(_text(tokens)))]
    flags, tokens = _without_flags(tokens)
    while tokens and tokens[0].text in _GROUPS and _end_of(tokens, 0) == len(tokens) - 1:
        tokens = tokens[1:-1]
    looks, rest = _taken_off(tokens)
    conditions = [*looks, (True, _WHOLE, rest)]
    if (unwanted := _nowhere(rest)) is not None:
        conditions[-1:] = [(False, "(?:{})", unwanted), (True, _WHOLE, [rest[-3], rest[-1]])]
    further = [token.text for _, _, part in conditions for token in part if token.text in _LOOKS]
    if further or not set(flags) <= set("(?is)"):
        raise BadPattern(
            f"{expression} looks around where that is not supported ({further[0] if further else flags}): a look-ahead "
            "may begin a pattern and a look-behind may end it; else write what must not match on a line of its own "
            "that begins with !"
        )
    return [(is_wanted, flags + form.format(_text(part))) for is_wanted, form, part in conditions]


def _without_flags(tokens: list[_Token]) -> tuple[str, list[_Token]]:
    """The flags with which an expression begins, and the rest."""
    count = next((index for index, token in enumerate(tokens) if token.kind != "flags"), len(tokens))
    return _text(tokens[:count]), tokens[count:]


def _taken_off(tokens: list[_Token]) -> tuple[list[tuple[bool, str, list[_Token]]], list[_Token]]:
    """The look-aheads with which an expression begins and the look-behinds with which it ends, and what is between."""
    conditions: list[tuple[bool, str, list[_Token]]] = []
    if any(token.kind == "bar" and token.depth == tokens[0].depth for token in tokens):
        return conditions, tokens
    while tokens:
        start, end = _start_of(tokens), _end_of(tokens, 0)
        if tokens[0].text in _STARTS:
            tokens = tokens[1:]
        elif tokens[-1].text in _ENDS:
            tokens = tokens[:-1]
        elif tokens[0].text in _AHEAD and not _is_repeated(tokens, end):
            conditions.append((_AHEAD[tokens[0].text], r"\A(?:{})", tokens[1:end]))
            tokens = tokens[end + 1 :]
        elif start is not None and tokens[start].text in _BEHIND:
            conditions.append((_BEHIND[tokens[start].text], r"(?:{})\z", tokens[start + 1 : -1]))
            tokens = tokens[:start]
        else:
            break
    return conditions, tokens


def _is_repeated(tokens: list[_Token], end: int) -> bool:
    return any(token.kind == "repeat" for token in tokens[end + 1 : end + 2])


def _nowhere(tokens: list[_Token]) -> list[_Token] | None:
    """X of `((?!X).)*` where that is all: it is nowhere in the name."""
    if len(tokens) < 2 or tokens[0].text not in _GROUPS or tokens[1].text != "(?!":
        return None
    end = _end_of(tokens, 1)
    is_all = "".join(token.text for token in tokens[end:]) in (").)*", ").)+")
    return tokens[2:end] if is_all else None


def _end_of(tokens: list[_Token], start: int) -> int:
    """Where the group that begins there ends; the number of tokens where it does not."""
    depth = tokens[start].depth
    ends = (index for index in range(start + 1, len(tokens)) if tokens[index].kind == "close")
    return next((index for index in ends if tokens[index].depth == depth), len(tokens))


def _start_of(tokens: list[_Token]) -> int | None:
    """Where the group begins with which the tokens end; None where they end with none."""
    if tokens[-1].kind != "close":
        return None
    depth = tokens[-1].depth
    starts = (index for index in reversed(range(len(tokens))) if tokens[index].kind == "open")
    return next((index for index in starts if tokens[index].depth == depth), None)


def _text(tokens: list[_Token]) -> str:
    return "".join(token.text for token in tokens)
