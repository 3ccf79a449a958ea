"""The `WWW-Authenticate` of registries, in every form that they write it."""

from __future__ import annotations

import pytest

from services.runner.clients.registry.challenges import best_known, read_challenges

BEARER = 'Bearer realm="https://auth.example.com/token",service="registry",scope="repository:acme/web:pull,push"'


@pytest.mark.parametrize(
    ("header", "schemes"),
    [
        ("", []),
        ("Basic", ["basic"]),
        ("Negotiate", ["negotiate"]),
        ("Negotiate YIIB/w==", ["negotiate"]),
        ('Negotiate, Basic realm="a, Bearer b"', ["negotiate", "basic"]),
        (f'{BEARER}, Basic realm="x"', ["bearer", "basic"]),
        (f'Basic realm="x",{BEARER}', ["basic", "bearer"]),
        (f"Negotiate abc==, NTLM, {BEARER} , Basic realm=plain", ["negotiate", "ntlm", "bearer", "basic"]),
        (f",, {BEARER},", ["bearer"]),
        ('Digest realm="x", nonce="y", qop="auth, auth-int", Basic', ["digest", "basic"]),
    ],
)
def test_every_challenge_of_a_header_is_read(header: str, schemes: list[str]) -> None:
    assert [one.scheme for one in read_challenges(header)] == schemes


def test_parameters_may_be_quoted_bare_spaced_and_in_any_case() -> None:
    header = 'BEARER Realm = "https://a.example.com/t?x=1,2" , service=reg.example.com, error="say \\"no\\""'
    (found,) = read_challenges(header)
    assert found.parameters == {
        "realm": "https://a.example.com/t?x=1,2",
        "service": "reg.example.com",
        "error": 'say "no"',
    }


@pytest.mark.parametrize(
    ("header", "scheme"),
    [
        (f'Basic realm="x", {BEARER}', "bearer"),
        ('Bearer service="without a realm", Basic realm="x"', "basic"),
        ('Negotiate, Basic realm="x"', "basic"),
    ],
)
def test_a_token_service_is_better_than_a_password_and_that_than_nothing(header: str, scheme: str) -> None:
    best = best_known(header)
    assert best is not None and best.scheme == scheme


@pytest.mark.parametrize("header", ["", "Negotiate", "NTLM, Digest realm=x", "=,;", 'Bearer realm=""'])
def test_nothing_known_is_none(header: str) -> None:
    assert best_known(header) is None
