"""Sign-ins that a program begins and a person confirms: the device authorization grant (RFC 8628).

A program gets two codes: it asks by the long one, and the person compares the short one on a page, where they are
signed in however they sign in. What comes of it is an API token of the person, as if they had made it themselves.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from services.config.catalog import audit
from services.config.catalog.documents import demand_known, name_of, text
from services.config.model.definitions import DeviceSignIn
from services.config.model.people import SYSTEM, Person
from services.config.model.rights import TokenAccess
from services.config.resource import chosen, unsupported
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.contracts.times import micros, wire_time
from shared.process.addresses import client_network
from shared.process.clock import monotonic as process_monotonic

from .api_tokens import NARROWED, access_of, days_of, make_token, project_of

V = TypeVar("V")
LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Of the short code, as RFC 8628 (6.1) has it: no vowels, so no words, and nothing that looks like a digit."""
CODE_LETTERS = 8
GOOD_FOR_S = 600
INTERVAL_S = 5
MOST_OPEN, MOST_OPEN_BY_ADDRESS = 1_000, 20
DEFAULT_DAYS = 90
MAX_CLIENT_NAME = 100
MOST_WRONG, WRONG_WITHIN_S = 10, 900.0
"""How many short codes that do not exist somebody may try in that time."""
MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class _WrongCodes:
    """The short codes that somebody tried and that do not exist."""

    tried: int
    since: float
    """In monotonic seconds."""


