"""Reading a condition and writing it as CEL whose operators are ours, so that texts and numbers meet as people expect.

Beside CEL it understands the forms that pipelines are written in: `${…}` as an operand or within quotes, `=~` and `!~`
for regular expressions, words without quotes as texts, and backslashes in texts that mean themselves (`"\\d+"`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from shared.contracts.texts import whole_number

MAX_LENGTH = 10_000
MAX_DEPTH = 50
MAX_NUMBER_LENGTH = 60

_TOKENS = re.compile(
    r"""(?P<space>\s+)
    |(?P<reference>\$\{[^{}]*\})
    |(?P<text>[rR]?(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))
    |(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>==|!=|<=|>=|=~|!~|&&|\|\||[<>!+\-*/%?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "`": "`"}
_CONSTANTS = ("true", "false", "null")
_WORD_SIGNS = {"and": "&&", "or": "||", "not": "!", "eq": "==", "ne": "!=", "AND": "&&", "OR": "||", "NOT": "!"}
_MACROS = frozenset({"all", "exists", "exists_one", "map", "filter"})


class SyntaxFlaw(Exception):
    """A condition that cannot be read: what is wrong, and at which character (0-based)."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True)
class ConditionToken:
    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Translated:
    """A condition as CEL, and the templates whose values its variables `_0`, `_1`, … stand for."""

    cel: str
    bound: tuple[str, ...]
    """`${…}` itself, or a text with references in it."""
    quoted: tuple[bool, ...]
    """Whether that was in quotes, which makes its value a text."""
    words: frozenset[str]
    """Names that were left to CEL because the caller binds them."""


@lru_cache(maxsize=2048)
def translate(condition: str, names: frozenset[str] = frozenset()) -> Translated:
    """Translate a condition; `names` are bound by the caller. Raises `SyntaxFlaw`."""
    if len(condition) > MAX_LENGTH:
        raise SyntaxFlaw(f"the condition is longer than {MAX_LENGTH} characters", MAX_LENGTH)
    return _Parser(list(_tokens(condition)), len(condition), names).whole()


def _tokens(condition: str) -> Iterator[ConditionToken]:
    at = 0
    while at < len(condition):
        match = _TOKENS.match(condition, at)
        if match is None:
            raise SyntaxFlaw(_unreadable(condition[at:]), at)
        kind = match.lastgroup or ""
        if kind != "space":
            yield ConditionToken(kind, match[0], at)
        at = match.end()


def _unreadable(rest: str) -> str:
    if rest[0] == "=":
        return "a single = compares nothing; write =="
    if rest[0] in "&|":
        return f"write {rest[0] * 2} for {'and' if rest[0] == '&' else 'or'}"
    if rest[0] in "'\"":
        return "this text has no closing quote"
    if rest.startswith("${"):
        return "this ${ has no closing }"
    return f"{rest[0]!r} means nothing here"


def unquote(literal: str) -> str:
    """The text within a literal. A backslash before anything but n, t, r, quotes and backslash stays."""
    raw = literal[0] in "rR"
    body = literal[1:] if raw else literal
    width = 3 if body.startswith(("'''", '"""')) else 1
    body = body[width:-width]
    return body if raw else re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), body, flags=re.DOTALL)


