"""How YAML's scalars become JSON values: one table for pipelines, one for manifests. Pure."""

from __future__ import annotations

import base64
import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

import yaml

from shared.contracts.bounds import MAX_NUMBER_LENGTH
from shared.contracts.texts import finite

LIBRARY_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's parser where there is one. Every reader of a text uses it: the two disagree on a few."""

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_TEXT = f"{_TAG}str"
_NUMBER_TAGS = frozenset({f"{_TAG}int", f"{_TAG}float"})
_PLAIN_TAGS = frozenset(_TAG + name for name in ("str", "int", "float", "bool", "null", "timestamp", "value"))


class Unbuildable(Exception):
    """A scalar that is not what its tag says, such as `!!int foo`."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Dialect:
    """How YAML becomes JSON values."""

    scalar: Callable[[yaml.ScalarNode], Any]
    """The value of a scalar; raises `Unbuildable`."""
    key: Callable[[yaml.ScalarNode], str]
    """The text of a key; raises `Unbuildable`."""
    merges: bool
    """Whether `<<` merges a map into the one that holds it; otherwise it is refused."""
    loader: Any = LIBRARY_LOADER
    """Composes the nodes that `scalar` and `key` read."""

    @staticmethod
    def is_merge(node: yaml.Node) -> bool:
        """Whether a key is the merge key, written plain."""
        return node.tag == _MERGE or (node.tag == PLAIN_TAG and node.value == "<<" and not getattr(node, "style", ""))


_TOO_LONG = f"a number of more than {MAX_NUMBER_LENGTH} characters"
_SCALARS = yaml.SafeLoader("")
"""Constructs single scalars by the rules of YAML 1.1; for a scalar it keeps no state."""

_NOT_ITS_TAG = (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, yaml.YAMLError)
"""What the library raises for a text that its tag does not fit: `!!int foo`, `!!bool x`, `2001-99-99`, `!!int ''`."""


def construct(node: yaml.ScalarNode) -> Any:
    """A scalar by YAML 1.1, but that 12:30 is a time of day and dates stay texts. Raises `Unbuildable`."""
    if node.tag == _TEXT:
        return node.value
    if node.tag not in _PLAIN_TAGS:
        raise Unbuildable(f"the tag {node.tag} is not supported")
    if node.tag in _NUMBER_TAGS:
        if ":" in node.value:
            return node.value
        if len(node.value) > MAX_NUMBER_LENGTH:
            raise Unbuildable(_TOO_LONG, "put it in quotes")
    try:
        value = yaml.SafeLoader.yaml_constructors[node.tag](_SCALARS, node)
    except _NOT_ITS_TAG:
        raise Unbuildable(f"{node.value[:100]} is no {node.tag.removeprefix(_TAG)}") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise Unbuildable(f"{node.value} is not a number that JSON knows", "put it in quotes")
    if isinstance(value, int) and finite(int(value)) is None:
        raise Unbuildable(f"{node.value[:40]}… is larger than any number that can be kept", "put it in quotes")
    return value if isinstance(value, str | int | float | bool) or value is None else node.value


PLAIN_TAG = "plain"
"""The tag of a scalar whose author gave none, so that an explicit `!!str 1e3` can be told from `1e3`."""


class PlainLoader(LIBRARY_LOADER):  # type: ignore[misc]
    """Composes scalars without typing them: what a plain one means is the dialect's."""

    DEFAULT_SCALAR_TAG = PLAIN_TAG
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


_WORDS: dict[str, bool | None] = {
    **{form: True for word in ("y", "yes", "on", "true") for form in (word, word.title(), word.upper())},
    **{form: False for word in ("n", "no", "off", "false") for form in (word, word.title(), word.upper())},
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
}
_INFINITE = {"+": math.inf, "-": -math.inf, "": math.inf}
_NOT_FINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INT64, _UINT64 = range(-(2**63), 2**63), range(2**64)


