from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from services.config.accounts import password_checks, sign_in
from services.config.runtime import retention
from services.config.tables.catalog import FamiliarAddressRow
from shared.contracts.catalog import Act, AdmissionAsk, Get, Kind, SignedIn, SignIn
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Refused
from shared.process.secrets import token_hash
from tests.integration.config.office import PASSWORD, Office
from tests.support.digests import digest_of

DAY = 86_400.0


def by_password(office: Office, name: str, password: str = PASSWORD, **more: Any) -> SignedIn:
    return office.sign_ins.sign_in(SignIn(username=name, password_digest=digest_of(password), **more))


def refused(code: Code, action: object, *args: object, **named: object) -> str:
    with pytest.raises(Refused) as caught:
        action(*args, **named)  # type: ignore[operator]
    assert caught.value.problem.code is code
    return f"{caught.value.problem.message} {caught.value.problem.next_step}"


def test_a_new_installation_has_one_project_and_one_administrator(office: Office) -> None:
    assert office.names(Kind.PROJECTS) == ["default"]
    assert by_password(office, "admin").user == "admin"
    assert office.get(Kind.USERS, "me")["rights"] == {"default": "RESTRICTED"}


def test_a_user_signs_in_by_name_or_e_mail_whatever_the_case(office: Office) -> None:
    office.user("ann")
    assert by_password(office, "ANN").user == "ann"
    assert by_password(office, "ann@Example.com").email == "ann@example.com"


def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(office: Office) -> None:
    wrong = refused(Code.UNAUTHENTICATED, by_password, office, "admin", "nope")
    assert wrong == refused(Code.UNAUTHENTICATED, by_password, office, "nobody", "nope")


STRANGER, OTHER = "203.0.113.9", "198.51.100.7"


def failed(office: Office, times: int, **more: Any) -> None:
    for number in range(times):
        refused(Code.UNAUTHENTICATED, by_password, office, f"invented-{number}", "nope", **more)


def test_failed_sign_ins_close_their_address_for_a_while_and_no_other(office: Office) -> None:
    failed(office, 10, source_address=STRANGER)
    message = refused(Code.TOO_MANY, by_password, office, "admin", source_address=STRANGER)
    assert message == f"Too many sign-ins from {STRANGER} failed Try again in 31 s."
    assert by_password(office, "admin", source_address=OTHER).user == "admin"
    office.now += 31
    assert by_password(office, "admin", source_address=STRANGER).user == "admin"


def test_a_password_is_tried_within_the_limits_by_the_admission_that_was_granted_for_it(office: Office) -> None:
    for number in range(9):
        office.sign_ins.admit(AdmissionAsk(source_address=f"203.0.113.{number}"))
        office.now += 60
    first = office.sign_ins.admit(AdmissionAsk(source_address=OTHER)).admission_id
    for number in range(3):
        office.sign_ins.admit(AdmissionAsk(source_address=f"192.0.2.{number}"))
    with pytest.raises(Refused) as caught:
        office.sign_ins.admit(AdmissionAsk(source_address=STRANGER))
    assert (caught.value.problem.code, caught.value.problem.details) == (Code.TOO_MANY, {"limit": "strangers"})
    assert by_password(office, "admin", source_address=OTHER, admission_id=first).user == "admin"
    assert office.sign_ins.admit(AdmissionAsk(source_address=OTHER)).admission_id


def test_nobody_is_locked_out_by_what_others_try_under_that_name(office: Office) -> None:
    for last in range(15):
        refused(Code.UNAUTHENTICATED, by_password, office, "admin", "nope", source_address=f"203.0.113.{last}")
    assert by_password(office, "admin", source_address=OTHER).user == "admin"


def test_strangers_together_leave_the_share_of_those_who_have_signed_in_before(office: Office) -> None:
    by_password(office, "admin", source_address=OTHER)
    for last in range(20):
        refused(Code.UNAUTHENTICATED, by_password, office, "admin", "nope", source_address=f"203.0.113.{last}")
    message = refused(Code.TOO_MANY, by_password, office, "admin", source_address="192.0.2.1")
    assert "a browser or an address that has signed in before goes first" in message
    assert by_password(office, "admin", source_address=OTHER).user == "admin"
    assert by_password(office, "admin", source_address="192.0.2.1", browser_of="admin").user == "admin"


def test_behind_an_undeclared_proxy_its_address_counts_for_nothing(office: Office) -> None:
    by_password(office, "admin", source_address=STRANGER)
    failed(office, 20, source_address=STRANGER, proxied=True)
    refused(Code.TOO_MANY, by_password, office, "admin", source_address=STRANGER, proxied=True)
    assert by_password(office, "admin", source_address=STRANGER).user == "admin"


