"""What a provider's rules grant, by the claims of its token."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.accounts.claim_rules import ClaimRule, Grants, grants
from services.config.model.rights import ProjectRole, ServiceRole

RULES = [
    ClaimRule("groups", "devs", ServiceRole.DEVELOPER, {"web": ProjectRole.MEMBER}, ("builders",)),
    ClaimRule("groups", "leads", ServiceRole.ADMINISTRATOR, {"web": ProjectRole.ADMINISTRATOR}, ("approvers",)),
    ClaimRule("groups", "guests", None, {"api": ProjectRole.VIEWER}),
]


def granted(*groups: str) -> Grants:
    answer = grants(RULES, {"sub": "s", "groups": list(groups)})
    assert answer is not None
    return answer


def test_matching_rules_grant_together_the_highest_of_each() -> None:
    both = granted("devs", "leads")
    assert (both.matched, both.service_role, both.groups) == (
        (0, 1),
        ServiceRole.ADMINISTRATOR,
        ("builders", "approvers"),
    )
    assert both.projects == {"web": ProjectRole.ADMINISTRATOR, "api": None}


def test_what_other_rules_speak_of_is_taken_from_whom_they_do_not_match() -> None:
    guest = granted("guests")
    assert (guest.service_role, guest.groups) == (ServiceRole.USER, ())
    assert guest.projects == {"web": None, "api": ProjectRole.VIEWER}


def test_what_no_rule_speaks_of_stays_as_it_is() -> None:
    answer = grants([ClaimRule("groups", "devs")], {"groups": ["devs"]})
    assert answer == Grants((0,), None, {}, None)


@pytest.mark.parametrize(
    ("rule", "claims"),
    [
        (ClaimRule(), {}),
        (ClaimRule("groups"), {"groups": ["any"]}),
        (ClaimRule("hd", "example.com"), {"hd": "example.com"}),
        (ClaimRule("realm_access.roles", "dev"), {"realm_access": {"roles": ["dev"]}}),
        (ClaimRule("https://acme.example/groups", "dev"), {"https://acme.example/groups": ["dev"]}),
        (ClaimRule("email_verified", "true"), {"email_verified": True}),
        (ClaimRule("level", "3"), {"level": 3}),
    ],
)
def test_a_rule_matches(rule: ClaimRule, claims: dict[str, Any]) -> None:
    assert grants([rule], claims) is not None


@pytest.mark.parametrize(
    "claims",
    [{}, {"groups": []}, {"groups": "developers"}, {"groups": ["dev"]}, {"groups": None}, {"groups": {"devs": 1}}],
)
def test_no_rule_lets_nobody_in(claims: dict[str, Any]) -> None:
    assert grants([RULES[0]], claims) is None
    assert grants([], claims) is None
