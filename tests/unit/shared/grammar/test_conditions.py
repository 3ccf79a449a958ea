"""Conditions: every form that pipelines are written in, what meets how, and what is an error."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.grammar.conditions import ConditionError, check_condition, evaluate
from shared.grammar.resolving import Scope
from tests.support.examples import share

RUN: Scope = Scope(
    inputs={
        "size": "LARGE",
        "n": "5",
        "m": 5,
        "yes": "true",
        "on": True,
        "tag": "v1.2.3",
        "list": ["a", "b"],
        "map": {"k-1": [1, 2]},
        "blank": "",
        "none": None,
        "method": "apply",
    },
    variables={"limit": "10"},
    tasks={
        "Development": {
            "Verify": {"status": "COMPLETED", "output": {"responseBody": '{"totalElements": 2}'}},
            "Get it": {"status": "SKIPPED", "output": {}},
        }
    },
    about={"requestBy": "ann", "executionIndex": 7},
)

TRUE = [
    '${requestBy} != "admin"',
    '${input.method}=="apply"',
    "true==true",
    "true",
    "TRUE == true",
    "${Development.Verify.output.responseBody.totalElements} > 0",
    '${Development.Verify.status} == "COMPLETED"',
    '${Development.Get it.status} == "SKIPPED"',
    '"${input.size}" == "LARGE"',
    "'${input.size}' == 'LARGE'",
    "${input.size} == LARGE",
    "${input.size} != SMALL",
    '"is-${input.size}-${input.n}" == "is-LARGE-5"',
    "${input.n} > 3",
    "${input.n} >= 5 && ${input.n} <= 5",
    "3 < ${input.n}",
    "${input.n} == 5",
    "${input.n} == 5.0",
    '${input.m} == "5"',
    "${input.n} < ${var.limit}",
    "${input.n} + 1 == 6",
    "${input.n} * 2 - 1 == 9",
    "7 / 2 == 3",
    "-7 / 2 == -3",
    "7.0 / 2 == 3.5",
    "7 % 4 == 3",
    "-7 % 4 == -3",
    "1 + 2 * 3 == 7",
    "(1 + 2) * 3 == 9",
    '"a" + "b" == "ab"',
    '"n" + 5 == "n5"',
    "-${input.n} == -5",
    "${input.yes}",
    "${input.yes} && ${input.on}",
    "${input.yes} == true",
    "!(${input.on} == false)",
    "!false",
    "!!true",
    "false || true && true",
    '${input.tag} =~ "^v\\d+\\."',
    '${input.tag} !~ "^w"',
    '${input.m} =~ "^5$"',
    '"b" in ${input.list}',
    "b in ${input.list}",
    "${input.n} in [1, 5]",
    '"LAR" in ${input.size}',
    '"k-1" in ${input.map}',
    '${input.map}["k-1"][0] == 1',
    "${input.map.k-1[1]} == 2",
    "${input.list}.size() == 2",
    "size(${input.list}) == 2",
    '${input.list}.exists(one, one == "a")',
    "${input.list}.all(one, one != c)",
    '${input.tag}.startsWith("v") && ${input.tag}.contains("2")',
    '${input.size}.lowerAscii() == "large"',
    '${input.blank} == ""',
    "${input.none} == null",
    '${input.on} ? ${input.n} == 5 : ${input.n} == "x"',
    "true || ${input.absent}",
    '${Development.Get it.status} != "COMPLETED" || ${Development.Get it.output.x} == 1',
    "9223372036854775807 + 1 > 1",
    "0x10 == 16",
    '"$${input.n}" == "$" + "{input.n}"',
    '"1.0" != "1.00"',
    "",
    "   ",
]
FALSE = [
    "true==false",
    "false",
    '${requestBy} == "admin" || ${requestBy} == "system"',
    '${input.size} == "large"',
    "${input.n} > 5",
    "${input.size} == 5",
    "!${input.yes}",
    '${input.list} == ["a"]',
    "false && ${input.absent} == 1",
    '"c" in ${input.list}',
    "${input.none} == 0",
    "${input.on} == 1",
]


@pytest.mark.parametrize("condition", TRUE)
def test_a_condition_that_holds(condition: str) -> None:
    assert evaluate(condition, RUN) is True
    check_condition(condition)


@pytest.mark.parametrize("condition", FALSE)
def test_a_condition_that_does_not_hold(condition: str) -> None:
    assert evaluate(condition, RUN) is False


@pytest.mark.parametrize(
    ("condition", "reason"),
    [
        ("${input.tga} == 1", "did you mean ${input.tag}?"),
        ("${input.tga}.size() == 1", "${input.tga} cannot be resolved"),
        ("!${input.absent}", "${input.absent} cannot be resolved"),
        ("${Development.Get it.output.x} == 1", "(SKIPPED) has no such output"),
        ("${input.size} > 3", '"LARGE" and 3 cannot be put in order by >'),
        ("${input.none} < 3", "null and 3 cannot be put in order by <"),
        ("${input.n}", '"5" is neither true nor false'),
        ("${input.n} && true", '"5" is neither true nor false'),
        ("${input.m} + 1", "neither true nor false"),
        ("${input.m} / 0 == 1", "5 / 0: division by zero"),
        ("${input.size} * 2 == 1", '"LARGE" is not a number'),
        ('${input.tag} =~ "("', "not a valid regex"),
        ("1 in ${input.m}", "is not a list, map or text"),
    ],
)
def test_a_condition_without_an_answer_says_why(condition: str, reason: str) -> None:
    with pytest.raises(ConditionError) as error:
        evaluate(condition, RUN)
    assert reason in str(error.value)


@pytest.mark.parametrize(
    ("condition", "at", "reason"),
    [
        ("${input.n} = 5", 11, "write =="),
        ("${input.n} & true", 11, "write && for and"),
        ("true and false", 5, "write &&"),
        ('${input.n} == "abc', 14, "no closing quote"),
        ("${input.n == 5", 0, "no closing }"),
        ("(1 < 2", 6, ") is missing"),
        ("1 <", 3, "something is missing at the end"),
        ("1 2", 2, "an operator such as == or && is missing before 2"),
        ("${input.n} == a b", 16, "needs quotes"),
        (") == 1", 0, ") is not expected here"),
        ("[1, 2 == 1", 10, "is missing here"),
        ("1 == §", 5, "means nothing here"),
        ("(" * 60 + "1" + ")" * 60, 50, "nested deeper"),
        ("lowerascii(${input.n}) == 1", None, "there is no function lowerascii; did you mean lowerAscii?"),
    ],
)
def test_a_condition_that_cannot_be_read_says_where(condition: str, at: int | None, reason: str) -> None:
    with pytest.raises(ConditionError) as error:
        check_condition(condition)
    assert error.value.at == at
    assert reason in str(error.value)


def test_other_names_can_be_bound_beside_the_references() -> None:
    response = {"status": 200, "body": {"state": "ready"}}
    assert evaluate('response.status == 200 && response.body.state == "ready"', RUN, {"response": response})
    assert not evaluate("response.status == 404", RUN, {"response": response})


def test_a_word_is_a_text_unless_it_is_bound() -> None:
    assert evaluate("done == 5", RUN, {"done": 5})
    assert evaluate("done == 'done'", RUN)


def test_a_long_condition_is_refused() -> None:
    with pytest.raises(ConditionError, match="longer than"):
        check_condition("true || " * 2000 + "true")


def test_a_regular_expression_that_backtracks_elsewhere_takes_no_time() -> None:
    assert not evaluate('${input.x} =~ "^(a+)+$"', Scope({"x": "a" * 5000 + "b"}, {}, {}, {}))


def answered(condition: str, scope: Scope) -> bool:
    """Whether a condition gave a truth value, or an error with a reason; any other exception passes."""
    try:
        return isinstance(evaluate(condition, scope), bool)
    except ConditionError as error:
        return bool(error.reason)


_values = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text() | st.lists(st.integers())


@settings(max_examples=share(80), deadline=None)
@given(_values, _values, st.sampled_from(["==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%", "&&", "=~"]))
def test_any_two_values_give_an_answer_or_a_condition_error(left: Any, right: Any, sign: str) -> None:
    assert answered(f"${{input.a}} {sign} ${{input.b}}", Scope({"a": left, "b": right}, {}, {}, {}))


@settings(max_examples=share(80), deadline=None)
@given(st.text(alphabet="${}input.ab\"'()[]!=<>&|~+-*/%?:, 01\\\n", max_size=40))
def test_any_text_is_a_condition_or_a_condition_error(text: str) -> None:
    assert answered(text, RUN)