def test_a_whole_network_of_ipv6_is_one_address(office: Office) -> None:
    for last in range(10):
        failed(office, 1, source_address=f"2001:db8:1:2::{last}")
    refused(Code.TOO_MANY, by_password, office, "admin", source_address="2001:db8:1:2:ffff::1")
    assert by_password(office, "admin", source_address="2001:db8:1:3::1").user == "admin"


def test_failed_sign_ins_leave_no_rows_and_familiar_addresses_are_forgotten(office: Office) -> None:
    failed(office, 15, proxied=True)
    by_password(office, "admin", source_address=STRANGER)
    office.now += 80 * DAY
    by_password(office, "admin", source_address=OTHER)
    assert _familiar(office) == [OTHER, STRANGER]
    office.now += 11 * DAY
    with office.store.write() as uow:
        retention.prune(uow, retention.Keeping(executions=0))
    assert _familiar(office) == [OTHER]


def _familiar(office: Office) -> list[str]:
    with office.store.read() as reading:
        return sorted(reading.session.scalars(select(FamiliarAddressRow.network)))


def test_a_failed_api_token_closes_the_address_for_tokens_alone(office: Office) -> None:
    for number in range(10):
        ask = SignIn(api_token_hash=token_hash(f"guess {number}"), source_address=STRANGER)
        refused(Code.UNAUTHENTICATED, office.sign_ins.sign_in, ask)
    refused(Code.TOO_MANY, office.sign_ins.sign_in, ask)
    assert by_password(office, "admin", source_address=STRANGER).user == "admin"


def test_a_password_is_hashed_while_others_write(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """argon2 inside a write transaction holds up every report and hook."""
    written: list[bool] = []

    def slow(_stored: str | None, _digest: str, *, familiar: bool) -> bool:
        with office.store.write():
            written.append(True)
        return True

    new = {"password": digest_of("quite another one"), "oldPassword": digest_of(PASSWORD)}
    me = by_password(office, "admin").token_id
    change = Act(kind=Kind.USERS, verb="password", name="admin", hashes=new)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(password_checks, "password_matches", slow)
        office.desk.act(change, Caller(user="admin", token_id=me), None)
    assert written == [True]
    assert by_password(office, "admin", "quite another one").user == "admin"


def test_a_token_minted_at_sign_in_signs_in_by_itself_later(office: Office) -> None:
    minted = token_hash("refresh")
    first = by_password(office, "admin", new_token_hash=minted)
    again = office.sign_ins.sign_in(SignIn(api_token_hash=minted))
    assert (again.user, again.token_id) == ("admin", first.token_id)


def test_a_session_that_was_signed_out_is_good_no_more_and_an_api_token_stays(office: Office) -> None:
    def me(token: str) -> str:
        return str(
            office.desk.get(Get(kind=Kind.USERS, id="me"), Caller(user="admin", token_id=token)).document["name"]
        )

    session = by_password(office, "admin").token_id
    kept = office.act(Kind.TOKENS, "create", {"name": "kept"}, hashes={"token": token_hash("kept")})["id"]
    assert me(session) == me(kept) == "admin"
    for token in (session, kept):
        office.desk.act(Act(kind=Kind.TOKENS, verb="sign-out"), Caller(user="admin", token_id=token), None)
    refused(Code.UNAUTHENTICATED, me, session)
    assert me(kept) == "admin"


def test_a_sign_in_link_works_once(office: Office) -> None:
    with office.store.write() as uow:
        sign_in.make_one_time_code(uow, token_hash("code"), "admin")
    assert office.sign_ins.sign_in(SignIn(one_time_code_hash=token_hash("code"))).user == "admin"
    said = refused(Code.UNAUTHENTICATED, office.sign_ins.sign_in, SignIn(one_time_code_hash=token_hash("code")))
    assert "portside system link" in said


def test_an_api_token_is_for_oneself_shown_masked_and_ends_when_revoked(office: Office) -> None:
    office.user("ann", default="members")
    said = refused(
        Code.FORBIDDEN,
        office.act,
        Kind.TOKENS,
        "create",
        {"name": "ci", "email": "bob@example.com"},
        by="ann",
        hashes={"token": token_hash("t")},
    )
    assert "ann@example.com" in said
    made = office.act(Kind.TOKENS, "create", {"name": "ci"}, by="ann", hashes={"token": token_hash("t")})
    assert made["_expireTimeInMicros"] - made["_createTimeInMicros"] == 182 * 86_400 * 1_000_000
    assert office.sign_ins.sign_in(SignIn(api_token_hash=token_hash("t"))).user == "ann"
    assert office.find(Kind.TOKENS, by="ann").documents[0]["lastUsedAt"]
    office.act(Kind.TOKENS, "delete", id=made["id"], by="ann")
    refused(Code.UNAUTHENTICATED, office.sign_ins.sign_in, SignIn(api_token_hash=token_hash("t")))
    assert office.find(Kind.TOKENS, by="ann").total == 0


def test_a_disabled_user_and_a_revoked_session_stop_at_once(office: Office) -> None:
    office.user("ann", default="members")
    office.act(Kind.USERS, "patch", {"enabled": False}, name="ann")
    assert "Sign in again" in refused(Code.UNAUTHENTICATED, office.find, Kind.PIPELINES, by="ann")


def test_changing_a_password_ends_the_other_sessions(office: Office) -> None:
    office.user("ann")
    before = by_password(office, "ann", new_token_hash=token_hash("r"))
    office.act(Kind.USERS, "password", {}, name="ann", hashes={"password": digest_of("another one")})
    refused(Code.UNAUTHENTICATED, office.sign_ins.sign_in, SignIn(api_token_hash=token_hash("r")))
    refused(Code.UNAUTHENTICATED, by_password, office, "ann")
    assert by_password(office, "ann", "another one").token_id != before.token_id


def test_ones_own_password_needs_the_old_one(office: Office) -> None:
    office.user("ann")
    new = digest_of("another one")
    refused(Code.FORBIDDEN, office.act, Kind.USERS, "password", {}, by="ann", name="ann", hashes={"password": new})
    hashes = {"password": new, "oldPassword": digest_of(PASSWORD)}
    office.act(Kind.USERS, "password", {}, by="ann", name="ann", hashes=hashes)
    assert by_password(office, "ann", "another one").user == "ann"


def test_the_last_administrator_stays(office: Office) -> None:
    refused(Code.CONFLICT, office.act, Kind.USERS, "delete", name="admin")
    refused(Code.CONFLICT, office.act, Kind.USERS, "patch", {"serviceRole": "Viewer"}, name="admin")
    office.user("ann", service="Administrator")
    office.act(Kind.USERS, "delete", name="admin")
    assert office.names(Kind.USERS, by="ann") == ["ann"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (Kind.USERS, {"name": "ann", "password": "*****"}),
        (Kind.PROJECTS, {"name": "shop"}),
        (Kind.PROVIDERS, {"name": "sso", "issuer": "https://sso.example.com", "clientId": "portside"}),
    ],
)
def test_a_name_that_is_taken_is_refused_with_what_to_do(office: Office, kind: Kind, body: dict[str, Any]) -> None:
    hashes = {"password": digest_of(PASSWORD)} if kind is Kind.USERS else {}
    office.act(kind, "create", body, hashes=hashes)
    with pytest.raises(Refused) as refusal:
        office.act(kind, "create", body, hashes=hashes)
    assert refusal.value.problem.code is Code.CONFLICT
    assert refusal.value.problem.next_step.startswith("Choose another name")


