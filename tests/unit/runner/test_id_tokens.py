"""The claims of an ID token."""

from __future__ import annotations

import pytest

from services.runner.requests.id_tokens import demand_claims

GOOD = {"iss": "https://id.example.com", "aud": "portside", "sub": "a", "exp": 200.0, "iat": 100.0, "nonce": "n"}


def flaw(**change: object) -> str:
    return demand_claims(
        {**GOOD, **change}, issuer="https://id.example.com", client_id="portside", nonce="n", now=150.0
    )


def test_good_claims_have_no_flaw() -> None:
    assert flaw() == ""


@pytest.mark.parametrize("claim", ["nonce", "sub", "groups"])
def test_a_character_that_cannot_be_kept_lets_nobody_in(claim: str) -> None:
    assert "cannot be kept" in flaw(**{claim: "a\ud800"})
