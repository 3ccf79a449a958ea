"""API tokens: what lets a program in as a user, and what a webhook acts by. Stored as hashes, shown once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.config.catalog import audit
from services.config.catalog.context import new_id
from services.config.catalog.documents import LINK_BASE, demand_known, flag, name_of, text
from services.config.catalog.webhooks import identity
from services.config.model.definitions import Token, User
from services.config.model.people import Person
from services.config.model.rights import TokenAccess
from services.config.resource import chosen
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, projects, uses
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.contracts.times import micros, wire_time

from .sign_in import sign_out

DAY_S = 86_400.0
GOOD_FOR_DAYS = 182
MAX_DAYS = 3_660
NARROWED = frozenset({"project", "access", "goodForDays"})
"""What somebody may say of a token that a program asked for: how little it may do, and for how long."""
_FIELDS = NARROWED | {"name", "email"}


class ApiTokens:
    """The kind `api-tokens`: one's own; administrators see everybody's with `options.all`."""

    def __init__(self) -> None:
        self._verbs = {
            "create": self._create,
            "patch": self._rename,
            "delete": self._end,
            "sign-out": self._sign_out,
        }

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page, without revoked ones."""
        column = people.TOKENS.column
        where = [column("kind") == "api", column("revoked_at").is_(None)]
        if not (person.administers and flag(ask.options, "all", False)):
            where.append(column("user_id") == person.user_id)
        values, total = people.TOKENS.page(uow, ask, *where)
        return Page(documents=tuple(documents(uow, values)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One token, never its text."""
        return Document(document=documents(uow, [_locate(uow, person, ask)])[0])

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Create one of one's own, rename it, or end it; `sign-out` ends the session that asks."""
        return chosen(self._verbs, ask)(uow, person, ask)

    def _rename(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        person.demand_whole("rename API tokens")
        old = _locate(uow, person, ask)
        demand_known(ask.body, "API token", {"name"}, documents(uow, [old])[0], {"lastUsedAt", "webhooks"})
        return _changed(uow, person, ask, old, replace(old, name=name_of(ask.body, "API token", old.name)))

    def _end(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        person.demand_whole("revoke API tokens")
        old = _locate(uow, person, ask)
        _, owner = people.owners(uow, [old.id])[old.id]
        identity.token_revoked(uow, old, owner)
        return _changed(uow, person, ask, old, replace(old, revoked_at=uow.now))

    def _sign_out(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        sign_out(uow, person)
        return Document()

    def _create(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        person.demand_whole("make API tokens")
        demand_known(ask.body, "API token", _FIELDS, {})
        user = people.USERS.one(uow, id=person.user_id)
        email = text(ask.body, "email").strip()
        if user is None:
            raise refuse(Code.FORBIDDEN, f"{person.user} has no account to make API tokens for", subject=person.user)
        if email and email.casefold() not in (user.email_key, user.name_key):
            raise refuse(
                Code.FORBIDDEN,
                f"an API token acts as its owner: {user.name} cannot make one for {email}",
                subject="email",
                next_step=f"Use your own address, {user.email or user.name}.",
            )
        token_hash = ask.hashes.get("token")
        if not token_hash:
            raise refuse(Code.INVALID, "the API token itself is missing from the request", subject="token")
        document = make_token(
            uow,
            person,
            name=name_of(ask.body, "API token"),
            token_hash=token_hash,
            days=days_of(ask.body),
            project=project_of(uow, person, ask.body),
            access=access_of(ask.body),
        )
        return Document(document=document)


def make_token(
    uow: UnitOfWork, owner: Person, *, name: str, token_hash: str, days: int, project: str, access: TokenAccess
) -> Json:
    """A new API token of its owner, in the shape of the API; `project` is blank for all of them."""
    token = Token(
        id=new_id(),
        user_id=owner.user_id,
        kind="api",
        name=name,
        token_hash=token_hash,
        created_at=uow.now,
        expires_at=uow.now + days * DAY_S,
        project=project or None,
        access=access.value,
    )
    people.TOKENS.insert(uow, token)
    identity.watch(uow, token)
    document = documents(uow, [token])[0]
    audit.record(uow, owner, "create", Kind.TOKENS, None, document)
    return document


def _changed(uow: UnitOfWork, person: Person, ask: Act, old: Token, new: Token) -> Document:
    before = documents(uow, [old])[0]
    document = documents(uow, [people.TOKENS.update(uow, new)])[0]
    audit.record(uow, person, ask.verb, Kind.TOKENS, before, document)
    return Document(document=document)


def days_of(body: Json) -> int:
    """How long a token of this body is good. Raises `Refused`."""
    value = body.get("goodForDays")
    if value is None or value == "":
        return GOOD_FOR_DAYS
    days = whole_number(str(value)) or 0
    if not 1 <= days <= MAX_DAYS:
        raise refuse(Code.INVALID, f"goodForDays must be a whole number from 1 to {MAX_DAYS}", subject="goodForDays")
    return days


def project_of(uow: Reading, person: Person, body: Json) -> str:
    """The project that a token of this body is narrowed to; blank for all. Raises `Refused`."""
    name = text(body, "project").strip()
    visible = person.visible_projects()
    if name and (projects.PROJECTS.one(uow, name=name) is None or (visible is not None and name not in visible)):
        raise refuse(Code.NOT_FOUND, f"there is no project {name}", subject="project")
    return name


def access_of(body: Json) -> TokenAccess:
    """What a token of this body leaves of its owner's rights. Raises `Refused`."""
    word = text(body, "access")
    try:
        return TokenAccess(word.strip().lower() or TokenAccess.EVERYTHING)
    except ValueError:
        words = ", ".join(access.value for access in TokenAccess)
        raise refuse(Code.INVALID, f"access must be one of {words}, not {word!r}", subject="access") from None


def _locate(uow: Reading, person: Person, ask: Act | Get) -> Token:
    token = people.TOKENS.one(uow, id=ask.id)
    if token is None or token.kind != "api" or not (token.user_id == person.user_id or person.administers):
        raise refuse(Code.NOT_FOUND, f"there is no API token with the id {ask.id}", subject=ask.id)
    return token


def documents(uow: Reading, tokens: Sequence[Token]) -> list[Json]:
    """Wire documents, with the owner and the webhooks that act by each."""
    owners = people.owners(uow, [token.id for token in tokens])
    return [_document(token, owners[token.id][1], uses.webhooks_of_token(uow, token.id)) for token in tokens]


def _document(token: Token, owner: User, webhooks: list[str]) -> Json:
    return {
        "id": token.id,
        "kind": "API_TOKEN",
        "name": token.name,
        "user": owner.name,
        "email": owner.email,
        "createdAt": wire_time(token.created_at),
        "createdBy": owner.name,
        "expiresAt": wire_time(token.expires_at),
        "lastUsedAt": wire_time(token.last_used_at),
        "revokedAt": wire_time(token.revoked_at),
        "project": token.project or "",
        "access": token.access,
        "webhooks": webhooks,
        "_createTimeInMicros": micros(token.created_at),
        "_expireTimeInMicros": micros(token.expires_at),
        "_link": f"{LINK_BASE}/{Kind.TOKENS.value}/{token.id}",
    }
