"""The authorization code flow against a provider that signs for real: the good way, rotation, and each refusal."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

from services.runner.requests import sign_on
from services.runner.requests.check_sign_on import SignOnChecker
from services.runner.requests.sign_on import ProviderSignOn
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Sealed
from shared.contracts.problems import Code, Refused
from shared.contracts.runs import ResolvedEndpoint
from shared.contracts.sign_on_checks import HeldSignIn, SignOnCheck, SignOnChecked, Vouching
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient
from tests.support.oidc import CLIENT, SECRET, Provider, a_provider

REDIRECT = {"redirectUri": "https://portside.example.com/sign-in/callback"}
Json = dict[str, Any]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with a_provider() as running:
        yield running


def seal(text: str) -> Sealed:
    """A box that tests open by looking into it."""
    return Sealed(key_id="test", box=text)


class Clock:
    at = 1_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flow(clock: Clock) -> Iterator[ProviderSignOn]:
    client = HttpClient(Guard(), user_agent="test")
    yield ProviderSignOn(client, seal, monotonic=clock)
    client.close()


def endpoint(provider: Provider, **more: Any) -> OpenEndpoint:
    properties = {"issuer": provider.issuer, "clientId": CLIENT, "clientSecret": SECRET, "allowLocal": True}
    return OpenEndpoint("Acme SSO", "oidc", {**properties, "verifier": "v" * 43, **more})


def signed_in(flow: ProviderSignOn, provider: Provider, *, nonce: str = "n1", **more: Any) -> Json:
    url = flow.begin(endpoint(provider), {**REDIRECT, "state": "s1", "nonce": "n1"})["url"]
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    back = {name: values[0] for name, values in parse_qs(urlsplit(provider.authorise(query)).query).items()}
    assert back["state"] == "s1"
    options = {**REDIRECT, "nonce": nonce, "issuer": back["iss"], "claims": ["preferred_username", "groups"]}
    return flow.finish(endpoint(provider, **{"code": back["code"], **more}), options)


def refused(flow: ProviderSignOn, provider: Provider, expected: Code = Code.UNAUTHENTICATED, **more: Any) -> str:
    with pytest.raises(Refused) as caught:
        signed_in(flow, provider, **more)
    assert caught.value.problem.code is expected
    assert caught.value.problem.next_step
    return caught.value.problem.message


def test_the_claims_of_a_good_token_come_back(flow: ProviderSignOn, provider: Provider) -> None:
    answer = signed_in(flow, provider)
    assert answer["claims"]["groups"] == ["devs"] and answer["claims"]["sub"] == "s1"
    assert answer["endSession"] == f"{provider.issuer}/sign-out"
    assert answer["idToken"].count(".") == 2


def test_discovery_and_keys_are_kept_for_a_while(flow: ProviderSignOn, provider: Provider, clock: Clock) -> None:
    for _ in range(2):
        signed_in(flow, provider)
    fetched = ["/realm/.well-known/openid-configuration", "/realm/keys"]
    assert [path for path in provider.asked if path != "/realm/token"] == fetched
    clock.at += sign_on.KEPT_S
    signed_in(flow, provider)
    assert [path for path in provider.asked if path != "/realm/token"] == fetched * 2


def test_a_rotated_key_is_fetched_at_once_and_a_withdrawn_one_lets_nobody_in(
    flow: ProviderSignOn, provider: Provider, clock: Clock
) -> None:
    signed_in(flow, provider)
    withdrawn = provider.key
    provider.rotate()
    clock.at += sign_on.KEYS_AT_MOST_EVERY_S
    assert signed_in(flow, provider)["claims"]["sub"] == "s1"
    provider.key = withdrawn
    clock.at += sign_on.KEYS_AT_MOST_EVERY_S
    assert "a key that it does not publish" in refused(flow, provider)


def test_unknown_keys_make_one_request_in_a_while(flow: ProviderSignOn, provider: Provider) -> None:
    signed_in(flow, provider)
    provider.key = RSAKey.generate_key(2048, {"kid": "nobody's"})
    for _ in range(3):
        assert "a key that it does not publish (nobody's)" in refused(flow, provider)
    assert provider.asked.count("/realm/keys") == 1


EXPIRED, LATER = -200, 400
"""Seconds from the moment at which the token is made."""


def now() -> int:
    return int(time.time())


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"aud": "another"}, "is for another, not for the client portside"),
        ({"aud": ["portside", "another"]}, "was issued to nobody, not to the client portside"),
        ({"azp": "another"}, "was issued to another, not to the client portside"),
        ({"iss": "https://evil.example.com"}, "is from the issuer https://evil.example.com, not from http://127"),
        ({"nonce": "of another"}, "answers another sign-in (the nonce differs)"),
        ({"nonce": None}, "answers another sign-in (the nonce differs)"),
        ({"exp": EXPIRED}, "has expired 2"),
        ({"nbf": LATER}, "is not valid for another"),
        ({"iat": LATER}, "is not valid for another"),
        ({"exp": None}, "does not say when it was made and when it ends"),
        ({"exp": "soon"}, "has no time in exp"),
        ({"exp": True, "iat": []}, "has no time in exp, iat"),
        ({"nbf": 10**18}, "has no time in nbf"),
        ({"iat": -1e300}, "has no time in iat"),
        ({"nbf": float("inf")}, "cannot be used"),
        ({"exp": float("nan")}, "cannot be used"),
        ({"exp": 10**500}, "cannot be used"),
        ({"aud": ["x" * 400] * 100}, "is for xxx"),
        ({"sub": ""}, "names nobody"),
        ({"deep": [[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]}, "cannot be used"),
    ],
)
def test_a_wrong_claim_is_refused_with_what_it_says(
    flow: ProviderSignOn, provider: Provider, claims: Json, words: str
) -> None:
    changed = {name: now() + value if value in (EXPIRED, LATER) else value for name, value in claims.items()}
    provider.spoil = lambda good: {name: value for name, value in {**good, **changed}.items() if value is not None}
    message = refused(flow, provider)
    assert message.startswith("Acme SSO did not sign you in.") and words in message


LIFETIMES: list[Any] = ["soon", "300", [], {}, None, -1, 0, 10**200, 1e300, True]


@pytest.mark.parametrize(
    "answers",
    [
        *({"expires_in": value} for value in LIFETIMES),
        {"expires_at": "soon"},
        {"expires_at": [], "expires_in": {}},
    ],
)
def test_how_long_a_token_is_good_may_be_told_in_any_way(
    flow: ProviderSignOn, provider: Provider, answers: Json
) -> None:
    provider.answers, provider.refreshes = answers, True
    assert signed_in(flow, provider)["claims"]["sub"] == "s1"


def test_a_token_answer_that_is_no_object_is_told(flow: ProviderSignOn, provider: Provider) -> None:
    provider.redeem = lambda form, authorization: (200, [1])  # type: ignore[method-assign, assignment, return-value]
    assert "answered with no token (Token endpoint response is not a JSON object" in refused(
        flow, provider, Code.UNAVAILABLE
    )


@pytest.mark.parametrize(
    ("says", "words"),
    [
        ({"token_endpoint": "http://sso.example.com/token"}, "over https: token_endpoint begins with http"),
        ({"jwks_uri": "http://10.0.0.1/keys"}, "over https: jwks_uri begins with http"),
        ({"userinfo_endpoint": "http://sso.example.com/me"}, "over https: userinfo_endpoint begins"),
        ({"end_session_endpoint": "http://sso.example.com/out"}, "over https: end_session_endpoint begins"),
        ({"jwks_uri": "https://["}, "names no jwks_uri"),
        ({"authorization_endpoint": 7}, "names no authorization_endpoint"),
    ],
)
def test_a_provider_that_names_no_safe_address_is_not_used(
    flow: ProviderSignOn, provider: Provider, says: Json, words: str
) -> None:
    provider.says = says
    assert words in refused(flow, provider, Code.UNAVAILABLE)


def test_how_it_takes_the_secret_may_be_told_in_any_way(flow: ProviderSignOn, provider: Provider) -> None:
    provider.says = {"token_endpoint_auth_methods_supported": 7}
    assert signed_in(flow, provider)["claims"]["sub"] == "s1"


def test_a_stored_provider_without_https_is_not_asked(flow: ProviderSignOn, provider: Provider) -> None:
    with pytest.raises(Refused, match="must be reached over https"):
        flow.discover(endpoint(provider, issuer="http://sso.example.com"))
    assert provider.asked == []


def test_a_person_of_the_userinfo_endpoint_must_be_keepable(flow: ProviderSignOn, provider: Provider) -> None:
    del provider.claims["groups"]
    provider.userinfo = {"groups": ["a\0b"]}
    assert "a character that cannot be kept" in refused(flow, provider, Code.UNAVAILABLE)


def test_clocks_may_differ_by_two_minutes(flow: ProviderSignOn, provider: Provider) -> None:
    provider.spoil = lambda good: {**good, "exp": now() - 60, "iat": now() - 400}
    assert signed_in(flow, provider)
    provider.spoil = lambda good: {**good, "iat": now() + 60, "nbf": now() + 60}
    assert signed_in(flow, provider)


def test_a_token_that_anybody_could_have_made_is_refused(flow: ProviderSignOn, provider: Provider) -> None:
    key = OctKey.import_key(SECRET * 2)
    provider.sign = lambda claims: jwt.encode({"alg": "HS256", "kid": provider.key.kid}, claims, key)
    assert "signed with HS256, which is not accepted" in refused(flow, provider)
    provider.sign = lambda _: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJzMSJ9."
    assert "is not signed (algorithm none)" in refused(flow, provider)
    foreign = RSAKey.generate_key(2048, {"kid": str(provider.key.kid)})
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": provider.key.kid}, claims, foreign)
    assert "The signature of its ID token is not right" in refused(flow, provider)
    provider.sign = lambda _: "nonsense"
    assert "cannot be read" in refused(flow, provider)


def test_a_code_counts_once_and_only_with_its_verifier_and_secret(flow: ProviderSignOn, provider: Provider) -> None:
    assert "refused the sign-in code (invalid_grant" in refused(flow, provider, verifier="w" * 43)
    assert "refused the sign-in code (invalid_grant" in refused(flow, provider, code="made up")
    assert "the client secret is not right" in refused(flow, provider, clientSecret="wrong")


def test_a_provider_that_is_away_or_another_is_named(flow: ProviderSignOn, provider: Provider, clock: Clock) -> None:
    provider.away = True
    assert "cannot be used now" in refused(flow, provider, Code.UNAVAILABLE)
    provider.away = False
    with pytest.raises(Refused, match="is for the issuer http"):
        flow.begin(endpoint(provider, issuer=provider.issuer.replace("127.0.0.1", "localhost")), {})
    with pytest.raises(Refused, match="HTTP 404"):
        flow.begin(endpoint(provider, issuer=f"{provider.issuer}/other"), {})
    with pytest.raises(Refused, match="this machine"):
        flow.begin(endpoint(provider, allowLocal=False), {})


def test_an_answer_of_another_issuer_is_refused(flow: ProviderSignOn, provider: Provider) -> None:
    with pytest.raises(Refused, match="came from the issuer https"):
        flow.finish(endpoint(provider), {**REDIRECT, "nonce": "n", "issuer": "https://evil.example.com"})


def test_claims_that_the_token_lacks_come_from_userinfo(flow: ProviderSignOn, provider: Provider) -> None:
    provider.userinfo = {"groups": ["admins"], "preferred_username": "another"}
    assert signed_in(flow, provider)["claims"]["groups"] == ["devs"]
    assert "/realm/userinfo" not in provider.asked
    del provider.claims["groups"]
    claims = signed_in(flow, provider)["claims"]
    assert (claims["groups"], claims["preferred_username"]) == (["admins"], "ann")
    provider.userinfo = {"sub": "s2", "groups": ["admins"]}
    assert "speaks of another person" in refused(flow, provider, Code.UNAVAILABLE)
    provider.disabled = True
    assert "refused a fresh access token" in refused(flow, provider, Code.UNAVAILABLE)


def checked(flow: ProviderSignOn, provider: Provider, *boxes: Json) -> SignOnChecked:
    """What a check of sessions with these grants says."""
    secrets = {"clientSecret": Sealed(key_id="test", box=SECRET)}
    properties = {"issuer": provider.issuer, "clientId": CLIENT, "allowLocal": True}
    ask = SignOnCheck(
        provider="acme",
        asked_at=1.0,
        endpoint=ResolvedEndpoint(name="Acme SSO", type="oidc", properties=properties, secrets=secrets),
        claims=("preferred_username", "groups"),
        sign_ins=tuple(
            HeldSignIn(session_id=str(place), subject="s1", grant=Sealed.model_validate(box))
            for place, box in enumerate(boxes)
        ),
    )

    def opened(resolved: ResolvedEndpoint) -> OpenEndpoint:
        clear = {key: box.box for key, box in resolved.secrets.items()}
        return OpenEndpoint(resolved.name, resolved.type, {**resolved.properties, **clear})

    return SignOnChecker(flow, opened, seal)(ask)


def test_a_session_is_good_while_its_refresh_token_is_and_each_answer_brings_the_next(
    flow: ProviderSignOn, provider: Provider
) -> None:
    provider.refreshes = True
    box = signed_in(flow, provider)["grant"]
    provider.claims["groups"] = ["guests"]
    (answer,) = checked(flow, provider, box).sign_ins
    assert answer.outcome is Vouching.GOOD and answer.claims is not None and answer.claims["groups"] == ["guests"]
    assert answer.grant is not None
    used = checked(flow, provider, box).sign_ins[0]
    assert (used.outcome, "no longer accepts" in used.detail) == (Vouching.GONE, True)
    del provider.claims["groups"]
    (answer,) = checked(flow, provider, answer.grant.model_dump()).sign_ins
    assert (answer.outcome, answer.claims) == (Vouching.GOOD, None), "what is not said decides nothing"
    assert answer.grant is not None
    provider.disabled = True
    (answer,) = checked(flow, provider, answer.grant.model_dump()).sign_ins
    assert answer.outcome is Vouching.GONE


def test_without_a_refresh_token_the_userinfo_endpoint_is_asked(flow: ProviderSignOn, provider: Provider) -> None:
    provider.userinfo = {"groups": ["guests"], "preferred_username": "ann"}
    box = signed_in(flow, provider)["grant"]
    (answer,) = checked(flow, provider, box).sign_ins
    assert (answer.outcome, answer.grant) == (Vouching.GOOD, None)
    assert answer.claims is not None and answer.claims["groups"] == ["guests"]
    provider.disabled = True
    (answer,) = checked(flow, provider, box).sign_ins
    assert answer.outcome is Vouching.GONE


def test_a_provider_that_is_away_says_nothing_of_anybody(flow: ProviderSignOn, provider: Provider) -> None:
    provider.refreshes = True
    boxes = [signed_in(flow, provider)["grant"] for _ in range(3)]
    provider.away = True
    before = len(provider.asked)
    answers = checked(flow, provider, *boxes).sign_ins
    assert {answer.outcome for answer in answers} == {Vouching.UNKNOWN}
    provider.away = False
    assert {answer.outcome for answer in checked(flow, provider, *boxes).sign_ins} == {Vouching.GOOD}
    assert len(provider.asked) - before < 12
    provider.close()
    answers = checked(flow, provider, *boxes).sign_ins
    assert [answer.outcome for answer in answers] == [Vouching.UNKNOWN] * 3
    assert all("cannot be used now" in answer.detail for answer in answers)
