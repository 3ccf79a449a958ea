"""Open sessions of people from a provider: it is asked within a minute whether it still vouches for them.

One question per provider is under way at a time. A provider that cannot be asked ends no session; one that refuses the
tokens of a session ends it, and one that says other things of a person has the rules decide again.
"""

from __future__ import annotations

from services.config.catalog import audit
from services.config.model.definitions import SignInProvider, Token
from services.config.model.people import SYSTEM
from services.config.store import UnitOfWork
from services.config.store.definitions import people
from services.config.store.timers import is_set
from shared.contracts import topics
from shared.contracts.base import Sealed
from shared.contracts.catalog import Kind
from shared.contracts.problems import Refused
from shared.contracts.sign_on_checks import CheckedSignIn, HeldSignIn, SignOnCheck, SignOnChecked, Vouching

from .providers import connection, looked_at
from .sign_on import sign_on

CHECK = "sign-on.check"
"""The timer; its subject is the provider's name."""
CHECK_EVERY_S = 40.0
"""With the time that an answer takes, somebody who is disabled there is out within a minute."""
LOST_AFTER_S = 45.0
"""A question without an answer is asked again after that: longer than a runner asks."""
AT_ONCE = 50


def watch(uow: UnitOfWork, provider: str) -> None:
    """A session was opened: have the provider asked, unless that is due anyway."""
    if not is_set(uow, CHECK, provider):
        uow.timer(CHECK, provider, uow.now + CHECK_EVERY_S)


def start(uow: UnitOfWork) -> None:
    """When config becomes active: sessions that a release before this one opened cannot be asked about."""
    for provider in people.PROVIDERS.all(uow):
        if people.last_checked(uow, provider.name) is not None:
            watch(uow, provider.name)


def on_timer(uow: UnitOfWork, name: str) -> None:
    """Handle the timer CHECK: ask a runner about the sessions that are due."""
    provider = people.PROVIDERS.one(uow, name=name)
    oldest = people.last_checked(uow, name)
    if provider is None or oldest is None:
        return
    due = people.to_check(uow, name, uow.now - CHECK_EVERY_S, AT_ONCE) if provider.enabled else []
    if not due:
        uow.timer(
            CHECK, name, max(oldest + CHECK_EVERY_S, uow.now + 1.0) if provider.enabled else uow.now + CHECK_EVERY_S
        )
        return
    ask = SignOnCheck(
        provider=name,
        asked_at=uow.now,
        endpoint=connection(provider),
        claims=looked_at(provider),
        sign_ins=tuple(
            HeldSignIn(session_id=token.id, subject=subject, grant=Sealed.model_validate(token.provider_grant))
            for token, subject in due
        ),
    )
    uow.outbox(topics.SIGN_ON_CHECK, ask, name)
    uow.timer(CHECK, name, uow.now + LOST_AFTER_S)


def checked(uow: UnitOfWork, answer: SignOnChecked) -> None:
    """Take `sign-on.checked`. What is said of a session a second time, or of one that has ended, changes nothing."""
    provider = people.PROVIDERS.one(uow, name=answer.provider)
    if provider is None:
        return
    for sign_in in answer.sign_ins:
        token = people.TOKENS.one(uow, id=sign_in.session_id)
        if token is None or token.revoked_at is not None or (token.checked_at or 0.0) >= answer.asked_at:
            continue
        if sign_in.outcome is Vouching.GONE:
            _end(uow, provider, token, sign_in.detail)
        else:
            grant = sign_in.grant.model_dump() if sign_in.grant is not None else None
            people.note_check(uow, token.id, answer.asked_at, grant)
            _judge_again(uow, provider, token, sign_in)
    uow.timer(CHECK, answer.provider, uow.now)


def _judge_again(uow: UnitOfWork, provider: SignInProvider, token: Token, sign_in: CheckedSignIn) -> None:
    """The rules have the last word on what the provider says of a person now."""
    if sign_in.claims is None or not provider.enabled:
        return
    user = sign_on(uow, provider, sign_in.claims)
    if isinstance(user, Refused):
        _end(uow, provider, token, user.problem.message)


def _end(uow: UnitOfWork, provider: SignInProvider, token: Token, detail: str) -> None:
    user = people.USERS.one(uow, id=token.user_id)
    people.TOKENS.delete(uow, id=token.id)
    subject = {"id": token.id, "name": user.name if user else "", "by": f"by {provider.name}", "reason": detail}
    audit.record(uow, SYSTEM, f"ended by {provider.name}", Kind.SESSIONS, subject, None)