def test_who_is_in_no_project_is_told_whom_to_ask(office: Office) -> None:
    office.user("ann")
    assert "Ask admin" in refused(Code.FORBIDDEN, office.find, Kind.PIPELINES, by="ann")
    assert office.find(Kind.PROJECTS, by="ann").documents == ()


def test_who_lacks_a_right_is_told_who_can_grant_it(office: Office) -> None:
    office.user("boss", default="administrators")
    office.user("ann", default="viewers")
    said = refused(Code.FORBIDDEN, office.act, Kind.PROJECTS, "patch", {"members": []}, by="ann", name="default")
    assert "boss" in said


def test_a_project_with_something_in_it_is_not_deleted(office: Office) -> None:
    office.docker_endpoint()
    assert "1 endpoint" in refused(Code.IN_USE, office.act, Kind.PROJECTS, "delete", name="default")
    office.act(Kind.PROJECTS, "create", {"name": "empty"})
    office.act(Kind.PROJECTS, "delete", name="empty")
    assert office.names(Kind.PROJECTS) == ["default"]


def test_a_project_has_code_streams_lists_of_people(office: Office) -> None:
    office.user("ann", default="members")
    document = office.get(Kind.PROJECTS, name="default")
    assert [entry["email"] for entry in document["members"]] == ["ann@example.com"]
    assert [entry["name"] for entry in document["administrators"]] == ["admin"]


def test_every_change_is_in_the_audit_log_without_secrets(office: Office) -> None:
    office.docker_endpoint()
    entry = office.find(Kind.AUDIT, top=1).documents[0]
    assert (entry["user"], entry["action"], entry["objectKind"]) == ("admin", "create", "endpoints")
    assert entry["after"]["properties"]["password"] == "*****"
    assert "dckr_pat_secret" not in str(office.find(Kind.AUDIT).documents)


def test_the_audit_log_is_read_by_administrators_and_filtered(office: Office) -> None:
    office.user("ann", default="members")
    refused(Code.FORBIDDEN, office.find, Kind.AUDIT, by="ann")
    found = office.find(Kind.AUDIT, filter="objectKind eq 'users'").documents
    assert [one["name"] for one in found] == ["ann"]
    oldest = office.find(Kind.AUDIT, orderby="_createTimeInMicros asc", top=1).documents
    assert oldest[0]["id"] == min(one["id"] for one in office.find(Kind.AUDIT).documents)
