"""OData `$filter` and `$orderby` over an allow-list of fields, and one page of what they leave."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from odata_query import ast, exceptions, grammar
from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, func, literal_column, not_, or_, select, true

from shared.contracts.catalog import Find
from shared.contracts.problems import Code, Refused, refuse
from shared.contracts.texts import finite
from shared.contracts.times import epoch

from .unit_of_work import Reading

EXACT_TOTAL = 10_000
"""Totals are counted up to here; beyond, the answer says only that there is more than what was paged through."""
MAX_TOP = 2_000
MAX_PARENTHESES = 100
_REMEMBERED_LENGTH = 500
"""Characters of a filter whose tree is kept."""

# Code Stream's clients still write this function of OData 2; the library knows only its successor `contains`.
grammar.ODATA_FUNCTIONS.setdefault("substringof", 2)


@dataclass(frozen=True, slots=True)
class FilterField:
    """A field that may be filtered and sorted by, and how its literals are read."""

    column: SQLColumnExpression[Any]
    kind: Literal["text", "number", "boolean", "instant"] = "text"
    """`instant`: a column in seconds; literals are microseconds, RFC 3339 text or OData dates."""


Fields = Mapping[str, FilterField]

_COMPARE: dict[type[Any], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_LITERAL = (
    *(ast.Null, ast.Boolean, ast.Integer, ast.Float, ast.String, ast.GUID),
    *(ast.Date, ast.Time, ast.DateTime, ast.Duration, ast.Geography),
)
"""One value; a list of them belongs to `in` alone."""
_TEXT: dict[str, Callable[[Any], Any]] = {"tolower": func.lower, "toupper": func.upper, "trim": func.trim}
_MATCH: dict[str, Callable[[Any, str], Any]] = {
    "startswith": lambda column, text: column.startswith(text, autoescape=True),
    "endswith": lambda column, text: column.endswith(text, autoescape=True),
    "contains": lambda column, text: column.contains(text, autoescape=True),
}


def condition(text: str, fields: Fields) -> ColumnElement[bool] | None:
    """The SQL condition of a `$filter`; None when it is empty."""
    return _Reader(text, fields).boolean(_tree(text, fields)) if text.strip() else None


def _tree(text: str, fields: Fields) -> Any:
    if text.count("(") > MAX_PARENTHESES:
        raise _refused(text[:80], f"it has more than {MAX_PARENTHESES} parentheses", fields)
    try:
        tree = (_parsed_before if len(text) <= _REMEMBERED_LENGTH else _parsed)(text.strip())
    except exceptions.ODataException as error:
        raise _refused(text, _unreadable(error), fields) from error
    if tree is None:
        raise _refused(text, "it cannot be read", fields)
    return tree


def _unreadable(error: exceptions.ODataException) -> str:
    """Why and where, without the library's objects."""
    if not isinstance(error, exceptions.TokenizingException | exceptions.ParsingException):
        return f"it cannot be read: {error}"
    token = error.token
    return f"it cannot be read from character {token.index + 1} on" if token else "it ends too early"


def _parsed(text: str) -> Any:
    return grammar.ODataParser().parse(grammar.ODataLexer().tokenize(text))


_parsed_before = lru_cache(maxsize=256)(_parsed)
"""Pages and clients ask the same again and again, and parsing takes longer than the database's answer."""


def demanded(text: str, name: str, fields: Fields) -> str | None:
    """The value that a `$filter` demands of a text field, as `name eq 'value'` and nothing beside `and` around it.

    None where it demands none. Raises `Refused` for what is not a filter.
    """
    nodes: list[Any] = [_tree(text, fields)] if text.strip() else []
    while nodes:
        match nodes.pop():
            case ast.BoolOp(op=ast.And(), left=left, right=right):
                nodes += [left, right]
            case ast.Compare(comparator=ast.Eq(), left=ast.Identifier(name=field), right=ast.String(val=value)):
                if field == name:
                    return str(value)
    return None


def ordering(text: str, fields: Fields, default: str) -> list[ColumnElement[Any]]:
    """The SQL order of an `$orderby` such as `name desc,id`; an unknown field is refused by name."""
    order: list[ColumnElement[Any]] = []
    for part in (text.strip() or default).split(","):
        name, _, direction = part.strip().partition(" ")
        field = fields.get(name)
        if field is None or direction.strip().lower() not in ("", "asc", "desc"):
            raise refuse(
                Code.INVALID,
                f"$orderby {part.strip()!r} names no field that can be sorted by",
                next_step=f"use one of: {', '.join(fields)}, followed by asc or desc",
            )
        order.append(field.column.desc() if direction.strip().lower() == "desc" else field.column.asc())
    return order


def page(
    uow: Reading,
    statement: Select[Any],
    fields: Fields,
    ask: Find,
    default: str,
    *last: SQLColumnExpression[Any],
    exact_total: int = EXACT_TOTAL,
) -> tuple[Sequence[Any], int]:
    """The rows of the page that is asked for, and how many its filter leaves in all, up to `exact_total`.

    `default` is the order where none is asked for; `last` sorts what is equal in it, so that pages do not overlap.
    """
    if (where := condition(ask.filter, fields)) is not None:
        statement = statement.where(where)
    top, skip = max(0, min(ask.top, MAX_TOP)), max(0, ask.skip)
    ordered = statement.order_by(*ordering(ask.orderby, fields, default), *last).limit(top).offset(skip)
    rows = uow.connection.execute(ordered).all() if top else ()
    if len(rows) < top and (rows or not skip):
        # The last page says itself how many there are.
        return rows, skip + len(rows)
    return rows, _count(uow, statement, max(exact_total, skip + top) + 1)


