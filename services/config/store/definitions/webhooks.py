"""Webhooks, the secure tokens that the receiver lets in, and hooks that must still go at the registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Row, Text, and_, bindparam, case, cast, delete, func, insert, or_, select, tuple_, update

from services.config.model.definitions import Token, Tombstone, User, Webhook
from services.config.store.filters import FilterField, within
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.catalog import TokenRow, TombstoneRow, UserRow, WebhookRow, WebhookTokenRow
from shared.contracts.pushes import TokenEntry

from .people import TOKENS, USERS
from .rows import Table, project_fields

WEBHOOKS = Table(
    WebhookRow,
    Webhook,
    wire={
        **project_fields(WebhookRow),
        "enabled": FilterField(WebhookRow.enabled, "boolean"),
        "endpoint": FilterField(WebhookRow.endpoint),
        "pipeline": FilterField(WebhookRow.pipeline),
        "serverType": FilterField(WebhookRow.server_type),
        "repoName": FilterField(WebhookRow.repo_name),
        "mode": FilterField(WebhookRow.mode),
        "hubState": FilterField(WebhookRow.hub_state),
    },
)
_LONGEST_HISTORY = 50
TOMBSTONES = Table(TombstoneRow, Tombstone, wire={}, order="")


def note_push(uow: UnitOfWork, webhook_id: str, at: float, verdict: str) -> None:
    """A webhook's last push, for lists."""
    uow.connection.execute(_NOTE_PUSH, {"webhook": webhook_id, "at": at, "verdict": verdict})


_NOTE_PUSH = (
    update(WebhookRow)
    .where(WebhookRow.id == bindparam("webhook"))
    .values(last_push_at=bindparam("at"), last_verdict=bindparam("verdict"))
)


def of_endpoint(uow: Reading, project: str, endpoint: str) -> list[Webhook]:
    """All webhooks that name this endpoint."""
    return WEBHOOKS.all(uow, WebhookRow.project == project, WebhookRow.endpoint == endpoint)


def of_token(uow: Reading, token_id: str) -> list[Webhook]:
    """All webhooks that act by this API token."""
    return WEBHOOKS.all(uow, WebhookRow.api_token_id == token_id)


def of_tokens(uow: Reading, token_ids: Iterable[str]) -> dict[str, list[Webhook]]:
    """The webhooks that act by these API tokens, by token."""
    by_token: dict[str, list[Webhook]] = {}
    for webhook in WEBHOOKS.all(uow, WebhookRow.api_token_id.in_(list(token_ids))):
        by_token.setdefault(str(webhook.api_token_id), []).append(webhook)
    return by_token


def of_variable(uow: Reading, project: str, name: str) -> list[Webhook]:
    """All webhooks that act by the API token that this variable should hold."""
    return WEBHOOKS.all(uow, WebhookRow.project == project, WebhookRow.token_variable == name)


def of_actor(uow: Reading, user_id: str, user: str) -> list[Webhook]:
    """All webhooks that act as this user, by an API token or because the user made them."""
    tokens = select(TokenRow.id).where(TokenRow.user_id == user_id)
    by_actor = and_(WebhookRow.api_token_id.is_(None), WebhookRow.actor == user)
    return WEBHOOKS.all(uow, or_(by_actor, WebhookRow.api_token_id.in_(tokens)))


def for_repository(uow: Reading, projects: frozenset[str] | None, path: str, limit: int) -> list[Webhook]:
    """Webhooks that a push of this repository may be for, those that name it first; `projects` None means all."""
    parents = [path[: place + 1] for place, letter in enumerate(f"{path}/") if letter == "/"]
    about = or_(WebhookRow.scope.in_([path, f"{path}/", *parents, ""]), WebhookRow.scope.is_(None))
    ids = within(select(WebhookRow.id).where(about), WebhookRow.project, projects)
    by_name = case((WebhookRow.scope == path, 0), (WebhookRow.scope != "", 1), else_=2)
    chosen = list(uow.session.scalars(ids.order_by(by_name, WebhookRow.name, WebhookRow.id).limit(limit)))
    webhooks = {webhook.id: webhook for webhook in WEBHOOKS.all(uow, WebhookRow.id.in_(chosen))}
    return [webhooks[webhook_id] for webhook_id in chosen]


def without_scope(uow: Reading) -> list[Webhook]:
    """Webhooks that an earlier version defined, which did not keep what they are for."""
    return WEBHOOKS.all(uow, WebhookRow.scope.is_(None))


