"""Open sessions of people from a provider: asked about within a minute, ended when it says so, and never because it
cannot be asked."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.accounts import sign_on_checks
from services.config.store.definitions import people
from shared.contracts import topics
from shared.contracts.catalog import Find, Get, Kind, SignedIn, SignIn
from shared.contracts.envelope import Caller
from shared.contracts.problems import Refused
from shared.contracts.sign_on_checks import CheckedSignIn, SignOnCheck, SignOnChecked, Vouching
from tests.integration.config.office import Office

ANN = {"sub": "s-1", "preferred_username": "ann", "groups": ["devs"]}
RULES = [{"claim": "groups", "value": "devs", "serviceRole": "Developer"}]
BODY = {"name": "acme", "issuer": "https://sso.example.com", "clientId": "portside", "rules": RULES}
Json = dict[str, Any]


@pytest.fixture
def signed_in(office: Office) -> SignedIn:
    office.act(Kind.PROVIDERS, "create", BODY)
    return sign_on(office)


def sign_on(office: Office) -> SignedIn:
    return office.sign_ins.sign_in(SignIn(provider="acme", claims=ANN, grant=office.sealer.seal("first tokens")))


def question(office: Office) -> SignOnCheck | None:
    """What the timer asks now, if anything."""
    office.recorder.promised.clear()
    with office.store.write() as uow:
        sign_on_checks.on_timer(uow, "acme")
    asked = [row.body for row in office.recorder.promised if row.type == topics.SIGN_ON_CHECK.type]
    return SignOnCheck.model_validate_json(asked[0]) if asked else None


def answered(office: Office, ask: SignOnCheck, outcome: Vouching, **more: Any) -> None:
    sign_ins = tuple(CheckedSignIn(session_id=sign_in.session_id, outcome=outcome, **more) for sign_in in ask.sign_ins)
    with office.store.write() as uow:
        sign_on_checks.checked(uow, SignOnChecked(provider="acme", asked_at=ask.asked_at, sign_ins=sign_ins))


def is_in(office: Office, signed_in: SignedIn) -> bool:
    try:
        office.desk.get(Get(kind=Kind.USERS, id="me"), Caller(user="ann", token_id=signed_in.token_id))
    except Refused:
        return False
    return True


def due(office: Office) -> Json:
    with office.store.read() as uow:
        token = people.TOKENS.all(uow, people.TOKENS.column("provider") == "acme")[0]
    return {"grant": token.provider_grant, "checked": token.checked_at}


def test_a_session_is_asked_about_every_forty_seconds_with_the_tokens_that_came_last(
    office: Office, signed_in: SignedIn
) -> None:
    assert question(office) is None
    office.now += sign_on_checks.CHECK_EVERY_S
    ask = question(office)
    assert ask is not None and ask.claims == ("preferred_username", "groups")
    assert [(sign_in.session_id, sign_in.subject) for sign_in in ask.sign_ins] == [(signed_in.token_id, "s-1")]
    answered(office, ask, Vouching.GOOD, grant=office.sealer.seal("second tokens"))
    answered(office, ask, Vouching.GONE)
    assert is_in(office, signed_in), "an answer that comes twice counts once"
    assert question(office) is None
    office.now += sign_on_checks.CHECK_EVERY_S
    ask = question(office)
    assert ask is not None and office.opener.open(ask.sign_ins[0].grant) == "second tokens"
    shown = str(office.desk.find(Find(kind=Kind.SESSIONS), Caller(user="ann", token_id=signed_in.token_id)).documents)
    assert "grant" not in shown.lower()


def test_whom_the_provider_no_longer_takes_is_out_and_the_audit_log_says_so(
    office: Office, signed_in: SignedIn
) -> None:
    other = sign_on(office)
    office.now += sign_on_checks.CHECK_EVERY_S
    ask = question(office)
    assert ask is not None and len(ask.sign_ins) == 2
    answered(office, ask, Vouching.GONE, detail="It no longer accepts the session's refresh token.")
    assert not is_in(office, signed_in) and not is_in(office, other)
    entry = office.find(Kind.AUDIT).documents[0]
    assert (entry["user"], entry["action"], entry["name"]) == ("system", "ended by acme", "ann")
    assert question(office) is None


def test_a_provider_that_cannot_be_asked_ends_no_session(office: Office, signed_in: SignedIn) -> None:
    for _ in range(5):
        office.now += sign_on_checks.CHECK_EVERY_S
        ask = question(office)
        assert ask is not None
        answered(office, ask, Vouching.UNKNOWN, detail="away")
    assert is_in(office, signed_in)
    office.now += sign_on_checks.CHECK_EVERY_S
    assert question(office) is not None
    # No answer at all: the same is asked again, and the session is open meanwhile.
    office.now += sign_on_checks.LOST_AFTER_S
    assert question(office) is not None and is_in(office, signed_in)


def test_the_rules_decide_on_what_the_provider_says_now(office: Office, signed_in: SignedIn) -> None:
    office.now += sign_on_checks.CHECK_EVERY_S
    ask = question(office)
    assert ask is not None
    answered(office, ask, Vouching.GOOD, claims=ANN)
    assert is_in(office, signed_in)
    office.now += sign_on_checks.CHECK_EVERY_S
    ask = question(office)
    assert ask is not None
    answered(office, ask, Vouching.GOOD, claims={**ANN, "groups": []})
    assert not is_in(office, signed_in) and office.get(Kind.USERS, "ann")["enabled"] is False


def test_a_busy_sign_in_page_does_not_put_the_question_off(office: Office, signed_in: SignedIn) -> None:
    def due_at() -> float | None:
        with office.store.read() as uow:
            return uow.connection.exec_driver_sql("SELECT due_at FROM timers WHERE kind = 'sign-on.check'").scalar()

    before = due_at()
    office.now += 10
    sign_on(office)
    assert due_at() == before == office.now - 10 + sign_on_checks.CHECK_EVERY_S
