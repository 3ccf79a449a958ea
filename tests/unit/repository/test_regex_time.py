"""Our own regular expressions take time that grows with the text, whatever the text; those from outside are linear.

From each expression come texts that repeat what it repeats and then do not fit. Of such a text, four times as long, a
linear expression takes four times the time, and one that tries each place anew sixteen times. Only growth is judged, in
the processor's time; what looks suspicious is measured again.
"""

from __future__ import annotations

import ast
import importlib
import math
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from re import _constants as kinds
from re import _parser as parser
from types import ModuleType
from typing import Any

import pytest

import cli
import services
import shared
from shared.grammar.patterns import check_pattern, matches

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SHORT = {
    "services.gateway.receiver.parsers.generic._HOST_AND_REST": "a name in a payload: 512 characters",
    "services.runner.tasks.shell_values": "what is before or after a place in a script: 1,000 characters",
    "services.runner.tasks.k8s.errors._VALUES": "a server's message: 32 KiB",
    "shared.grammar.condition_syntax._TOKENS": "a condition: 10,000 characters",
    "shared.grammar.patterns": "a pattern: 1,000 characters",
    "shared.grammar.regular": "a pattern: 1,000 characters",
    "shared.grammar.versions": "a tag or a pattern: 1,000 characters",
}
"""Expressions that only see a short text, by the beginning of their names, and what bounds it."""
LINEAR, TRIES = 1.5, 4
"""The largest exponent that passes, and how often one above it is measured."""
LONG_ENOUGH_S, SHORTEST, LONGEST = 0.004, 400, 60_000
SCANNING = "search|sub|subn|findall|finditer|split"


def modules() -> Iterator[ModuleType]:
    for package in (shared, services, cli):
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not info.name.endswith(("__main__", "migrations.env")) and ".versions." not in info.name:
                yield importlib.import_module(info.name)


def within(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ():
        yield from within(item)


def expressions() -> dict[tuple[Any, int, bool], str]:
    """Expression, flags and whether it is looked for everywhere in a text, by where it is."""
    found: dict[tuple[Any, int, bool], str] = {}
    for module in modules():
        source = Path(str(module.__file__)).read_text(encoding="utf-8")
        for name, value in vars(module).items():
            for pattern in within(value):
                scans = re.search(rf"\b{name}(?:\[[^\]]*\])*\.(?:{SCANNING})\b", source)
                anchored = re.search(rf"\b{name}(?:\[[^\]]*\])*\.(?:match|fullmatch)\b", source)
                found.setdefault(
                    (pattern.pattern, pattern.flags, bool(scans or not anchored)), f"{module.__name__}.{name}"
                )
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="re"), attr=attr), args=[ast.Constant(value=text), *_]
                ) if attr not in ("compile", "escape") and isinstance(text, str):
                    scans_inline = attr in SCANNING.split("|")
                    found.setdefault((text, re.compile(text).flags, scans_inline), f"{module.__name__}:{node.lineno}")
    return found


def sample(tree: Any, choice: int) -> str:
    """A shortest text that fits; of alternatives the one of that number."""
    text = ""
    for kind, value in tree:
        if kind is kinds.LITERAL:
            text += chr(value)
        elif kind in (kinds.ANY, kinds.NOT_LITERAL):
            text += "a" if value != ord("a") else "b"
        elif kind is kinds.IN:
            one = re.compile(_set_text(value))
            text += next((sign for sign in "a1 -._/\n'\"\\$({[<:,A0" if one.fullmatch(sign)), "a")
        elif kind is kinds.BRANCH:
            text += sample(value[1][choice % len(value[1])], choice)
        elif kind is kinds.SUBPATTERN:
            text += sample(value[-1], choice)
        elif kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
            text += sample(value[2], choice) * max(value[0], 1 if value[1] else 0)
        elif kind is kinds.ATOMIC_GROUP:
            text += sample(value, choice)
    return text


def _set_text(items: Any) -> str:
    classes = {
        kinds.CATEGORY_DIGIT: r"\d", kinds.CATEGORY_NOT_DIGIT: r"\D", kinds.CATEGORY_SPACE: r"\s",
        kinds.CATEGORY_NOT_SPACE: r"\S", kinds.CATEGORY_WORD: r"\w", kinds.CATEGORY_NOT_WORD: r"\W",
    }  # fmt: skip
    text = ""
    for kind, value in items:
        if kind is kinds.NEGATE:
            text += "^"
        elif kind is kinds.LITERAL:
            text += re.escape(chr(value))
        elif kind is kinds.RANGE:
            text += f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
        else:
            text += classes[value]
    return f"[{text}]"