def ending_tokens(uow: Reading, until: float) -> list[Token]:
    """API tokens that webhooks act by and that end before then, or have ended."""
    used = select(WebhookRow.api_token_id).where(WebhookRow.api_token_id == TokenRow.id).exists()
    return TOKENS.all(uow, TokenRow.kind == "api", TokenRow.revoked_at.is_(None), TokenRow.expires_at <= until, used)


def in_states(uow: Reading, states: Iterable[str], limit: int) -> list[Webhook]:
    """Enabled webhooks whose hook at the registry is in one of these states."""
    return WEBHOOKS.all(uow, WebhookRow.enabled.is_(True), WebhookRow.hub_state.in_(list(states)), limit=limit)


def with_hooks_elsewhere(uow: Reading) -> list[Webhook]:
    """Enabled webhooks at whose repository there are hooks to another address, which nobody wants gone yet."""
    # Without reading all webhooks: every page asks, to count the notices.
    any_elsewhere = cast(WebhookRow.elsewhere, Text).contains('"slug"')
    return [
        webhook
        for webhook in WEBHOOKS.all(uow, WebhookRow.enabled.is_(True), WebhookRow.hook_repository != "", any_elsewhere)
        if {hook["slug"] for hook in webhook.elsewhere} - set(webhook.replacing)
    ]


def disabled_actors(uow: Reading) -> list[User]:
    """Disabled users as whom webhooks act."""
    tokens = select(TokenRow.id).where(TokenRow.user_id == UserRow.id)
    by_actor = and_(WebhookRow.api_token_id.is_(None), WebhookRow.actor == UserRow.name)
    acts = select(WebhookRow.id).where(or_(by_actor, WebhookRow.api_token_id.in_(tokens))).correlate(UserRow).exists()
    return USERS.all(uow, UserRow.enabled.is_(False), acts)


def with_hooks(uow: Reading) -> list[Webhook]:
    """Webhooks that should have a hook at a registry that we manage."""
    return WEBHOOKS.all(uow, WebhookRow.hook_repository != "")


def count_hooks(uow: Reading) -> int:
    """How many webhooks should have a hook at a registry that we manage."""
    return uow.session.scalar(select(func.count()).where(WebhookRow.hook_repository != "")) or 0


def hub_urls(uow: Reading) -> list[str]:
    """The Docker Hubs, and what speaks like one, at which hooks of ours should exist."""
    return list(uow.session.scalars(select(WebhookRow.hook_hub_url).where(WebhookRow.hook_repository != "").distinct()))


def hooks_beside(uow: Reading, webhook_ids: Iterable[str]) -> tuple[list[Webhook], list[Tombstone]]:
    """What should exist and what should go at every repository of these webhooks, whosever it is; or of all."""
    ids = list(webhook_ids)
    if not ids:
        return with_hooks(uow), TOMBSTONES.all(uow)
    places = (
        select(WebhookRow.hook_hub_url, WebhookRow.hook_repository)
        .where(WebhookRow.id.in_(ids), WebhookRow.hook_repository != "")
        .union(select(TombstoneRow.hub_url, TombstoneRow.repository).where(TombstoneRow.webhook_id.in_(ids)))
    )
    return (
        WEBHOOKS.all(uow, tuple_(WebhookRow.hook_hub_url, WebhookRow.hook_repository).in_(places)),
        TOMBSTONES.all(uow, tuple_(TombstoneRow.hub_url, TombstoneRow.repository).in_(places)),
    )


def token_entries(uow: Reading, token_hash: str | None = None) -> list[TokenEntry]:
    """The tokens that are good now: all, or that one."""
    statement, about = (_GOOD_TOKENS, {}) if token_hash is None else (_GOOD_TOKEN, {"wanted": token_hash})
    return _entries(uow.connection.execute(statement, {"at": uow.now, **about}))


_ENTRIES = select(*(getattr(WebhookTokenRow, name) for name in TokenEntry.model_fields))
_GOOD_TOKENS = _ENTRIES.where(or_(WebhookTokenRow.good_until.is_(None), WebhookTokenRow.good_until > bindparam("at")))
_GOOD_TOKEN = _GOOD_TOKENS.where(WebhookTokenRow.token_hash == bindparam("wanted"))


def tokens_of(uow: Reading, webhook_id: str) -> list[TokenEntry]:
    """All tokens of a webhook, ended ones that are not yet forgotten too."""
    return _entries(uow.session.execute(_ENTRIES.where(WebhookTokenRow.webhook_id == webhook_id)))


