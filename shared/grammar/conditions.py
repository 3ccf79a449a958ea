"""Conditions: is this true now? CEL does the work; `${…}` operands are variables bound to what they stand for.

How values of different types meet: a text that reads as a number counts as that number beside a number, and when two
texts are put in order and both read as numbers; two texts are equal only as texts (`"1.0" == "1.00"` is false). The
texts `true` and `false` count as truth values. Everything else that does not fit together is an error, not false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared.contracts.bounds import MAX_NUMBER_LENGTH
from shared.contracts.texts import finite, integer

from .condition_syntax import SyntaxFlaw, Translated, translate
from .names import did_you_mean, nearest
from .resolving import Scope, Unresolved, as_text, resolve

if TYPE_CHECKING:
    from cel import Program

_NUMBER = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*")
_MISSING, _NAME = "portside.missing", "name"
"""Key of the object that stands for a value which is not there; whatever uses it is not there either."""

_OURS = frozenset({"_bool", "_use", "_text", "_compare", "_reckon"})
_NATIVE = frozenset(
    {"all", "exists", "exists_one", "map", "filter", "has", "size", "contains", "startsWith", "endsWith"}
) | {"matches", "int", "uint", "double", "string", "bytes", "timestamp", "duration", "type", "dyn"}

Problems = list[tuple[str, str]]
"""Why there is no answer, and the name of the reference if one names nothing."""


class ConditionError(Exception):
    """A condition that has no answer: why, and, where it cannot be read, at which character (0-based)."""

    def __init__(self, message: str, condition: str, at: int | None = None) -> None:
        self.condition = condition
        self.reason = message
        self.at = at
        super().__init__(f"condition {condition.strip()!r}: {message}")


class MissingValue(ConditionError):
    """A condition whose answer depends on a reference that names nothing."""

    def __init__(self, message: str, condition: str, name: str) -> None:
        self.name = name
        super().__init__(message, condition)


def check_condition(condition: str, names: frozenset[str] = frozenset()) -> None:
    """Raise `ConditionError` when a condition cannot be read; nothing is evaluated. A blank one is always true."""
    if condition.strip():
        _compiled(condition, names)


def evaluate(condition: str, scope: Scope, extra: Mapping[str, Any] | None = None) -> bool:
    """Whether a condition holds; a blank one does. `extra` binds further names, such as `response`.

    Raises `ConditionError`; where the answer depends on a reference that names nothing, it is a `MissingValue`.
    """
    if not condition.strip():
        return True
    extra = extra or {}
    translated, program, library = _compiled(condition, frozenset(extra))
    problems: Problems = []
    values = {f"_{n}": value for n, value in enumerate(_bind(translated, scope, problems))}
    import cel

    context = cel.Context(variables={**{name: extra[name] for name in translated.words}, **values})
    for name, function in {**library, **_operators(problems)}.items():
        context.add_function(name, function)
    try:
        answer = program.execute(context)
    except Exception as error:  # the library raises built-in exceptions of many kinds
        raise _no_answer(problems, _plain(error), condition) from None
    if not isinstance(answer, bool):
        raise _no_answer(problems, "it is neither true nor false", condition)
    return answer


def _no_answer(problems: Problems, otherwise: str, condition: str) -> ConditionError:
    reason, name = problems[0] if problems else (otherwise, "")
    return MissingValue(reason, condition, name) if name else ConditionError(reason, condition)


@lru_cache(maxsize=2048)
def _compiled(condition: str, names: frozenset[str]) -> tuple[Translated, Program, dict[str, Callable[..., Any]]]:
    # Loaded here, since it takes a quarter of a second and many processes compile no condition.
    import cel
    from cel.stdlib import STDLIB_FUNCTIONS

    try:
        translated = translate(condition, names)
    except SyntaxFlaw as flaw:
        raise ConditionError(str(flaw), condition, flaw.at) from None
    try:
        program = cel.compile(translated.cel)
    except ValueError as error:
        raise ConditionError(_plain(error), condition) from None
    called = {name for name in program.functions() if name.replace("_", "").isalnum()} - _OURS - _NATIVE
    for name in sorted(called - STDLIB_FUNCTIONS.keys()):
        hint = did_you_mean(nearest(name, [*_NATIVE, *STDLIB_FUNCTIONS]))
        raise ConditionError(f"there is no function {name}" + (f"; {hint}" if hint else ""), condition)
    return translated, program, {name: STDLIB_FUNCTIONS[name] for name in called}


def _bind(translated: Translated, scope: Scope, problems: Problems) -> list[Any]:
    values: list[Any] = []
    for template, quoted in zip(translated.bound, translated.quoted, strict=True):
        try:
            value = resolve(template, scope)
            values.append(as_text(value) if quoted else value)
        except Unresolved as missing:
            values.append({_MISSING: str(missing), _NAME: missing.name})
    return values


def _operators(problems: Problems) -> dict[str, Callable[..., Any]]:
    """Our operators. One that has no answer notes why and gives a missing value, as an exception would be printed."""

    def guarded(operator: Callable[..., Any]) -> Callable[..., Any]:
        def apply(*values: Any) -> Any:
            for value in values:
                if isinstance(value, dict) and _MISSING in value:
                    problems.append((value[_MISSING], value.get(_NAME, "")))
                    return None if operator in (_truth, _same, as_text) else value
            try:
                return operator(*values)
            except _NoAnswer as none:
                problems.append((str(none), ""))
                return None if operator in (_truth, _same, as_text) else {_MISSING: str(none)}

        return apply

    named: dict[str, Callable[..., Any]] = {
        "_bool": _truth,
        "_use": _same,
        "_text": as_text,
        "_compare": _compare,
        "_reckon": _reckon,
    }
    return {name: guarded(operator) for name, operator in named.items()}


class _NoAnswer(Exception):
    pass


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    raise _NoAnswer(f"{_shown(value)} is neither true nor false")


def _same(value: Any) -> Any:
    return value


def _compare(sign: str, left: Any, right: Any) -> bool:
    if sign == "in":
        return _contains(right, left)
    if sign in ("==", "!="):
        return _equal(left, right) is (sign == "==")
    pair = _ordered(left, right)
    if pair is None:
        raise _NoAnswer(f"{_shown(left)} and {_shown(right)} cannot be put in order by {sign}")
    a, b = pair
    return bool({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign])


def _equal(left: Any, right: Any) -> bool:
    for operand, other in ((left, right), (right, left)):
        if isinstance(operand, bool):
            return operand is other or (isinstance(other, str) and other.strip().lower() == as_text(operand))
        if _is_number(operand) and isinstance(other, str):
            return bool(_as_number(other) == operand)
    return bool(left == right)


def _ordered(left: Any, right: Any) -> tuple[Any, Any] | None:
    a, b = _as_number(left), _as_number(right)
    if a is not None and b is not None:
        return a, b
    return (left, right) if isinstance(left, str) and isinstance(right, str) else None


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(whole, str):
        return as_text(part) in whole
    if isinstance(whole, Mapping | list | tuple):
        return any(_equal(item, part) for item in whole)
    raise _NoAnswer(f"{_shown(whole)} is not a list, map or text, so nothing can be in it")


def _reckon(sign: str, left: Any, right: Any) -> Any:
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    if sign == "+" and isinstance(left, list) and isinstance(right, list):
        return left + right
    a, b = _as_number(left), _as_number(right)
    if a is None or b is None:
        if sign == "+" and (isinstance(left, str) or isinstance(right, str)):
            return as_text(left) + as_text(right)
        raise _NoAnswer(f"{_shown(left if a is None else right)} is not a number, so {sign} cannot be used with it")
    if sign in "/%" and b == 0:
        raise _NoAnswer(f"{_shown(left)} {sign} 0: division by zero")
    return _fitting(_ARITHMETIC[sign](a, b))


Number = int | float

_ARITHMETIC: Mapping[str, Callable[[Number, Number], Number]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: _truncated(a, b) if isinstance(a, int) and isinstance(b, int) else a / b,
    "%": lambda a, b: a - b * _truncated(a, b) if isinstance(a, int) and isinstance(b, int) else math.fmod(a, b),
}


def _truncated(a: int, b: int) -> int:
    """Whole division towards zero, as CEL has it."""
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _fitting(value: Number) -> Number:
    if not isinstance(value, int) or -(2**63) <= value < 2**63:
        return value
    float_value = finite(value)
    return math.copysign(math.inf, value >= 0 or -1) if float_value is None else float_value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _as_number(value: Any) -> Number | None:
    if _is_number(value):
        return value  # type: ignore[no-any-return]
    if not isinstance(value, str) or len(value) > MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(value):
        return None
    whole = integer(value.strip(), digits=MAX_NUMBER_LENGTH)
    return float(value) if whole is None else whole


def _shown(value: Any) -> str:
    text = as_text(value) if not isinstance(value, str) else f'"{value}"'
    # Whole or not at all: of half a secret nobody would know that it is one.
    return text if len(text) <= 60 else f"a value of {len(text)} characters"


def _plain(error: Exception) -> str:
    """The library's message in one sentence, without its advice on Python."""
    text = str(error).partition(" Check that ")[0].partition(". Check function")[0].partition(" CEL does not coerce")[0]
    return " ".join(text.split()) or type(error).__name__
