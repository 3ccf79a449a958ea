"""Which passwords are refused, and in which words."""

from __future__ import annotations

import pytest

from shared.contracts.problems import Refused
from shared.process.password_policy import demand_good_password, password_flaw


@pytest.mark.parametrize(
    ("password", "flaw"),
    [
        ("", "The password is too short: 10 more characters needed."),
        ("lettuce42", "The password is too short: 1 more character needed."),
        ("x" * 1_001, "The password is longer than 1,000 characters."),
        ("QwertyUIOP", "This is one of the most common passwords, which others try first."),
        ("aaaaaaaaaaaa", "The password repeats one character."),
        ("Ann@Example.com", "The password is the user's own name or address."),
        ("open sesame", ""),
        ("pässwörter sind länger", ""),
    ],
)
def test_a_password_that_is_easy_to_guess_is_named_as_such(password: str, flaw: str) -> None:
    assert password_flaw(password, "ann", "ann@example.com") == flaw


def test_a_refused_password_is_never_in_the_refusal() -> None:
    with pytest.raises(Refused) as caught:
        demand_good_password("lettuce42")
    assert "lettuce" not in caught.value.problem.model_dump_json()
    assert "At least 10 characters" in caught.value.problem.next_step
