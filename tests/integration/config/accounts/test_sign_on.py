"""People who come by a sign-in provider: accounts made, matched, kept as the rules say, and shut out."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.store.definitions import settings
from shared.contracts.catalog import Act, Find, Get, Kind, SignedIn, SignIn
from shared.contracts.envelope import SYSTEM, Caller
from shared.contracts.problems import Code, Refused
from shared.process.secrets import token_hash
from tests.integration.config.office import PASSWORD, Office
from tests.support.digests import digest_of

ANN = {"sub": "s-1", "preferred_username": "ann", "email": "ann@example.com", "groups": ["devs"]}
RULES = [
    {
        "claim": "groups",
        "value": "devs",
        "serviceRole": "developer",
        "projects": {"default": "member"},
        "groups": ["d"],
    },
    {"claim": "groups", "value": "admins", "serviceRole": "Administrator"},
]
Json = dict[str, Any]


@pytest.fixture
def provider(office: Office) -> Json:
    body = {"name": "acme", "title": "Acme SSO", "issuer": "https://sso.example.com/", "clientId": "portside"}
    secret = {"clientSecret": "*****"}
    return office.act(
        Kind.PROVIDERS, "create", {**body, **secret, "rules": RULES}, sealed=office.sealed(clientSecret="s3cret")
    )


def sign_on(office: Office, **claims: Any) -> SignedIn:
    return office.sign_ins.sign_in(SignIn(provider="acme", claims={**ANN, **claims}, source_address="192.0.2.7"))


def refused(office: Office, code: Code = Code.FORBIDDEN, **claims: Any) -> str:
    with pytest.raises(Refused) as caught:
        sign_on(office, **claims)
    assert caught.value.problem.code is code
    return caught.value.problem.message


def test_the_client_secret_is_sealed_and_shown_to_nobody(office: Office, provider: Json) -> None:
    assert (provider["clientSecret"], provider["issuer"]) == ("*****", "https://sso.example.com")
    ask = Get(kind=Kind.PROVIDERS, name="acme", options={"connect": True})
    connection = office.desk.get(ask, SYSTEM).document
    assert set(connection["endpoint"]["secrets"]) == {"clientSecret"}
    assert "endpoint" not in office.desk.get(ask, Caller(user="admin")).document
    assert "s3cret" not in str(office.find(Kind.AUDIT).documents)
    kept = office.act(Kind.PROVIDERS, "patch", {"title": "SSO"}, id=provider["id"])
    assert kept["clientSecret"] == "*****"
    assert office.act(Kind.PROVIDERS, "patch", {"clientSecret": ""}, id=provider["id"])["clientSecret"] == ""


def test_an_account_is_made_at_the_first_sign_in_with_what_the_rules_grant(office: Office, provider: Json) -> None:
    signed_in = sign_on(office)
    assert (signed_in.user, signed_in.email) == ("ann", "ann@example.com")
    user = office.get(Kind.USERS, "ann")
    assert (user["serviceRole"], user["groups"], user["projects"]) == ("Developer", ["d"], {"default": "Member"})
    assert (user["provider"], user["hasPassword"]) == ("acme", False)
    me = Caller(user="ann", token_id=signed_in.token_id)
    assert office.desk.find(Find(kind=Kind.SESSIONS), me).documents[0]["provider"] == "acme"
    entries = [(entry["user"], entry["action"]) for entry in office.find(Kind.AUDIT).documents]
    assert entries[:3] == [("ann", "sign-in"), ("system", "by the rules of acme"), ("system", "create")]
    assert office.find(Kind.AUDIT).documents[0]["after"]["by"] == "by acme"


def test_roles_follow_the_directory_at_each_sign_in_and_the_name_may_change_there(
    office: Office, provider: Json
) -> None:
    sign_on(office)
    sign_on(office, groups=["admins"], preferred_username="ann.smith")
    user = office.get(Kind.USERS, "ann")
    assert (user["serviceRole"], user["groups"], user["projects"]) == ("Administrator", [], {})
    quiet = office.find(Kind.AUDIT).total
    sign_on(office, groups=["admins"])
    assert office.find(Kind.AUDIT).total == quiet + 1


def test_whom_no_rule_lets_in_is_disabled_with_their_sessions_and_let_in_again_by_one(
    office: Office, provider: Json
) -> None:
    first = sign_on(office)
    assert refused(office, groups=["guests"]) == (
        "Acme SSO knows you, but you may not sign in here. None of its rules lets ann in."
    )
    assert office.get(Kind.USERS, "ann")["enabled"] is False
    with pytest.raises(Refused, match="Not signed in"):
        office.desk.get(Get(kind=Kind.USERS, id="me"), Caller(user="ann", token_id=first.token_id))
    assert sign_on(office).user == "ann"
    assert office.get(Kind.USERS, "ann")["enabled"] is True


def test_whom_an_administrator_has_disabled_no_rule_lets_in(office: Office, provider: Json) -> None:
    sign_on(office)
    office.act(Kind.USERS, "patch", {"enabled": False}, name="ann")
    assert "User ann is disabled" in refused(office)


def test_a_stranger_whom_no_rule_matches_leaves_no_account(office: Office, provider: Json) -> None:
    refused(office, groups=[])
    assert office.names(Kind.USERS) == ["admin"]


def test_a_local_user_is_never_taken_over_by_a_name_or_an_address(office: Office, provider: Json) -> None:
    office.user("ann")
    assert "There is a user ann already who does not sign in with it" in refused(office)
    assert "There is a user Admin already" in refused(office, sub="s-2", preferred_username="Admin")
    assert "There is a user ann@example.com already" in refused(office, preferred_username="other")
    office.act(Kind.USERS, "patch", {"provider": "acme"}, name="ann")
    assert sign_on(office).user == "ann"
    assert "There is a user ann already" in refused(office, sub="s-9")


def test_whom_a_provider_vouches_for_has_no_other_way_in(office: Office, provider: Json) -> None:
    office.user("ann")
    office.act(Kind.USERS, "patch", {"provider": "acme"}, name="ann")
    with pytest.raises(Refused, match="user name or the password is not right"):
        office.sign_ins.sign_in(SignIn(username="ann", password_digest=digest_of(PASSWORD)))


def test_accounts_are_made_only_by_choice(office: Office, provider: Json) -> None:
    office.act(Kind.PROVIDERS, "patch", {"createUsers": False}, id=provider["id"])
    assert "There is no user here for ann" in refused(office)
    office.act(Kind.USERS, "create", {"name": "Ann", "provider": "acme"})
    assert sign_on(office).user == "Ann"


@pytest.mark.parametrize("name", ["", "system", "me", "line\nbreak", "x" * 300, 7, None])
def test_a_token_without_a_usable_name_makes_no_account(office: Office, provider: Json, name: Any) -> None:
    assert "names nobody in the claim preferred_username" in refused(office, preferred_username=name)


def test_an_unproved_address_is_not_taken(office: Office, provider: Json) -> None:
    office.user("bob")
    assert sign_on(office, email="bob@example.com", email_verified=False).email == ""


def test_the_last_administrator_is_not_lost_by_a_rule(office: Office, provider: Json) -> None:
    sign_on(office, groups=["admins"])
    office.act(Kind.USERS, "delete", name="admin", by="ann")
    sign_on(office, groups=["devs"])
    assert office.get(Kind.USERS, "ann", by="ann")["serviceRole"] == "Administrator"
    refused(office, groups=[])
    assert office.get(Kind.USERS, "ann", by="ann")["enabled"] is True


def test_a_disabled_or_unknown_provider_lets_nobody_in(office: Office, provider: Json) -> None:
    office.act(Kind.PROVIDERS, "patch", {"enabled": False}, id=provider["id"])
    assert "no sign-in provider acme" in refused(office, Code.NOT_FOUND)
    assert office.desk.get(Get(kind=Kind.PROVIDERS, options={"offered": True}), SYSTEM).document == {
        "providers": [],
        "passwords": True,
    }


def test_rules_are_tried_without_a_change(office: Office, provider: Json) -> None:
    def tried(**body: Any) -> Json:
        return office.act(Kind.PROVIDERS, "try", body, id=provider["id"])

    answer = tried(claims=ANN)
    assert (answer["letsIn"], answer["serviceRole"], answer["matched"]) == (True, "Developer", [0])
    assert tried(claims={"sub": "x"})["letsIn"] is False
    assert tried(claims={"sub": "x"}, rules=[{"claim": "sub"}])["letsIn"] is True
    elsewhere = tried(claims={"sub": "x"}, rules=[{"projects": {"default": "Member", "wbe": "Viewer"}}])
    assert elsewhere["message"] == "May sign in by rule 1. There is no project wbe here."
    assert office.names(Kind.USERS) == ["admin"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"issuer": "sso.example.com"}, "issuer must be an address"),
        ({"issuer": "http://sso.example.com"}, "issuer must begin with https"),
        ({"issuer": "http://sso.example.com", "allowLocal": True}, "issuer must begin with https"),
        ({"issuer": "http://10.0.0.1", "allowLocal": True}, "issuer must begin with https"),
        ({"issuer": "http://127.0.0.1:8000"}, "issuer must begin with https"),
        ({"issuer": "https://["}, "issuer must be an address"),
        ({"clientId": ""}, "clientId is missing"),
        ({"scopes": "email"}, "scopes must hold openid"),
        ({"rules": [{"serviceRole": "King"}]}, r"rules\[0\].serviceRole must be one of Administrator"),
        ({"rules": [{"projects": {"web": "King"}}]}, r"rules\[0\].projects.web must be one of Administrator"),
        ({"rules": "all"}, "rules must be a list"),
        (
            {"rules": [{"claim": "groups", "equals": "devs"}]},
            r"rules\[0\] has no field 'equals': a rule has claim, value",
        ),
        ({"rules": [{"value": "devs"}]}, r"rules\[0\] has a value and no claim"),
    ],
)
def test_a_provider_that_cannot_work_is_refused(office: Office, provider: Json, body: Json, words: str) -> None:
    with pytest.raises(Refused, match=words):
        office.act(Kind.PROVIDERS, "patch", body, id=provider["id"])


def test_passwords_are_switched_off_only_while_another_way_in_is_left(office: Office, provider: Json) -> None:
    office.act(Kind.TOKENS, "create", {"name": "ci"}, hashes={"token": token_hash("ci")})
    office.act(Kind.SETTINGS, "patch", {"localSignIn": False})
    with pytest.raises(Refused, match="switched off"):
        office.sign_ins.sign_in(SignIn(username="admin", password_digest=digest_of(PASSWORD)))
    assert office.sign_ins.sign_in(SignIn(api_token_hash=token_hash("ci"))).user == "admin"
    # Another that nobody can come in by is no way in.
    other = {"name": "other", "issuer": "https://sso.example.com", "clientId": "portside"}
    office.act(Kind.PROVIDERS, "create", other)
    for verb, body in (("delete", {}), ("patch", {"enabled": False}), ("patch", {"rules": []})):
        with pytest.raises(Refused, match="is the only way in"):
            office.act(Kind.PROVIDERS, verb, body, id=provider["id"])
    office.act(Kind.SETTINGS, "patch", {"localSignIn": True})
    office.act(Kind.PROVIDERS, "delete", id=provider["id"])
    with pytest.raises(Refused, match="no sign-in provider is enabled"):
        office.act(Kind.SETTINGS, "patch", {"localSignIn": False})
    assert office.sign_ins.sign_in(SignIn(username="admin", password_digest=digest_of(PASSWORD))).user


def test_providers_are_for_administrators(office: Office, provider: Json) -> None:
    office.user("ann", service="Developer")
    ann = Caller(user="ann")
    with pytest.raises(Refused, match="service role Administrator"):
        office.desk.find(Find(kind=Kind.PROVIDERS), ann)
    with pytest.raises(Refused, match="service role Administrator"):
        office.desk.get(Get(kind=Kind.PROVIDERS, id=provider["id"]), ann)
    with pytest.raises(Refused, match="service role Administrator"):
        office.desk.act(Act(kind=Kind.PROVIDERS, verb="delete", id=provider["id"]), ann, None)


def test_passwords_are_switched_on_where_no_public_address_is_known_yet(office: Office) -> None:
    with office.store.write() as uow:
        settings.set_setting(uow, "public_url", "")
    assert office.act(Kind.SETTINGS, "patch", {"localSignIn": True})["localSignIn"] is True
