"""Code Stream's REST API by its published description, and a decoder as strict as generated Go and Java clients.

`operations.txt` and `models.txt` are the description as tables; `decode` refuses a field of another type, a null, a
value outside an enumeration and a required field that is missing. Fields that the description does not know pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast

HERE = Path(__file__).parent
UNTYPED = frozenset(
    {
        "CertificateFingerprint", "CertificateIssuedTo", "CertificateIssuer", "CertificateValidity", "FullName", "Meta",
        "Notification", "NotificationConfiguration", "RollbackConfiguration", "Stage", "Type", "URI",
        "ValidatorResponse", "WorkspaceResult", "interface",
    }
)  # fmt: skip
"""Models whose fields the source does not list: an object or a text, whatever it holds."""


class Undecodable(AssertionError):
    """What a strict client could not have decoded."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path, below the prefix."""

    method: str
    path: str
    statuses: tuple[int, ...]
    body: str
    answer: str
    query: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class FieldType:
    """What a field must be."""

    type: str
    required: bool
    values: tuple[str, ...]


@cache
def operations() -> tuple[Operation, ...]:
    """All of them, in the order of the description."""
    return tuple(_operation(line) for line in _lines("operations.txt"))


@cache
def models() -> dict[str, dict[str, FieldType]]:
    """The fields of each body, by name without leading underscores and in small letters."""
    found: dict[str, dict[str, FieldType]] = {}
    fields: dict[str, FieldType] = {}
    for line in _lines("models.txt"):
        if not line.startswith(" "):
            fields = found.setdefault(line, {})
            continue
        name, _, written = line.strip().partition(" ")
        type_, _, values = written.partition(" [") if written.endswith("]") and " [" in written else (written, "", "")
        fields[_key(name)] = FieldType(type_, name.endswith("*"), tuple(values.rstrip("]").split()))
    return found


def decode(document: Any, model: str) -> Any:
    """The document, once it is known to be of that model. Raises `Undecodable` with all that is wrong."""
    wrong: list[str] = []
    _decode(document, model, model, wrong)
    if wrong:
        raise Undecodable("; ".join(wrong))
    return document


def _decode(value: Any, type_: str, where: str, wrong: list[str]) -> None:
    if type_ in ("any", ""):
        return
    if type_ in UNTYPED:
        if not isinstance(value, str | dict | list):
            wrong.append(f"{where} is {value!r:.60}, not {type_}")
    elif type_.startswith("[]"):
        _each(value, list, type_[2:], where, wrong)
    elif type_.startswith("map of "):
        _each(value, dict, type_.removeprefix("map of "), where, wrong)
    elif type_ in _SCALARS:
        if not _SCALARS[type_](value):
            wrong.append(f"{where} is {type(value).__name__} {value!r:.60}, not {type_}")
    elif type_ in models():
        _object(value, type_, where, wrong)
    else:
        _page(value, type_, where, wrong)


def _each(value: Any, kind: type, type_: str, where: str, wrong: list[str]) -> None:
    if not isinstance(value, kind):
        wrong.append(f"{where} is {type(value).__name__} {value!r:.60}, not {kind.__name__} of {type_}")
        return
    entries: Iterable[tuple[Any, Any]] = (
        value.items() if isinstance(value, dict) else enumerate(cast("list[Any]", value))
    )
    for key, item in entries:
        _decode(item, type_, f"{where}[{key}]", wrong)


def _object(value: Any, model: str, where: str, wrong: list[str]) -> None:
    if not isinstance(value, dict):
        wrong.append(f"{where} is {type(value).__name__} {value!r:.60}, not {model}")
        return
    fields = models()[model]
    present = {_key(name) for name in value}
    wrong += [
        f"{where}.{name} is required and missing" for name, it in fields.items() if it.required - (name in present) > 0
    ]
    for name, item in value.items():
        field = fields.get(_key(name))
        if field is None:
            continue
        _decode(item, field.type, f"{where}.{name}", wrong)
        if field.values and item not in field.values:
            wrong.append(f"{where}.{name} is {item!r:.60}, not one of {', '.join(field.values)}")


def _page(value: Any, name: str, where: str, wrong: list[str]) -> None:
    """A list such as `Pipelines`: `documents` maps each of `links` to one `Pipeline`."""
    item = name.removesuffix("s")
    if item == name or item not in models():
        raise KeyError(f"the description has no model {name}")
    if not isinstance(value, dict):
        wrong.append(f"{where} is {type(value).__name__}, not {name}")
        return
    for key, type_ in (
        ("count", "int64"),
        ("totalCount", "int64"),
        ("links", "[]string"),
        ("documents", "map of " + item),
    ):
        if key not in value:
            wrong.append(f"{where}.{key} is required and missing")
        else:
            _decode(value[key], type_, f"{where}.{key}", wrong)
    if not wrong and (list(value["documents"]) != value["links"] or value["count"] != len(value["links"])):
        wrong.append(f"{where}: links, documents and count do not agree")


def _whole(bits: int) -> Any:
    limit = 1 << (bits - 1)
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit


def _instant(value: Any) -> bool:
    try:
        return isinstance(value, str) and "T" in value and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


_SCALARS: dict[str, Any] = {
    "string": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int32": _whole(32),
    "int64": _whole(64),
    "strfmt.DateTime": _instant,
}


def _operation(line: str) -> Operation:
    call, statuses, body, answer, query = (part.strip() for part in line.split("|"))
    method, path = call.split()
    return Operation(
        method, path, tuple(map(int, statuses.split("/"))), body, answer, tuple(query.split(",")) if query else ()
    )


def _lines(name: str) -> list[str]:
    return [line for line in (HERE / name).read_text().splitlines() if line.strip() and not line.startswith("#")]


def _key(name: str) -> str:
    return name.rstrip("*").lstrip("_").casefold()
