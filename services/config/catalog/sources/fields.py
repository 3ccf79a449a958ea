"""The fields of kept definitions as tables: how each is read from a body, and where it is stored. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.config.catalog.documents import flag, table, text
from services.config.catalog.references import variable_in
from shared.contracts.base import Json
from shared.contracts.problems import Code, Flaw, Problem, Refused, refuse
from shared.contracts.secrets import MASK
from shared.contracts.texts import whole_number
from shared.grammar.patterns import check_pattern

INT32_MAX = 2**31 - 1
FILTER_TYPES = ("PLAIN", "REGEX")
MAX_ENTRIES = 500
"""File filters or configurations in one definition."""
NO_PUSH_STARTS_ANYTHING = "Portside keeps this definition, but no Git push and no Gerrit event starts a pipeline yet."

Reader = Callable[[Mapping[str, Any], str, Any], Any]


@dataclass(frozen=True, slots=True)
class SourceField:
    """One field of a definition; without a `column` it is kept in the tree."""

    wire: str
    read: Reader
    default: Any = ""
    column: str = ""


def read_fields(
    fields: Sequence[SourceField], body: Mapping[str, Any], stored: Mapping[str, Any] | None, *, partial: bool
) -> tuple[Json, Json]:
    """Columns and tree after a body. `stored` has the present values by wire name; a full body clears what it omits."""
    columns: Json = {}
    tree: Json = {}
    for field in fields:
        present = stored[field.wire] if stored is not None and field.wire in stored else field.default
        default = present if partial else field.default
        value = field.read(body, field.wire, default) if body.get(field.wire) is not None else default
        if field.column:
            columns[field.column] = value
        else:
            tree[field.wire] = value
    return columns, tree


def shown_fields(fields: Sequence[SourceField], value: Any) -> Json:
    """The fields as the API shows them."""
    return {
        field.wire: getattr(value, field.column) if field.column else value.tree.get(field.wire, field.default)
        for field in fields
    }


def number(body: Mapping[str, Any], key: str, default: int) -> int:
    """A whole number of 32 bits from 0 on; clients write it as text too."""
    raw = body.get(key, default)
    value = whole_number(str(raw), digits=10)
    if value is None or value > INT32_MAX:
        raise refuse(Code.INVALID, f"{key} must be a whole number from 0 to {INT32_MAX}, not {raw!r:.50}", subject=key)
    return value


def mapping(body: Mapping[str, Any], key: str, _default: Any) -> Json:
    """A map of fields."""
    return table(body, key)


def choice(*words: str) -> Reader:
    """One of some words, whatever the case; blank is none."""

    def read(body: Mapping[str, Any], key: str, default: str) -> str:
        word = text(body, key, default).strip().upper()
        if word and word not in words:
            raise refuse(Code.INVALID, f"{key} must be one of {', '.join(words)}, not {word[:50]!r}", subject=key)
        return word

    return read


def file_filters(body: Mapping[str, Any], key: str, _default: Any) -> list[Json]:
    """`[{type: PLAIN or REGEX, value}]`; every pattern must be readable."""
    filters = [_file_filter(item, f"{key}[{index}]") for index, item in enumerate(_entries(body, key))]
    flaws: list[Flaw] = []
    for index, it in enumerate(filters):
        if it["type"] == "REGEX":
            flaws += check_pattern(it["value"], f"{key}[{index}].value")
    if flaws:
        message = "; ".join(f"{flaw.path}: {flaw.message}" for flaw in flaws)
        raise Refused(Problem(code=Code.INVALID, message=message, subject=key, flaws=tuple(flaws)))
    return filters


def _file_filter(item: Json, where: str) -> Json:
    type_ = choice(*FILTER_TYPES)(item, "type", "PLAIN") or "PLAIN"
    value = text(item, "value")
    if not value:
        raise refuse(Code.INVALID, f"{where} names no file: value is required", subject=where)
    return {"type": type_, "value": value}


def configurations(body: Mapping[str, Any], key: str, _default: Any) -> list[Json]:
    """Which Gerrit event means which pipeline, with what comments on the change."""
    return [_configuration(item) for item in _entries(body, key)]


def _configuration(item: Json) -> Json:
    names = ("eventType", "pipeline", "successComment", "failureComment", "verifiedLabel")
    inputs = table(item, "input")
    return {**{name: text(item, name) for name in names}, "input": {name: text(inputs, name) for name in inputs}}


def _entries(body: Mapping[str, Any], key: str) -> list[Json]:
    items = body.get(key) or []
    if not isinstance(items, list | tuple) or not all(isinstance(item, dict) for item in items):
        raise refuse(Code.INVALID, f"{key} must be a list of objects", subject=key)
    if len(items) > MAX_ENTRIES:
        raise refuse(Code.INVALID, f"{key} has {len(items)} entries; {MAX_ENTRIES} at most", subject=key)
    return list(items)


def required(value: Mapping[str, Any], noun: str, *names: str) -> None:
    """Refuse a definition that lacks one of these texts."""
    for name in names:
        if not value.get(name):
            raise refuse(Code.INVALID, f"the {noun} has no {name}: {name} is required", subject=name)


def secret_boxes(ask_sealed: Mapping[str, Any], body: Mapping[str, Any], names: Sequence[str], old: Json) -> Json:
    """The secrets after a body, sealed or as a reference such as `${var.token}`.

    A new one replaces, the mask keeps, an empty text removes.
    """
    boxes = dict(old)
    for name in names:
        reference = text(body, name, MASK)
        if (box := ask_sealed.get(name)) is not None:
            boxes[name] = box.model_dump()
        elif variable_in(reference):
            boxes[name] = reference
        elif not reference:
            boxes.pop(name, None)
        elif reference != MASK:
            raise refuse(Code.INVALID, f"{name} must arrive sealed", subject=name)
    return boxes


def masked(names: Sequence[str], secrets: Json) -> Json:
    """The mask for each sealed secret, a reference as it is, an empty text for what there is not."""
    return {name: MASK if isinstance(box := secrets.get(name, ""), dict) else box for name in names}


def warning(kind: str, container: str, field: str, message: str, level: str = "WARNING") -> Json:
    """One entry of `_warnings`."""
    return {
        "classType": kind,
        "success": level != "SEVERE",
        "message": {"containerName": container, "fieldName": field, "level": level, "message": message},
    }


__all__ = [
    "NO_PUSH_STARTS_ANYTHING", "SourceField", "choice", "configurations", "file_filters", "flag", "mapping", "masked",
    "number",
    "read_fields", "required", "secret_boxes", "shown_fields", "table", "text", "warning",
]  # fmt: skip
