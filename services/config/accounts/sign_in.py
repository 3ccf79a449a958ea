"""Who is this? By password, API token, one-time code or sign-in provider, as often as the limits allow."""

from __future__ import annotations

from dataclasses import dataclass

from services.config.catalog import audit
from services.config.catalog.context import new_id
from services.config.model.definitions import Token, User
from services.config.model.people import Person
from services.config.store import Reading, Store, UnitOfWork
from services.config.store.definitions import people, settings
from shared.contracts.catalog import Admission, AdmissionAsk, Kind, SignedIn, SignIn
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.process.addresses import client_network

from . import sign_on_checks
from .admissions import Admissions
from .password_checks import LocalPasswords, Passwords
from .sign_in_limits import LimitReached, SignInLimits, SignInOrigin, Way
from .sign_on import sign_on

SESSION_S = 8 * 3600.0
REFRESH_S = 90 * 86_400.0
CODE_S = 15 * 60.0
LAST_USE_GRAIN_S = 60.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that was admitted; `finish` ends it."""

    ask: SignIn
    way: Way
    origin: SignInOrigin
    user: User | None = None
    """Whose password is to be checked."""

    @property
    def is_slow(self) -> bool:
        """Whether `finish` waits for a password hash."""
        return self.way is Way.PASSWORD


class Authenticator:
    """Answers `auth.admit-sign-in`, and `auth.sign-in` in two steps.

    Only admitted attempts cost a digest in the gateway and wait for the password pool here.
    """

    def __init__(
        self, store: Store, limits: SignInLimits, admissions: Admissions, passwords: Passwords | None = None
    ) -> None:
        self._store = store
        self._limits = limits
        self._admissions = admissions
        self._passwords = passwords or LocalPasswords()
        self._checks = {
            Way.TOKEN: self._by_token,
            Way.CODE: self._by_code,
            Way.PASSWORD: self._by_password,
            Way.PROVIDER: self._by_provider,
        }

    def sign_in(self, ask: SignIn) -> SignedIn:
        """Both steps. Raises `Refused`."""
        return self.finish(self.begin(ask))

    def admit(self, ask: AdmissionAsk) -> Admission:
        """Whether a password may be tried. Raises `Refused` when it may not, or not now."""
        with self._store.read() as reading:
            _demand_local(reading)
            origin = _origin(reading, ask)
        try:
            return Admission(admission_id=self._admissions.grant(origin), familiar=origin.familiar)
        except LimitReached as reached:
            raise _too_many(reached, origin) from None

    def begin(self, ask: SignIn) -> Attempt:
        """Admit an attempt, unless it was. Raises `Refused` when too many failed before."""
        way = _way(ask)
        user = None
        with self._store.read() as reading:
            if way is Way.PASSWORD:
                _demand_local(reading)
                user = people.find_user(reading, ask.username)
            origin = _origin(reading, ask)
        admitted = self._admissions.use(ask.admission_id) if way is Way.PASSWORD else None
        if admitted is not None:
            return Attempt(ask, way, admitted, user)
        try:
            self._limits.admit(way, origin)
        except LimitReached as reached:
            raise _too_many(reached, origin) from None
        return Attempt(ask, way, origin, user)

    def finish(self, attempt: Attempt) -> SignedIn:
        """Let in or refuse. Opens its own transactions: a password is slow to check. Raises `Refused`."""
        good = False
        try:
            answer = self._checks[attempt.way](attempt)
            good = True
        finally:
            self._limits.end(attempt.way, attempt.origin, good=good)
        return answer

    def _by_password(self, attempt: Attempt) -> SignedIn:
        ask, user = attempt.ask, attempt.user
        good = self._passwords.match(user, ask.password_digest, familiar=attempt.origin.familiar)
        # Whom a provider vouches for comes in by it alone: who is gone there is gone here.
        if user is None or not good or not user.enabled or user.provider:
            raise refuse(Code.UNAUTHENTICATED, "The user name or the password is not right", subject=ask.username)
        with self._store.write() as uow:
            return _session(uow, user, ask)

    def _by_provider(self, attempt: Attempt) -> SignedIn:
        ask = attempt.ask
        with self._store.write() as uow:
            provider = people.PROVIDERS.one(uow, name=ask.provider)
            if provider is None or not provider.enabled or not ask.claims.get("sub"):
                raise refuse(Code.NOT_FOUND, f"there is no sign-in provider {ask.provider}", subject=ask.provider)
            user = sign_on(uow, provider, ask.claims)
            answer = user if isinstance(user, Refused) else _session(uow, user, ask)
        if isinstance(answer, Refused):
            # Only now: the account that it may have disabled is kept so.
            raise answer
        return answer

    def _by_code(self, attempt: Attempt) -> SignedIn:
        ask, answer = attempt.ask, None
        with self._store.read() as reading:
            exists = people.has_code(reading, ask.one_time_code_hash)
        if exists:
            with self._store.write() as uow:
                user = people.use_code(uow, ask.one_time_code_hash)
                answer = _session(uow, user, ask) if user is not None and user.enabled else None
        if answer is None:
            raise refuse(
                Code.UNAUTHENTICATED,
                "This sign-in link has been used or is older than 15 minutes",
                next_step="Ask for a new one with `portside system link`.",
            )
        return answer

    def _by_token(self, attempt: Attempt) -> SignedIn:
        with self._store.read() as reading:
            token = people.TOKENS.one(reading, token_hash=attempt.ask.api_token_hash)
            user = people.USERS.one(reading, id=token.user_id) if token is not None else None
            now = reading.now
        if token is None or user is None or not user.enabled or token.revoked_at or token.expires_at <= now:
            raise refuse(
                Code.UNAUTHENTICATED,
                "The API token is not known, or it has ended",
                next_step="Make a new one under My account, API tokens.",
            )
        if now - (token.last_used_at or 0) > LAST_USE_GRAIN_S:
            with self._store.write() as uow:
                people.touch_token(uow, token.id)
                _remember_address(uow, attempt.ask)
        return SignedIn(
            user=user.name, email=user.email, token_id=token.id, good_for_s=int(min(SESSION_S, token.expires_at - now))
        )


def _way(ask: SignIn) -> Way:
    if ask.provider:
        return Way.PROVIDER
    if ask.api_token_hash:
        return Way.TOKEN
    return Way.CODE if ask.one_time_code_hash else Way.PASSWORD


def _demand_local(reading: Reading) -> None:
    if not settings.local_sign_in(reading):
        raise refuse(
            Code.FORBIDDEN,
            "Sign-in by password is switched off",
            next_step="Use a sign-in provider. In an emergency, `portside system local-sign-in on` on the machine "
            "switches it on.",
        )


def _origin(reading: Reading, ask: SignIn | AdmissionAsk) -> SignInOrigin:
    network = "" if ask.proxied else client_network(ask.source_address)
    if ask.browser_of:
        return SignInOrigin(f"a browser of {ask.browser_of}", familiar=True)
    return SignInOrigin(network, people.is_familiar(reading, network))


def _too_many(reached: LimitReached, origin: SignInOrigin) -> Refused:
    seconds = int(reached.wait_s) + 1
    if reached.origin:
        message = f"Too many sign-ins from {reached.origin} failed"
        step = f"Try again in {seconds} s."
    else:
        message = "Too many people try to sign in at once"
        step = f"Try again in {seconds} s; a browser or an address that has signed in before goes first."
    of_strangers = not reached.origin and not origin.familiar
    problem = Problem(
        code=Code.TOO_MANY,
        message=message,
        next_step=step,
        retry_after_s=max(1.0, reached.wait_s),
        details={"limit": "strangers"} if of_strangers else {},
    )
    return Refused(problem)


def _remember_address(uow: UnitOfWork, ask: SignIn) -> None:
    """The next sign-in from there need not queue with strangers."""
    if not ask.proxied and (network := client_network(ask.source_address)):
        people.remember_address(uow, network)


def _session(uow: UnitOfWork, user: User, ask: SignIn) -> SignedIn:
    """A new session; with a freshly minted token it is that token's, and outlives the access token."""
    people.forget_sessions(uow)
    _remember_address(uow, ask)
    minted = bool(ask.new_token_hash)
    token = Token(
        id=new_id(),
        user_id=user.id,
        kind="refresh" if minted else "session",
        name=f"sign-in from {ask.source_address}" if ask.source_address else "sign-in",
        token_hash=ask.new_token_hash or None,
        created_at=uow.now,
        expires_at=uow.now + (REFRESH_S if minted else SESSION_S),
        last_used_at=uow.now,
        address="" if ask.proxied else ask.source_address,
        browser=ask.browser,
        provider=ask.provider,
        provider_grant=ask.grant.model_dump() if ask.grant is not None else None,
        checked_at=uow.now if ask.grant is not None else None,
    )
    people.TOKENS.insert(uow, token)
    if token.provider_grant is not None:
        sign_on_checks.watch(uow, token.provider)
    if not minted:
        by = f"by {ask.provider}" if ask.provider else "by a link" if ask.one_time_code_hash else "by password"
        subject = {"id": user.id, "name": user.name, "by": by, "address": token.address, "browser": token.browser}
        audit.record(uow, Person(user.name), "sign-in", Kind.SESSIONS, None, subject)
    return SignedIn(user=user.name, email=user.email, token_id=token.id, good_for_s=int(SESSION_S))


def sign_out(uow: UnitOfWork, person: Person) -> None:
    """End the session by which somebody asks; an API token stays, it was made on purpose."""
    token = people.TOKENS.one(uow, id=person.token_id) if person.token_id else None
    if token is not None and token.kind != "api":
        people.TOKENS.delete(uow, id=token.id)


def make_one_time_code(uow: UnitOfWork, code_hash: str, user: str) -> None:
    """A code that signs this user in once within 15 minutes."""
    row = people.find_user(uow, user)
    if row is None:
        raise refuse(Code.NOT_FOUND, f"there is no user {user}", subject=user)
    people.keep_code(uow, code_hash, row.id, CODE_S)
