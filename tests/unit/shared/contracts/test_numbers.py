"""Numbers from outside: of any type and length, each parser refuses what is too long or infinite, in time."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.catalog.webhooks.sender_rules import _seconds
from services.config.store.filters import _instant
from services.gateway.receiver.parsers.values import seconds
from services.hubsync.retry import _number as header_number
from services.runner.tasks.ci.job import _limits
from shared.contracts.bounds import MAX_NUMBER_LENGTH
from shared.contracts.problems import Refused
from shared.contracts.texts import finite
from shared.grammar.conditions import _as_number, _fitting
from shared.grammar.expressions import parse_steps
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml

LONG = "9" * (MAX_NUMBER_LENGTH + 1)
NONE: list[Any] = [None, True, [], {}, "", "soon", LONG, "1" * 1_000_000, "1e999", float("inf"), float("nan"), 10**400]


@pytest.mark.parametrize("value", NONE)
def test_what_is_not_a_number_that_can_be_kept_is_none(value: Any) -> None:
    assert finite(value) is None
    assert seconds(value) is None
    with pytest.raises((Refused, AssertionError)):
        assert _seconds(value) > 0


def test_numbers_and_texts_of_them_are_read() -> None:
    assert (finite(3), finite("2.5"), finite("-1e3"), finite("9" * MAX_NUMBER_LENGTH)) == (3, 2.5, -1000, 1e300)


@pytest.mark.parametrize("text", [LONG, f"-{LONG}", f"0.{LONG}", f"1e{LONG}"])
def test_every_parser_refuses_a_literal_that_is_too_long(text: str) -> None:
    with pytest.raises(Malformed, match="a number of more than 300 characters"):
        parse_json(f"[{text}]")
    if "e" not in text:  # In YAML 1.1 that is a text.
        with pytest.raises(Malformed, match="a number of more than 300 characters"):
            parse_one_yaml(f"a: {text}")
    assert _as_number(text) is None
    assert header_number(text) is None
    assert _limits({"cpu": text}) == {"cpu": text}
    with pytest.raises(ValueError, match=r"characters|Invalid"):
        _instant(text)


def test_a_hexadecimal_number_that_no_float_holds_is_refused() -> None:
    with pytest.raises(Malformed, match="larger than any number that can be kept"):
        parse_one_yaml(f"a: 0x{'f' * 290}")


def test_sums_that_no_float_holds_are_infinite() -> None:
    assert _fitting(10**299 * 10**299) == float("inf") and _fitting(-(10**299) * 10**299) == float("-inf")
    assert _fitting(2**63) == float(2**63) and _fitting(5) == 5


def test_an_index_that_no_list_has_is_not_well_formed() -> None:
    assert parse_steps("a.output.b[12]") == ("a", "output", "b", 12)
    assert parse_steps(f"a.output.b[{'9' * 5_000}]") == ()


def test_a_limit_that_is_not_a_number_is_left_to_the_cluster() -> None:
    assert _limits({"cpu": "1.2.3", "memory": 512}) == {"cpu": "1.2.3", "memory": "512Mi"}