def _entries(rows: Iterable[Row[Any]]) -> list[TokenEntry]:
    return [TokenEntry(**{**row._mapping, "networks": tuple(row.networks)}) for row in rows]


def put_token(uow: UnitOfWork, entry: TokenEntry) -> None:
    """Let a token in, or change until when it is good."""
    values = entry.model_dump(mode="json")
    changed = update(WebhookTokenRow).where(WebhookTokenRow.token_hash == entry.token_hash).values(values)
    if not getattr(uow.session.execute(changed), "rowcount", 0):
        uow.session.execute(insert(WebhookTokenRow), values)


def note_use(uow: UnitOfWork, token_hash: str, at: float) -> None:
    """A token let a delivery in. Only the day is kept, so that most deliveries write nothing."""
    uow.connection.execute(_NOTE_USE, {"used": token_hash, "used_at": at, "day_began": at - at % 86_400})


_NOTE_USE = (
    update(WebhookTokenRow)
    .where(
        WebhookTokenRow.token_hash == bindparam("used"),
        or_(WebhookTokenRow.last_used_at.is_(None), WebhookTokenRow.last_used_at < bindparam("day_began")),
    )
    .values(last_used_at=bindparam("used_at"))
)


def last_used(uow: Reading, token_hashes: Iterable[str]) -> dict[str, float | None]:
    """The days on which these tokens were last used, as instants within them, by token."""
    rows = uow.connection.execute(_LAST_USED, {"tokens": list(token_hashes)})
    return {row.token_hash: row.last_used_at for row in rows}


_LAST_USED = select(WebhookTokenRow.token_hash, WebhookTokenRow.last_used_at).where(
    WebhookTokenRow.token_hash.in_(bindparam("tokens", expanding=True))
)


def add_history(uow: UnitOfWork, webhook_id: str, line: str) -> None:
    """Something happened to a webhook; a sentence that says the same as the last one is not repeated."""
    history = uow.session.scalar(select(WebhookRow.history).where(WebhookRow.id == webhook_id))
    if history is None or (history and history[-1]["what"] == line):
        return
    kept = [*history, {"at": uow.now, "what": line}][-_LONGEST_HISTORY:]
    uow.session.execute(update(WebhookRow).where(WebhookRow.id == webhook_id).values(history=kept))


def drop_tokens(uow: UnitOfWork, token_hashes: Iterable[str]) -> None:
    """These are good no more."""
    uow.session.execute(delete(WebhookTokenRow).where(WebhookTokenRow.token_hash.in_(sorted(token_hashes))))


def note_hub(uow: UnitOfWork, webhook_id: str, *, state: str, message: str, slug: str | None) -> None:
    """The state of a webhook at the registry."""
    uow.session.execute(
        update(WebhookRow)
        .where(WebhookRow.id == webhook_id)
        .values(hub_state=state, hub_message=message, slug=slug, hub_seen_at=uow.now)
    )


def set_elsewhere(uow: UnitOfWork, webhook_id: str, hooks: list[dict[str, str]], replacing: list[str]) -> None:
    """Hooks at the repository that point at another address, and which of them are to go."""
    values = {"elsewhere": hooks, "replacing": replacing}
    uow.session.execute(update(WebhookRow).where(WebhookRow.id == webhook_id).values(values))


def set_hook(uow: UnitOfWork, webhook: Webhook) -> None:
    """What hook is wanted of which generation, and its state."""
    uow.session.execute(
        update(WebhookRow)
        .where(WebhookRow.id == webhook.id)
        .values(
            generation=webhook.generation,
            scope=webhook.scope,
            hook_repository=webhook.hook_repository,
            hook_hub_url=webhook.hook_hub_url,
            hub_state=webhook.hub_state,
            hub_message=webhook.hub_message,
            slug=webhook.slug,
        )
    )


def raise_generations(uow: UnitOfWork) -> None:
    """Every hook must be a new one: the hook URL has changed."""
    uow.session.execute(
        update(WebhookRow)
        .where(WebhookRow.hook_repository != "")
        .values(generation=WebhookRow.generation + 1, hub_state="pending")
    )


def note_tombstone(uow: UnitOfWork, webhook_id: str, generation: int, message: str) -> bool:
    """Why a hook is still there; False when there is no such tombstone."""
    result = uow.session.execute(
        update(TombstoneRow)
        .where(TombstoneRow.webhook_id == webhook_id, TombstoneRow.generation == generation)
        .values(message=message)
    )
    return bool(getattr(result, "rowcount", 0))