def repeated(tree: Any, before: str, choice: int) -> Iterator[tuple[str, str]]:
    """What comes before each repetition, and what it repeats."""
    for kind, value in tree:
        if kind in (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT):
            if value[1] >= 64:
                yield before, sample(value[2], choice)
            yield from repeated(value[2], before, choice)
        elif kind is kinds.BRANCH:
            for number, branch in enumerate(value[1]):
                yield from repeated(branch, before, number)
        elif kind is kinds.SUBPATTERN:
            yield from repeated(value[-1], before, choice)
        elif kind is kinds.ATOMIC_GROUP:
            yield from repeated(value, before, choice)
        elif kind in (kinds.ASSERT, kinds.ASSERT_NOT):
            yield from repeated(value[1], before, choice)
        before += sample([(kind, value)], choice)


def attacks(pattern: str, flags: int) -> set[tuple[str, str]]:
    """Beginnings, and what follows many times."""
    tree = parser.parse(pattern, flags)
    found: set[tuple[str, str]] = set()
    for choice in range(3):
        for before, pump in repeated(tree, "", choice):
            found |= {(before, pump), ("", pump), ("", before + pump), ("", before)}
    return {(before, pump) for before, pump in found if pump}


def growth(measure: Callable[[int], float]) -> float:
    """The exponent by which time grows with length; 0 where the longest text takes no time worth measuring."""
    length = 8
    while (taken := measure(length)) < LONG_ENOUGH_S:
        if length > LONGEST:
            return 0.0
        length = length * 3 // 2
    return math.inf if length < SHORTEST else math.log(taken / measure(length // 4), 4)


def cpu_time(run: Callable[[], object]) -> float:
    """The shortest of three, since whatever else the machine does only makes a measure longer."""
    best = math.inf
    for _ in range(3):
        before = time.thread_time()
        run()
        best = min(best, time.thread_time() - before)
        if best > 10 * LONG_ENOUGH_S:
            break
    return max(best, 1e-7)


def is_suspicious(compiled: re.Pattern[Any], scans: bool, before: str, pump: str, end: str) -> bool:
    def measure(length: int) -> float:
        text: Any = before + pump * (length // len(pump) + 1) + end
        text = text.encode() if isinstance(compiled.pattern, bytes) else text
        if scans:
            return cpu_time(lambda: sum(1 for _ in compiled.finditer(text)))
        return cpu_time(lambda: (compiled.fullmatch(text), compiled.match(text)))

    return all(growth(measure) > LINEAR for _ in range(TRIES))


def test_our_own_expressions_take_time_that_grows_with_the_text() -> None:
    slow = []
    for (pattern, flags, scans), name in expressions().items():
        if name.startswith(tuple(SHORT)):
            continue
        compiled = re.compile(pattern, flags)
        texts = ((before, pump, end) for before, pump in attacks(pattern, flags) for end in ("", "\0", "!\n"))
        slow += [f"{name}: {pattern!r} on {text!r}" for text in texts if is_suspicious(compiled, scans, *text)][:1]
    assert slow == []


def test_what_is_short_is_still_there() -> None:
    names = set(expressions().values())
    assert [name for name in SHORT if not any(known.startswith(name) for known in names)] == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"(a+)+$", "a"),
        (r"(a|a)*b", "a"),
        (r"(.*)*x", "a"),
        (r"(?!(a+)+b).*", "a"),
        (r".*(?<!(a|a)*c)", "a"),
        (r"((?!a*b).)*", "a"),
        (r"(\w?){30}\w{30}x", "a"),
        ("glob:" + "*a" * 20, "a"),
        ("glob:[[:a:]" + "[:a:]" * 100, "["),
    ],
)
def test_a_pattern_from_outside_takes_time_that_grows_with_the_name(pattern: str, text: str) -> None:
    assert check_pattern(pattern) == []
    measure: Callable[[int], float] = lambda length: cpu_time(lambda: matches(pattern, text * length))  # noqa: E731
    assert any(growth(measure) <= LINEAR for _ in range(TRIES))