def within(statement: Select[Any], project: SQLColumnExpression[Any], projects: frozenset[str] | None) -> Select[Any]:
    """What is in one of the projects; None means all of them."""
    return statement if projects is None else statement.where(project.in_(sorted(projects)))


def holds(part: str, *columns: SQLColumnExpression[Any]) -> ColumnElement[bool]:
    """One of the columns holds a text that is in small letters; a blank one leaves all."""
    if not part:
        return true()
    return or_(*(func.lower(column).contains(part, autoescape=True) for column in columns))


def _count(uow: Reading, statement: Select[Any], bound: int) -> int:
    """How many rows, up to a bound."""
    # Of no column, so that the index of a filter answers alone.
    bare: Select[Any] = statement.with_only_columns(literal_column("1"), maintain_column_froms=True)
    limited = bare.order_by(None).limit(bound).subquery()
    return uow.connection.scalar(select(func.count()).select_from(limited)) or 0


class _Reader:
    """Reads one filter's tree."""

    def __init__(self, text: str, fields: Fields) -> None:
        self.text = text
        self.fields = fields

    def boolean(self, node: Any) -> ColumnElement[bool]:
        match node:
            case ast.BoolOp(op=ast.And(), left=left, right=right):
                return and_(self.boolean(left), self.boolean(right))
            case ast.BoolOp(op=ast.Or(), left=left, right=right):
                return or_(self.boolean(left), self.boolean(right))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not_(self.boolean(operand))
            case ast.Compare(comparator=comparator, left=left, right=right):
                return self.compare(comparator, left, right)
            case ast.Call(func=ast.Identifier(name=name), args=args):
                return self.match(name.lower(), args)
            case ast.Identifier(name=name) if self.field(name).kind == "boolean":
                return self.field(name).column.is_(True)
        raise _refused(self.text, "it holds something else than comparisons", self.fields)

    def compare(self, comparator: Any, left: Any, right: Any) -> ColumnElement[bool]:
        if isinstance(left, _LITERAL) and isinstance(comparator, ast.Eq | ast.NotEq):
            left, right = right, left
        column, field = self.operand(left)
        if isinstance(comparator, ast.In):
            return column.in_([self.literal(item, field) for item in getattr(right, "val", [])])
        value = self.literal(right, field)
        if value is None:
            return column.is_(None) if isinstance(comparator, ast.Eq) else column.is_not(None)
        compare = _COMPARE.get(type(comparator))
        if compare is None:
            raise _refused(self.text, "it compares in a way that is not known", self.fields)
        result: ColumnElement[bool] = compare(column, value)
        return result

    def match(self, name: str, args: list[Any]) -> ColumnElement[bool]:
        if name == "substringof":
            name, args = "contains", list(reversed(args))
        compare = _MATCH.get(name)
        if compare is None:
            raise _refused(self.text, f"{name}() is not known as a condition", self.fields)
        column, _ = self.operand(args[0])
        text = args[1]
        if not isinstance(text, ast.String):
            raise _refused(self.text, f"{name}() needs a text in single quotes", self.fields)
        result: ColumnElement[bool] = compare(column, text.val)
        return result

    def operand(self, node: Any) -> tuple[SQLColumnExpression[Any], FilterField]:
        match node:
            case ast.Identifier(name=name):
                field = self.field(name)
                return field.column, field
            case ast.Call(func=ast.Identifier(name=name), args=[inner]) if name.lower() in _TEXT:
                column, field = self.operand(inner)
                return _TEXT[name.lower()](column), field
        raise _refused(self.text, "a comparison needs a field on its left", self.fields)

    def field(self, name: str) -> FilterField:
        field = self.fields.get(name)
        if field is None:
            raise _refused(self.text, f"{name} is not a field to filter by", self.fields)
        return field

    def literal(self, node: Any, field: FilterField) -> Any:
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -self.literal(node.operand, field)
        if not isinstance(node, _LITERAL):
            raise _refused(self.text, "a comparison needs a value on its right", self.fields)
        if isinstance(node, ast.Null):
            return None
        raw = getattr(node, "val", None)
        try:
            return _LITERALS[field.kind](raw)
        except (TypeError, ValueError, OverflowError) as error:
            raise _refused(self.text, f"{raw!r} is no {field.kind}", self.fields) from error


def _boolean(raw: Any) -> bool:
    # Clients write booleans as quoted text too.
    words = {"true": True, "1": True, "false": False, "0": False}
    word = str(raw).lower()
    if word not in words:
        raise ValueError(raw)
    return words[word]


def _instant(raw: Any) -> float:
    text = str(raw)
    micros = finite(text)
    return epoch(text) if micros is None else micros / 1e6


_LITERALS: dict[str, Callable[[Any], Any]] = {
    "text": str,
    "number": float,
    "boolean": _boolean,
    "instant": _instant,
}


def _refused(text: str, why: str, fields: Fields) -> Refused:
    return refuse(
        Code.INVALID,
        f"$filter {text!r}: {why}",
        next_step=f"fields that can be filtered by: {', '.join(fields)}",
    )
