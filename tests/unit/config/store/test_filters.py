"""`$filter` and `$orderby`: every form that clients write, and refusals that name the fields."""

from __future__ import annotations

import pytest
from sqlalchemy import column
from sqlalchemy.dialects import sqlite

from services.config.store.filters import FilterField, condition, ordering
from shared.contracts.problems import Code, Refused

FIELDS = {
    "name": FilterField(column("name")),
    "project": FilterField(column("project")),
    "status": FilterField(column("status")),
    "index": FilterField(column("idx"), "number"),
    "_nested": FilterField(column("nested"), "boolean"),
    "at": FilterField(column("at"), "instant"),
}


def sql(text: str) -> str:
    found = condition(text, FIELDS)
    assert found is not None
    return str(found.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name eq 'x'", "name = 'x'"),
        ("(name eq 'x')", "name = 'x'"),
        ("((name eq 'x') and (project eq 'p'))", "name = 'x' AND project = 'p'"),
        ("((name eq 'x')) and ((project eq 'p'))", "name = 'x' AND project = 'p'"),
        ("((status eq 'FAILED') and (_nested eq 'false'))", "status = 'FAILED' AND nested = 0"),
        ("_nested eq true", "nested = 1"),
        ("name eq 'O''Neil'", "name = 'O''Neil'"),
        ("toupper(name) eq 'X'", "upper(name) = 'X'"),
        ("startswith(name,'ABC')", "name LIKE 'ABC' || '%' ESCAPE '/'"),
        ("substringof('bc',tolower(name))", "lower(name) LIKE '%' || 'bc' || '%' ESCAPE '/'"),
        ("contains(name,'100%')", "name LIKE '%' || '100/%' || '%' ESCAPE '/'"),
        ("not (name eq 'a') or status ne 'b'", "name != 'a' OR status != 'b'"),
        ("name in ('a','b')", "name IN ('a', 'b')"),
        ("name eq null", "name IS NULL"),
        ("index ge 3 and index lt 7", "idx >= 3.0 AND idx < 7.0"),
        ("at gt 2026-01-01T00:00:00Z", "at > 1767225600.0"),
        ("at lt 1767225600000000", "at < 1767225600.0"),
        ("at le '2026-01-01T00:00:00Z'", "at <= 1767225600.0"),
    ],
)
def test_the_forms_that_clients_write(text: str, expected: str) -> None:
    assert sql(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "secret eq 'x'",
        "name eq",
        "name eq 'a' garbage",
        "(((",
        "name",
        "'a' eq 'a' or '1'='1'",
        "_nested eq 'perhaps'",
        "length(name) eq 3",
        "index eq 'many'",
        "name eq project",
    ],
)
def test_what_cannot_be_read_is_refused_with_the_fields_that_could(text: str) -> None:
    with pytest.raises(Refused) as refused:
        condition(text, FIELDS)
    assert refused.value.problem.code is Code.INVALID
    assert "name, project, status" in refused.value.problem.next_step


def test_nesting_has_an_end() -> None:
    with pytest.raises(Refused, match="parentheses"):
        condition("tolower(" * 300 + "name" + ")" * 300 + " eq 'a'", FIELDS)


def test_a_blank_filter_is_none() -> None:
    assert condition("  ", FIELDS) is None


def test_orders_name_fields_and_directions() -> None:
    assert [str(one) for one in ordering("name desc,at", FIELDS, "name")] == ["name DESC", "at ASC"]
    assert [str(one) for one in ordering("", FIELDS, "at desc")] == ["at DESC"]
    with pytest.raises(Refused):
        ordering("secret desc", FIELDS, "name")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("name eq '", "cannot be read from character 9 on"),
        ("name eq 'a' garbage", "cannot be read from character 12 on"),
        ("name eq", "cannot be read from character 5 on"),
        ("(name eq 'a'", "ends too early"),
        ("nope(name)", "Unknown function: 'nope'"),
    ],
)
def test_where_a_filter_is_wrong_is_told_in_words(text: str, why: str) -> None:
    with pytest.raises(Refused) as refusal:
        condition(text, FIELDS)
    assert why in refusal.value.problem.message and "Token" not in refusal.value.problem.message