class DeviceSignIns:
    """The kind `device-sign-ins`. The gateway itself begins, asks and redeems; people look one up and answer."""

    def __init__(self, *, monotonic: Callable[[], float] = process_monotonic) -> None:
        self._verbs = {
            "create": self._begin,
            "redeem": self._redeem,
            "approve": self._answer,
            "deny": self._answer,
        }
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._wrong: OrderedDict[str, _WrongCodes] = OrderedDict()

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """Nobody lists them: a short code is a secret of who began it."""
        raise unsupported(Kind.DEVICES, "list", tuple(self._verbs))

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """What a person confirms, by the short code; for the gateway itself the state by the long one's hash."""
        device_hash = str(ask.options.get("device") or "")
        if device_hash and person is SYSTEM:
            return Document(document={"status": self._state(uow, device_hash)})
        return Document(document=_document(self._locate(uow, person, ask.name)))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """`create` and `redeem` for the gateway itself, `approve` and `deny` for people."""
        return chosen(self._verbs, ask)(uow, person, ask)

    def _begin(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        _demand_system(person)
        address = client_network(text(ask.body, "address"))
        people.forget_devices(uow)
        if people.open_devices(uow) >= MOST_OPEN or (
            address and people.open_devices(uow, address) >= MOST_OPEN_BY_ADDRESS
        ):
            raise _too_many("Too many sign-ins of programs wait for somebody to confirm them", GOOD_FOR_S / 10)
        value = DeviceSignIn(
            device_hash=ask.hashes["device"],
            user_code=_new_code(),
            status="pending",
            name=name_of(ask.body, "sign-in")[:MAX_CLIENT_NAME],
            project=text(ask.body, "project").strip(),
            access=access_of(ask.body).value,
            days=days_of({"goodForDays": ask.body.get("goodForDays") or DEFAULT_DAYS}),
            address=address,
            created_at=uow.now,
            expires_at=uow.now + GOOD_FOR_S,
        )
        people.DEVICES.insert(uow, value)
        return Document(document={**_document(value), "goodForSeconds": GOOD_FOR_S, "intervalSeconds": INTERVAL_S})

    def _state(self, uow: Reading, device_hash: str) -> str:
        """`pending`, `approved`, `denied`, `expired`, `unknown`, or `hurried` for who asks more often than allowed."""
        value = people.DEVICES.one(uow, device_hash=device_hash)
        if value is None:
            return "unknown"
        if value.expires_at <= uow.now:
            return "expired"
        if value.status == "pending" and self._is_hurried(device_hash):
            return "hurried"
        return value.status

    def _is_hurried(self, device_hash: str) -> bool:
        at = self._monotonic()
        with self._lock:
            asked_at = self._asked.pop(device_hash, float("-inf"))
            _remember(self._asked, device_hash, at)
        # A second less, since the way here takes its time.
        return at - asked_at < INTERVAL_S - 1

    def _redeem(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """The token itself, once: the sign-in is gone then."""
        _demand_system(person)
        value = people.DEVICES.one(uow, device_hash=ask.hashes["device"])
        if value is None or value.status != "approved" or value.expires_at <= uow.now:
            raise refuse(Code.CONFLICT, "Nobody has confirmed this sign-in, or it has ended")
        user = people.USERS.one(uow, id=value.user_id)
        owner = people.person(uow, user.name, None) if user is not None else None
        people.DEVICES.delete(uow, device_hash=value.device_hash)
        if owner is None:
            raise refuse(Code.CONFLICT, "The account that confirmed this sign-in is disabled")
        document = make_token(
            uow,
            owner,
            name=value.name,
            token_hash=ask.hashes["token"],
            days=value.days,
            project=value.project,
            access=TokenAccess(value.access),
        )
        return Document(document=document)

    def _answer(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        person.demand_whole("sign a program in")
        value = self._locate(uow, person, ask.name)
        if value.status != "pending":
            raise refuse(Code.CONFLICT, f"The code {value.user_code} was answered before", subject=value.user_code)
        demand_known(ask.body, "sign-in", NARROWED, _document(value))
        answered = replace(
            value,
            status="approved" if ask.verb == "approve" else "denied",
            user_id=person.user_id,
            project=project_of(uow, person, {"project": value.project, **ask.body}),
            access=access_of({"access": value.access, **ask.body}).value,
            days=days_of({"goodForDays": value.days, **ask.body}),
        )
        people.DEVICES.update(uow, answered)
        audit.record(uow, person, ask.verb, Kind.DEVICES, None, _document(answered))
        return Document(document=_document(answered))

    def _locate(self, uow: Reading, person: Person, typed: str) -> DeviceSignIn:
        """By its short code, however it is typed. Raises `Refused`, also for who tries too many."""
        if not person.user_id:
            raise refuse(Code.FORBIDDEN, f"{person.user} has no account to sign a program in with")
        self._demand_few_wrong(person)
        value = people.DEVICES.one(uow, user_code=_normal(typed))
        if value is not None and value.expires_at > uow.now:
            return value
        self._count_wrong(person)
        raise refuse(
            Code.NOT_FOUND,
            "There is no such code, or it has expired",
            subject="code",
            next_step="Compare it with what the program shows, or begin there again: a code is good for ten minutes.",
        )

    def _demand_few_wrong(self, person: Person) -> None:
        with self._lock:
            wrong = self._wrong.get(person.user_id)
        if wrong is None or wrong.tried < MOST_WRONG:
            return
        wait_s = wrong.since + WRONG_WITHIN_S - self._monotonic()
        if wait_s > 0:
            raise _too_many("You have tried too many codes that do not exist", wait_s)

    def _count_wrong(self, person: Person) -> None:
        at = self._monotonic()
        with self._lock:
            wrong = self._wrong.pop(person.user_id, None)
            if wrong is None or at - wrong.since > WRONG_WITHIN_S:
                wrong = _WrongCodes(0, at)
            _remember(self._wrong, person.user_id, replace(wrong, tried=wrong.tried + 1))


def _remember(values: OrderedDict[str, V], key: str, value: V) -> None:
    values[key] = value
    if len(values) > MOST_REMEMBERED:
        values.popitem(last=False)


def _demand_system(person: Person) -> None:
    if person is not SYSTEM:
        raise refuse(Code.FORBIDDEN, "Only the gateway itself may do this")


def _too_many(message: str, wait_s: float) -> Refused:
    step = f"Try again in {int(wait_s) + 1} s."
    return Refused(Problem(code=Code.TOO_MANY, message=message, next_step=step, retry_after_s=max(1.0, wait_s)))


def _new_code() -> str:
    letters = "".join(secrets.choice(LETTERS) for _ in range(CODE_LETTERS))
    return f"{letters[:4]}-{letters[4:]}"


def _normal(typed: str) -> str:
    letters = re.sub(f"[^{LETTERS}]", "", typed.upper())
    return f"{letters[:4]}-{letters[4 : CODE_LETTERS + 1]}"


def _document(value: DeviceSignIn) -> Json:
    return {
        "id": value.user_code,
        "kind": "DEVICE_SIGN_IN",
        "name": value.name,
        "userCode": value.user_code,
        "status": value.status,
        "project": value.project,
        "access": value.access,
        "goodForDays": value.days,
        "address": value.address,
        "createdAt": wire_time(value.created_at),
        "expiresAt": wire_time(value.expires_at),
        "_createTimeInMicros": micros(value.created_at),
        "_expireTimeInMicros": micros(value.expires_at),
    }
