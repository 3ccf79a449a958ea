"""As whom webhooks act can end: an API token on its day, a user when disabled. Webhooks and administrators see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from services.config.catalog import audit
from services.config.model.definitions import Token, User, Webhook
from services.config.model.people import SYSTEM
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people
from services.config.store.definitions import webhooks as webhooks_store
from services.config.store.definitions.endpoints import VARIABLES
from services.config.store.definitions.webhooks import ActingWebhooks
from shared.contracts.catalog import Kind
from shared.contracts.times import day

TOKEN_TIMER = "api-token.end"
DAY_S = 86_400.0
AHEAD_S = (30 * DAY_S, 7 * DAY_S, DAY_S, 0.0)
"""How long before its end there is a word about a token; the last is that it has ended."""
_MOST = 50
"""Sentences of each kind in the settings; the notices have all."""


def watch(uow: UnitOfWork, token: Token) -> None:
    """Set the timer for the next word about a token."""
    due = next((token.expires_at - ahead for ahead in AHEAD_S if token.expires_at - ahead > uow.now), None)
    if due is not None:
        uow.timer(TOKEN_TIMER, token.id, due)


def on_timer(uow: UnitOfWork, token_id: str) -> None:
    """Handle the timer: tell the webhooks that act by the token, and wait for the next day to tell."""
    token = people.TOKENS.one(uow, id=token_id)
    user = people.USERS.one(uow, id=token.user_id) if token is not None else None
    if token is None or user is None or token.revoked_at is not None:
        return
    _tell(uow, webhooks_store.of_token(uow, token_id), token_sentence(token, user, uow.now))
    watch(uow, token)


def token_revoked(uow: UnitOfWork, token: Token, user: User) -> None:
    """Its owner, or an administrator, ended it early."""
    notice = f"The API token {token.name} of {user.name} was revoked on {day(uow.now)}."
    _tell(uow, webhooks_store.of_token(uow, token.id), notice)


def by_variable(uow: Reading, webhook: Webhook) -> Webhook:
    """The webhook with the API token that its variable holds now; None where there is none to be had."""
    held = VARIABLES.one(uow, project=webhook.project, name=webhook.token_variable)
    token_id = held.api_token_id if held is not None and held.type != "RESTRICTED" else None
    owned = people.owners(uow, [token_id]) if token_id is not None else {}
    return replace(webhook, api_token_id=token_id, actor=next((u.name for _, u in owned.values()), webhook.actor))


def variable_changed(uow: UnitOfWork, project: str, name: str) -> None:
    """A variable was made or changed: webhooks that name it act by what it holds now."""
    for webhook in webhooks_store.of_variable(uow, project, name):
        new = by_variable(uow, webhook)
        if new != webhook:
            webhooks_store.WEBHOOKS.update(uow, new)


def user_switched(uow: UnitOfWork, user: User) -> None:
    """A user was disabled or enabled again."""
    notice = f"User {user.name}, as whom it acts, is {'enabled again' if user.enabled else 'disabled'}."
    _tell(uow, webhooks_store.of_actor(uow, user.id, user.name), notice)


def token_notice(uow: Reading, webhook: Webhook) -> str:
    """From thirty days before its API token ends: when that is."""
    owned = people.owners(uow, [webhook.api_token_id]) if webhook.api_token_id is not None else {}
    for token, user in owned.values():
        left_s = token.expires_at - uow.now
        if token.revoked_at is None and 0 < left_s <= AHEAD_S[0]:
            days = max(1, round(left_s / DAY_S))
            return f"The API token of {user.name} ends on {day(token.expires_at)}, in {days} day{'s' * (days > 1)}."
    return ""


def notices(uow: Reading) -> list[str]:
    """What administrators should know now: tokens that webhooks act by and that end soon, users that are disabled; the
    first of each."""
    tokens, _ = webhooks_store.ending_tokens(uow, uow.now + AHEAD_S[0], "", 0, _MOST)
    users, _ = webhooks_store.disabled_actors(uow, "", 0, _MOST)
    return [*(line for line, _ in token_lines(uow, tokens)), *(line for line, _ in user_lines(uow, users))]


def token_lines(uow: Reading, tokens: Sequence[Token]) -> list[tuple[str, str]]:
    """When each of these ends and which webhooks act by it, with the id of the first of them."""
    ids = [token.id for token in tokens]
    owners, acting = people.owners(uow, ids), webhooks_store.by_tokens(uow, ids) if ids else {}
    return [
        (f"{token_sentence(token, owners[id][1], uow.now)} {_acting_sentence(acting[id])}", acting[id].first_id)
        for id, token in zip(ids, tokens, strict=True)
    ]


def user_lines(uow: Reading, users: Sequence[User]) -> list[tuple[str, str]]:
    """Which webhooks act as each of these disabled users, with the user's id."""
    acting = webhooks_store.by_users(uow, [user.id for user in users]) if users else {}
    return [(f"User {user.name} is disabled. {_acting_sentence(acting[user.id])}", user.id) for user in users]


def token_sentence(token: Token, user: User, now: float) -> str:
    """When an API token ends or ended."""
    verb = "ends" if token.expires_at > now else "ended"
    return f"The API token {token.name} of {user.name} {verb} on {day(token.expires_at)}."


def _acting_sentence(acting: ActingWebhooks) -> str:
    rest = acting.count - len(acting.names)
    more = f" and {rest:,} more" if rest else ""
    return f"Webhooks that act so: {', '.join(acting.names)}{more}."


def _tell(uow: UnitOfWork, webhooks: Iterable[Webhook], notice: str) -> None:
    for webhook in webhooks:
        webhooks_store.add_history(uow, webhook.id, notice)
        subject = {"id": webhook.id, "project": webhook.project, "name": webhook.name, "notice": notice}
        audit.record(uow, SYSTEM, "notice", Kind.WEBHOOKS, None, subject)