def _go_integer(text: str) -> int:
    """What Go's `strconv.ParseInt(text, 0, 64)` reads: 0x, 0b and 0o mean their bases, and a leading 0 alone octal."""
    sign, digits = (-1 if text.startswith("-") else 1), text.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _untyped(text: str) -> Any:
    """A plain scalar as go-yaml 2 resolves it, whose reading `sigs.k8s.io/yaml` keeps and with it kubectl."""
    if text in _WORDS:
        return _WORDS[text]
    if match := _NOT_FINITE.fullmatch(text):
        return math.nan if match[1] is None else _INFINITE[match[1]]
    if text[:1] not in "+-.0123456789":
        return text
    digits = text.replace("_", "")
    if len(digits) > MAX_NUMBER_LENGTH and (_INTEGER.fullmatch(digits) or _FLOAT.fullmatch(digits)):
        raise Unbuildable(_TOO_LONG, "put it in quotes")
    if text[0] != "." and _INTEGER.fullmatch(digits):
        number = _go_integer(digits)
        if number in _INT64 or (number in _UINT64 and digits[0] != "+"):
            return number
    if _FLOAT.fullmatch(text if text[0] == "." else digits):
        value = float(digits)
        return value if math.isfinite(value) else text
    return text


def _tagged(node: yaml.ScalarNode) -> Any:
    """A scalar with a tag of its author's, which its text must fit."""
    name = node.tag.removeprefix(_TAG)
    if name == "binary":
        try:
            return base64.b64decode(node.value, validate=True).decode()
        except ValueError:
            raise Unbuildable(f"{node.value[:100]} is not base64 of a text") from None
    if name not in _TAGGED_TYPES:
        return node.value
    value = _untyped(node.value)
    if name == "float" and type(value) is int:
        return float(value)
    if type(value) not in _TAGGED_TYPES[name]:
        raise Unbuildable(f"{node.value[:100]} is no {name}")
    return value


_TAGGED_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (float,), "bool": (bool,), "null": (type(None),)}


def _typed(node: yaml.ScalarNode) -> Any:
    if node.tag != PLAIN_TAG:
        return _tagged(node)
    return node.value if node.style else _untyped(node.value)


def _manifest_scalar(node: yaml.ScalarNode) -> Any:
    """The JSON value that kubectl sends; tests/unit/shared/grammar/kubectl_scalars.json is its own table of them."""
    value = _typed(node)
    if not isinstance(value, float):
        return value if not isinstance(value, int) or isinstance(value, bool) or value in _INT64 else float(value)
    if not math.isfinite(value):
        raise Unbuildable(f"{node.value} is not a number that JSON knows", "put it in quotes")
    # JSON does not tell 1.0 from 1, and the server reads back an integer.
    return int(value) if value.is_integer() and int(value) in _INT64 else value


def _manifest_key(node: yaml.ScalarNode) -> str:
    """Keys are texts; of other scalars, the text that `sigs.k8s.io/yaml` makes of them."""
    value = _typed(node)
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, int) and value not in _INT64):
        raise Unbuildable(f"the key {node.value} is not a text", "put it in quotes")
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _go_float32(value)


def _go_float32(value: float) -> str:
    """What Go's `strconv.FormatFloat(value, 'g', -1, 32)` writes, with YAML's names for what is not finite."""
    try:
        single: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if not math.isfinite(single):
        return ".nan" if math.isnan(single) else ".inf" if single > 0 else "-.inf"
    shortest = next(
        text
        for precision in range(9)
        if struct.unpack("f", struct.pack("f", float(text := f"{single:.{precision}e}")))[0] == single
    )
    mantissa, _, exponent = shortest.partition("e")
    if -4 <= int(exponent) < _GO_EXPONENT_FROM:
        return f"{Decimal(shortest):f}"
    return f"{mantissa}e{exponent}"


_GO_EXPONENT_FROM = 6

MANIFESTS = Dialect(scalar=_manifest_scalar, key=_manifest_key, merges=True, loader=PlainLoader)
PIPELINES = Dialect(scalar=construct, key=lambda node: str(node.value), merges=False)
