"""Programs that are signed in by a page: codes that are confirmed, refused, guessed, asked too often and late."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.accounts import device_sign_ins
from services.config.accounts.device_sign_ins import DeviceSignIns
from shared.contracts.catalog import Act, Get, Kind, SignIn
from shared.contracts.envelope import SYSTEM, Caller
from shared.contracts.problems import Code, Refused
from shared.process.secrets import token_hash
from tests.integration.config.office import Office

Json = dict[str, Any]
DEVICE = token_hash("the long code")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, office: Office) -> list[float]:
    """Monotonic seconds of the kind; the catalog's own instance has the process's clock."""
    at = [1_000.0]
    devices = DeviceSignIns(monotonic=lambda: at[0])
    monkeypatch.setitem(office.desk.resources, Kind.DEVICES, devices)
    return at


def begin(office: Office, device: str = DEVICE, address: str = "192.0.2.7", **body: Any) -> Json:
    command = Act(
        kind=Kind.DEVICES,
        verb="create",
        body={"name": "a laptop", "address": address, **body},
        hashes={"device": device},
    )
    return office.desk.act(command, SYSTEM, None).document


def state(office: Office, device: str = DEVICE) -> str:
    return str(office.desk.get(Get(kind=Kind.DEVICES, options={"device": device}), SYSTEM).document["status"])


def redeem(office: Office, device: str = DEVICE, token: str = "api-token") -> Json:
    command = Act(kind=Kind.DEVICES, verb="redeem", hashes={"device": device, "token": token_hash(token)})
    return office.desk.act(command, SYSTEM, None).document


def refusal(call: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        call()
    return caught.value


def test_who_confirms_a_code_gives_the_program_a_token_that_acts_as_them(office: Office, clock: list[float]) -> None:
    office.user("ann", default="members")
    begun = begin(office)
    assert (state(office), begun["goodForSeconds"], begun["intervalSeconds"]) == ("pending", 600, 5)
    typed = begun["userCode"].lower().replace("-", " ")
    seen = office.get(Kind.DEVICES, name=typed, by="ann")
    assert (seen["name"], seen["address"], seen["access"]) == ("a laptop", "192.0.2.7", "everything")
    office.act(Kind.DEVICES, "approve", {"access": "read", "project": "default"}, name=typed, by="ann")
    assert state(office) == "approved"
    made = redeem(office)
    assert (made["user"], made["name"], made["access"], made["project"]) == ("ann", "a laptop", "read", "default")
    assert office.sign_ins.sign_in(SignIn(api_token_hash=token_hash("api-token"))).user == "ann"
    assert office.names(Kind.TOKENS, by="ann") == ["a laptop"]
    office.act(Kind.TOKENS, "delete", id=made["id"], by="ann")
    with pytest.raises(Refused):
        office.sign_ins.sign_in(SignIn(api_token_hash=token_hash("api-token")))


def test_a_code_is_redeemed_once(office: Office, clock: list[float]) -> None:
    begun = begin(office)
    office.act(Kind.DEVICES, "approve", name=begun["userCode"])
    redeem(office)
    assert state(office) == "unknown"
    assert refusal(lambda: redeem(office)).problem.code is Code.CONFLICT


def test_who_refuses_a_code_gives_nothing(office: Office, clock: list[float]) -> None:
    begun = begin(office)
    office.act(Kind.DEVICES, "deny", name=begun["userCode"])
    assert state(office) == "denied"
    assert refusal(lambda: redeem(office)).problem.code is Code.CONFLICT
    answered = refusal(lambda: office.act(Kind.DEVICES, "approve", name=begun["userCode"]))
    assert "answered before" in answered.problem.message


def test_a_code_expires_after_ten_minutes_confirmed_or_not(office: Office, clock: list[float]) -> None:
    first, second = begin(office), begin(office, token_hash("another"))
    office.act(Kind.DEVICES, "approve", name=second["userCode"])
    office.now += 601
    assert (state(office), state(office, token_hash("another"))) == ("expired", "expired")
    assert refusal(lambda: redeem(office, token_hash("another"))).problem.code is Code.CONFLICT
    assert refusal(lambda: office.get(Kind.DEVICES, name=first["userCode"])).problem.code is Code.NOT_FOUND
    office.now += 3_600
    begin(office, token_hash("a third"))
    assert state(office) == "unknown"


def test_who_guesses_codes_is_stopped_after_ten_for_a_quarter_of_an_hour(office: Office, clock: list[float]) -> None:
    office.user("mallory")
    begun = begin(office)
    for _ in range(device_sign_ins.MOST_WRONG):
        wrong = refusal(lambda: office.get(Kind.DEVICES, name="BBBB-BBBB", by="mallory"))
        assert wrong.problem.code is Code.NOT_FOUND
    stopped = refusal(lambda: office.act(Kind.DEVICES, "approve", name=begun["userCode"], by="mallory"))
    assert stopped.problem.code is Code.TOO_MANY and stopped.problem.retry_after_s == 900
    assert office.get(Kind.DEVICES, name=begun["userCode"])["status"] == "pending"
    clock[0] += 901
    assert office.get(Kind.DEVICES, name=begun["userCode"], by="mallory")["status"] == "pending"


def test_a_program_that_asks_too_often_is_slowed_down(office: Office, clock: list[float]) -> None:
    begin(office)
    assert (state(office), state(office)) == ("pending", "hurried")
    clock[0] += 5
    assert state(office) == "pending"


def test_the_open_ones_are_bounded_by_address_and_in_all(
    office: Office, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_sign_ins, "MOST_OPEN", 4)
    monkeypatch.setattr(device_sign_ins, "MOST_OPEN_BY_ADDRESS", 2)
    for device, address in (("a", "192.0.2.1"), ("b", "192.0.2.1"), ("c", "")):
        begin(office, token_hash(device), address)
    assert refusal(lambda: begin(office, token_hash("d"), "192.0.2.1")).problem.code is Code.TOO_MANY
    begin(office, token_hash("e"), "")
    assert refusal(lambda: begin(office, token_hash("f"), "192.0.2.9")).problem.code is Code.TOO_MANY
    office.now += 601
    begin(office, token_hash("g"), "192.0.2.1")


def test_only_the_gateway_begins_and_redeems_and_narrowed_tokens_confirm_nothing(office: Office) -> None:
    begun = begin(office)
    for verb in ("create", "redeem"):
        hashes = {"device": DEVICE, "token": token_hash("x")}
        refused = refusal(lambda verb=verb, hashes=hashes: office.act(Kind.DEVICES, verb, {"name": "x"}, hashes=hashes))
        assert refused.problem.code is Code.FORBIDDEN
    token = office.act(Kind.TOKENS, "create", {"name": "r", "access": "read"}, hashes={"token": token_hash("r")})
    caller = Caller(user="admin", token_id=token["id"])
    approve = Act(kind=Kind.DEVICES, verb="approve", name=begun["userCode"])
    assert "narrowed" in refusal(lambda: office.desk.act(approve, caller, None)).problem.message
    no_state = refusal(lambda: office.get(Kind.DEVICES, options={"device": DEVICE}))
    assert no_state.problem.code is Code.NOT_FOUND


def test_whom_an_administrator_disables_meanwhile_gives_no_token(office: Office, clock: list[float]) -> None:
    office.user("ann")
    begun = begin(office)
    office.act(Kind.DEVICES, "approve", name=begun["userCode"], by="ann")
    office.act(Kind.USERS, "patch", {"enabled": False}, name="ann")
    assert refusal(lambda: redeem(office)).problem.code is Code.CONFLICT