@dataclass
class _Parser:
    tokens: list[ConditionToken]
    length: int
    names: frozenset[str]
    at: int = 0
    depth: int = 0
    bound: dict[tuple[str, bool], str] = field(default_factory=dict)
    local: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def whole(self) -> Translated:
        cel = f"_bool({self.choice()})"
        if self.at < len(self.tokens):
            raise self.flaw(self._misplaced(self.tokens[self.at]))
        templates = tuple(self.bound)
        return Translated(cel, tuple(t for t, _ in templates), tuple(q for _, q in templates), frozenset(self.used))

    def choice(self) -> str:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.flaw(f"the condition is nested deeper than {MAX_DEPTH} levels")
        first = self.either()
        if self.take("?"):
            then = self.choice()
            self.need(":")
            first = f"(_bool({first}) ? {then} : {self.choice()})"
        self.depth -= 1
        return first

    def either(self) -> str:
        return self.logic("||", self.both)

    def both(self) -> str:
        return self.logic("&&", self.relation)

    def logic(self, sign: str, part: Callable[[], str]) -> str:
        parts = [part()]
        while self.take(sign):
            parts.append(part())
        return parts[0] if len(parts) == 1 else "(" + f" {sign} ".join(f"_bool({operand})" for operand in parts) + ")"

    def relation(self) -> str:
        left = self.sum()
        while sign := self.take("==", "!=", "<=", ">=", "<", ">", "=~", "!~", "in"):
            right = self.sum()
            if sign in ("=~", "!~"):
                left = f"{'!' if sign == '!~' else ''}_text({left}).matches(_text({right}))"
            else:
                left = f"_compare({json.dumps(sign)}, {left}, {right})"
        return left

    def sum(self) -> str:
        return self.arithmetic(("+", "-"), self.product)

    def product(self) -> str:
        return self.arithmetic(("*", "/", "%"), self.sign)

    def arithmetic(self, signs: tuple[str, ...], part: Callable[[], str]) -> str:
        left = part()
        while sign := self.take(*signs):
            left = f"_reckon({json.dumps(sign)}, {left}, {part()})"
        return left

    def sign(self) -> str:
        signs = ""
        while sign := self.take("!", "-"):
            signs += sign
        value = self.postfix()
        for sign in reversed(signs):
            value = f"(!_bool({value}))" if sign == "!" else f'_reckon("-", 0, {value})'
        return value

    def postfix(self) -> str:
        value = self.primary()
        while sign := self.take(".", "["):
            if sign == "[":
                value = f"_use({value})[{self.choice()}]"
                self.need("]")
                continue
            member = self.next("word", "a name after the dot")
            value = f"_use({value}).{member.text}"
            if self.take("("):
                value += self.arguments(macro=member.text in _MACROS)
        return value

    def arguments(self, *, macro: bool = False) -> str:
        """What stands in the parentheses of a call; the first argument of a macro names a variable for the others."""
        if macro:
            name = self.next("word", "a variable's name").text
            self.need(",")
            self.local.append(name)
            rest = self.items(")")
            self.local.pop()
            return f"({name}, {rest})"
        return f"({self.items(')')})"

    def items(self, end: str) -> str:
        items: list[str] = []
        while not self.take(end):
            if items:
                self.need(",")
            items.append(self.choice())
        return ", ".join(items)

    def primary(self) -> str:
        if self.at >= len(self.tokens):
            raise self.flaw("something is missing at the end")
        token = self.tokens[self.at]
        self.at += 1
        match token.kind, token.text:
            case "reference", text:
                return self.bind(text, quoted=False)
            case "text", text:
                body = unquote(text)
                return self.bind(body, quoted=True) if "${" in body else json.dumps(body, ensure_ascii=False)
            case "number", text:
                if len(text) > MAX_NUMBER_LENGTH:
                    raise self.flaw(f"a number of more than {MAX_NUMBER_LENGTH} characters")
                return _number(text)
            case "word", text:
                return self.word(text)
            case _, "(":
                value = self.choice()
                self.need(")")
                return f"({value})"
            case _, "[":
                return f"[{self.items(']')}]"
            case _, "{":
                return self.map()
            case _:
                self.at -= 1
                raise self.flaw(self._misplaced(token))

    def map(self) -> str:
        items: list[str] = []
        while not self.take("}"):
            if items:
                self.need(",")
            key = self.choice()
            self.need(":")
            items.append(f"{key}: {self.choice()}")
        return "{" + ", ".join(items) + "}"

    def word(self, text: str) -> str:
        if self.take("("):
            return f"{text}{self.arguments()}"
        if text in _CONSTANTS or text in self.local:
            return text
        if text in self.names:
            self.used.add(text)
            return text
        return json.dumps(text)

    def bind(self, template: str, *, quoted: bool) -> str:
        return self.bound.setdefault((template, quoted), f"_{len(self.bound)}")

    def take(self, *texts: str) -> str:
        """The next token if it is one of these, else nothing."""
        token = self.tokens[self.at] if self.at < len(self.tokens) else None
        if token is None or token.text not in texts or token.kind not in ("sign", "word"):
            return ""
        self.at += 1
        return token.text

    def need(self, text: str) -> None:
        if not self.take(text):
            raise self.flaw(f"{text} is missing here")

    def next(self, kind: str, noun: str) -> ConditionToken:
        if self.at >= len(self.tokens) or self.tokens[self.at].kind != kind:
            raise self.flaw(f"{noun} is missing here")
        self.at += 1
        return self.tokens[self.at - 1]

    def flaw(self, message: str) -> SyntaxFlaw:
        return SyntaxFlaw(message, self.tokens[self.at].at if self.at < len(self.tokens) else self.length)

    def _misplaced(self, token: ConditionToken) -> str:
        if token.kind == "word" and token.text in _WORD_SIGNS:
            return f"{token.text} is not an operator; write {_WORD_SIGNS[token.text]}"
        if token.kind in ("word", "number", "text", "reference"):
            return f"an operator such as == or && is missing before {token.text} (a text of several words needs quotes)"
        return f"{token.text} is not expected here"


def _number(text: str) -> str:
    """CEL's whole numbers have 64 bits; larger ones become floating."""
    if text[:2] in ("0x", "0X"):
        value: int | float = int(text, 16)
    else:
        whole = whole_number(text, digits=MAX_NUMBER_LENGTH)
        value = float(text) if whole is None else whole
    return str(value) if isinstance(value, float) or value < 2**63 else str(float(value))
