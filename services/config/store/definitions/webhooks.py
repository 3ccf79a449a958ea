"""Webhooks, the secure tokens that the receiver lets in, and hooks that must still go at the registry."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, bindparam, case, delete, func, insert, or_, select, tuple_, update

from services.config.model.definitions import Token, Tombstone, User, Webhook
from services.config.store.filters import FilterField, holds, within
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.catalog import OUT_OF_STEP, TokenRow, TombstoneRow, UserRow, WebhookRow, WebhookTokenRow
from shared.contracts.catalog import Find, Kind
from shared.contracts.pushes import TokenEntry

from .people import TOKENS, USERS, named
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
TOMBSTONES = Table(
    TombstoneRow, Tombstone, wire={"repository": FilterField(TombstoneRow.repository)}, order="repository"
)


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


def ending_tokens(uow: Reading, until: float, part: str, skip: int, top: int) -> tuple[list[Token], int]:
    """API tokens that webhooks act by and that end before then, or have ended: one page, the soonest first. `part` is
    what their names or those of their owners hold, in small letters."""
    used = select(WebhookRow.api_token_id).where(WebhookRow.api_token_id == TokenRow.id).exists()
    good = (TokenRow.kind == "api", TokenRow.revoked_at.is_(None), TokenRow.expires_at <= until, used)
    return TOKENS.page(uow, Find(kind=Kind.TOKENS, orderby="expiresAt,id", top=top, skip=skip), *good, named(part))


def out_of_step(uow: Reading, part: str, skip: int, top: int) -> tuple[list[Webhook], int]:
    """Enabled webhooks whose hook at the registry waits for a person: one page.

    `part` is what their name, their project or what the registry said holds, in small letters.
    """
    about = holds(part, WebhookRow.name, WebhookRow.project, WebhookRow.hub_message)
    return WEBHOOKS.page(uow, _slice(skip, top), OUT_OF_STEP, about)


def with_hooks_elsewhere(uow: Reading, part: str, skip: int, top: int) -> tuple[list[Webhook], int]:
    """Enabled webhooks at whose repository there are hooks to another address, which nobody wants gone yet: a page."""
    # What is to be replaced is among what is there.
    more = func.json_array_length(WebhookRow.elsewhere) > func.json_array_length(WebhookRow.replacing)
    where = (WebhookRow.enabled.is_(True), WebhookRow.hook_repository != "", more)
    return WEBHOOKS.page(uow, _slice(skip, top), *where, holds(part, WebhookRow.name, WebhookRow.project))


def still_there(uow: Reading, part: str, skip: int, top: int) -> tuple[list[Tombstone], int]:
    """Hooks that should be gone and could not be deleted: one page."""
    about = holds(part, TombstoneRow.hook_name, TombstoneRow.repository, TombstoneRow.message)
    return TOMBSTONES.page(uow, Find(kind=Kind.WEBHOOKS, top=top, skip=skip), TombstoneRow.message != "", about)


def disabled_actors(uow: Reading, part: str, skip: int, top: int) -> tuple[list[User], int]:
    """Disabled users as whom webhooks act: one page."""
    tokens = select(TokenRow.id).where(TokenRow.user_id == UserRow.id)
    by_actor = and_(WebhookRow.api_token_id.is_(None), WebhookRow.actor == UserRow.name)
    acts = or_(
        select(WebhookRow.id).where(by_actor).correlate(UserRow).exists(),
        select(WebhookRow.id).where(WebhookRow.api_token_id.in_(tokens)).correlate(UserRow).exists(),
    )
    ask = Find(kind=Kind.USERS, top=top, skip=skip)
    return USERS.page(uow, ask, UserRow.enabled.is_(False), acts, holds(part, UserRow.name))


def by_tokens(uow: Reading, token_ids: Iterable[str]) -> dict[str, ActingWebhooks]:
    """The webhooks that act by these API tokens, by token."""
    by_token = select(WebhookRow.api_token_id.label("key"), *_ACTING)
    return _acting(uow, by_token.where(WebhookRow.api_token_id.in_(list(token_ids))))


def by_users(uow: Reading, user_ids: Iterable[str]) -> dict[str, ActingWebhooks]:
    """The webhooks that act as these users, by user, by an API token or because the user made them."""
    ids = list(user_ids)
    by_token = select(TokenRow.user_id.label("key"), *_ACTING).join(TokenRow, TokenRow.id == WebhookRow.api_token_id)
    by_name = select(UserRow.id.label("key"), *_ACTING).join(UserRow, UserRow.name == WebhookRow.actor)
    made = by_name.where(UserRow.id.in_(ids), WebhookRow.api_token_id.is_(None))
    return _acting(uow, by_token.where(TokenRow.user_id.in_(ids)).union_all(made))


@dataclass(frozen=True, slots=True)
class ActingWebhooks:
    """Who acts as the same one: the first few in order, and how many there are."""

    first_id: str
    names: tuple[str, ...]
    count: int


NAMED = 5
"""Webhooks that are named of many."""
_ACTING = (WebhookRow.id, WebhookRow.project, WebhookRow.name)


def _acting(uow: Reading, statement: Any) -> dict[str, ActingWebhooks]:
    acts = statement.subquery()
    place = func.row_number().over(partition_by=acts.c.key, order_by=(acts.c.project, acts.c.name)).label("place")
    ranked = select(acts, place, func.count().over(partition_by=acts.c.key).label("in_all")).subquery()
    rows_by_key: dict[str, list[Any]] = {}
    for row in uow.connection.execute(select(ranked).where(ranked.c.place <= NAMED).order_by(ranked.c.place)):
        rows_by_key.setdefault(row.key, []).append(row)
    return {
        key: ActingWebhooks(rows[0].id, tuple(f"{row.project}/{row.name}" for row in rows), rows[0].in_all)
        for key, rows in rows_by_key.items()
    }


def _slice(skip: int, top: int) -> Find:
    return Find(kind=Kind.WEBHOOKS, orderby="project,name,id", top=top, skip=skip)


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
