"""Who is this? By password, API token or one-time code; throttled by the name that is tried."""

from __future__ import annotations

from services.config.people import Person
from services.config.store import Reading, Store, UnitOfWork, catalog_people
from shared.contracts.catalog import SignedIn, SignIn
from shared.contracts.problems import Code, Problem, Refused, refuse

from .context import new_id
from .objects import Token, User
from .passwords import password_matches

SESSION_S = 8 * 3600.0
REFRESH_S = 90 * 86_400.0
CODE_S = 15 * 60.0
FREE_ATTEMPTS = 5
FIRST_BLOCK_S = 30.0
LONGEST_BLOCK_S = 15 * 60.0
FORGET_S = 3600.0
LAST_USE_GRAIN_S = 60.0


def sign_in(store: Store, ask: SignIn) -> SignedIn:
    """Answer `auth.sign-in`. Opens its own transactions: a password is slow to check, and a failure is kept."""
    if ask.api_token_hash:
        return _by_token(store, ask)
    if ask.one_time_code_hash:
        with store.write() as uow:
            user = catalog_people.use_code(uow, ask.one_time_code_hash)
            answer = _session(uow, user, ask) if user is not None and user.enabled else None
        if answer is None:
            raise refuse(
                Code.UNAUTHENTICATED,
                "This sign-in link has been used or is older than 15 minutes",
                next_step="Ask for a new one with `portside link`.",
            )
        return answer
    return _by_password(store, ask)


def _by_password(store: Store, ask: SignIn) -> SignedIn:
    with store.read() as reading:
        user = catalog_people.find_user(reading, ask.username)
        key = user.name_key if user is not None else ask.username.strip().casefold()
        _demand_not_blocked(reading, key)
    good = password_matches(user.password if user is not None else None, ask.password_digest)
    with store.write() as uow:
        if user is not None and good and user.enabled:
            catalog_people.set_failures(uow, key, 0, 0)
            return _session(uow, user, ask)
        _count_failure(uow, key)
    raise refuse(Code.UNAUTHENTICATED, "The user name or the password is not right", subject=ask.username)


def _by_token(store: Store, ask: SignIn) -> SignedIn:
    with store.read() as reading:
        token = catalog_people.TOKENS.one(reading, token_hash=ask.api_token_hash)
        user = catalog_people.USERS.one(reading, id=token.user_id) if token is not None else None
        now = reading.now
    if token is None or user is None or not user.enabled or token.revoked_at or token.expires_at <= now:
        raise refuse(
            Code.UNAUTHENTICATED,
            "The API token is not known, or it has ended",
            next_step="Make a new one under My account, API tokens.",
        )
    if now - (token.last_used_at or 0) > LAST_USE_GRAIN_S:
        with store.write() as uow:
            catalog_people.touch_token(uow, token.id)
    return SignedIn(
        user=user.name, email=user.email, token_id=token.id, good_for_s=int(min(SESSION_S, token.expires_at - now))
    )


def _session(uow: UnitOfWork, user: User, ask: SignIn) -> SignedIn:
    """A new session; with a freshly minted token it is that token's, and outlives the access token."""
    catalog_people.forget_sessions(uow)
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
    )
    catalog_people.TOKENS.insert(uow, token)
    return SignedIn(user=user.name, email=user.email, token_id=token.id, good_for_s=int(SESSION_S))


def _demand_not_blocked(reading: Reading, key: str) -> None:
    wait_s = catalog_people.blocked_until(reading, key) - reading.now
    if wait_s > 0:
        raise Refused(
            Problem(
                code=Code.TOO_MANY,
                message=f"Too many failed sign-ins under this name: try again in {int(wait_s) + 1} seconds",
                retry_after_s=wait_s,
            )
        )


def _count_failure(uow: UnitOfWork, key: str) -> None:
    count, last_at = catalog_people.failures(uow, key)
    count = 1 if uow.now - last_at > FORGET_S else count + 1
    over = count - FREE_ATTEMPTS
    block_s = min(LONGEST_BLOCK_S, FIRST_BLOCK_S * 2.0 ** min(over, 20)) if over >= 0 else 0.0
    catalog_people.set_failures(uow, key, count, uow.now + block_s if block_s else 0.0)


def sign_out(uow: UnitOfWork, person: Person) -> None:
    """End the session by which somebody asks; an API token stays, it was made on purpose."""
    token = catalog_people.TOKENS.one(uow, id=person.token_id) if person.token_id else None
    if token is not None and token.kind != "api":
        catalog_people.TOKENS.delete(uow, id=token.id)


def make_one_time_code(uow: UnitOfWork, code_hash: str, user: str) -> None:
    """A code that signs this user in once within 15 minutes."""
    found = catalog_people.find_user(uow, user)
    if found is None:
        raise refuse(Code.NOT_FOUND, f"there is no user {user}", subject=user)
    catalog_people.keep_code(uow, code_hash, found.id, CODE_S)
