"""Who hashes passwords: a standby where there is one, so that the active config keeps its core for decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

from services.config.model.definitions import User
from services.config.store import Store
from services.config.store.definitions import people
from shared.bus import NotConfirmed, RequestTimeout, Unavailable
from shared.contracts.base import Message
from shared.contracts.catalog import PasswordCheck, PasswordChecked, PasswordHashed, PasswordToHash
from shared.contracts.problems import Refused
from shared.contracts.topics import CHECK_PASSWORD, HASH_PASSWORD, Topic
from shared.process.logging import get_logger

from .passwords import hash_password, password_matches

log = get_logger()

ASK_S = 4.0
"""After this the active config hashes too. Gateways wait 10 s."""

M = TypeVar("M", bound=Message)


class Passwords(Protocol):
    """Slow: never within a write transaction."""

    def match(self, user: User | None, digest: str, *, familiar: bool = True) -> bool:
        """Whether this is the user's password; takes as long where there is no such user."""
        ...

    def hashed(self, digest: str) -> str:
        """What is stored of a password."""
        ...


class ConfigRequests(Protocol):
    """The bus, as far as this asks it."""

    def request(self, topic: Topic, message: Message, *, timeout_s: float) -> Message: ...


class LocalPasswords:
    """In this process."""

    def match(self, user: User | None, digest: str, *, familiar: bool = True) -> bool:
        return password_matches(user.password if user is not None else None, digest, familiar=familiar)

    def hashed(self, digest: str) -> str:
        return hash_password(digest)


class SharedPasswords:
    """In any config process that answers; in this one where none does."""

    def __init__(self, bus: ConfigRequests) -> None:
        self._bus = bus
        self._local = LocalPasswords()

    def match(self, user: User | None, digest: str, *, familiar: bool = True) -> bool:
        ask = PasswordCheck(user_id=user.id if user is not None else "", password_digest=digest, familiar=familiar)
        answer = self._ask(CHECK_PASSWORD, ask, PasswordChecked)
        return answer.matches if answer is not None else self._local.match(user, digest, familiar=familiar)

    def hashed(self, digest: str) -> str:
        answer = self._ask(HASH_PASSWORD, PasswordToHash(password_digest=digest), PasswordHashed)
        return answer.password_hash if answer is not None else self._local.hashed(digest)

    def _ask(self, topic: Topic, ask: Message, kind: type[M]) -> M | None:
        try:
            answer = self._bus.request(topic, ask, timeout_s=ASK_S)
        except (NotConfirmed, Refused, RequestTimeout, Unavailable) as error:
            log.info("passwords.hashed-here", reason=str(error))
            return None
        return answer if isinstance(answer, kind) else None


@dataclass(frozen=True)
class PasswordChecks:
    """Answers `auth.check-password` and `auth.hash-password`."""

    store: Store

    def check(self, ask: PasswordCheck) -> PasswordChecked:
        """Against the hash on record: it does not travel."""
        with self.store.read() as reading:
            user = people.USERS.one(reading, id=ask.user_id) if ask.user_id else None
        return PasswordChecked(matches=LocalPasswords().match(user, ask.password_digest, familiar=ask.familiar))

    def hash(self, ask: PasswordToHash) -> PasswordHashed:
        """A new one's hash."""
        return PasswordHashed(password_hash=hash_password(ask.password_digest))
