"""Users, what lets them in, and from where they came."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, delete, func, insert, or_, select, true, update

from services.config.model.definitions import DeviceSignIn, SignInProvider, Token, User
from services.config.model.people import Person
from services.config.model.rights import MOST_BY_TOKEN, ProjectRole, Right, ServiceRole, TokenAccess
from services.config.store.filters import FilterField, holds
from services.config.store.unit_of_work import Reading, UnitOfWork
from services.config.tables.catalog import (
    DeviceSignInRow,
    FamiliarAddressRow,
    MemberRow,
    OneTimeCodeRow,
    SignInProviderRow,
    TokenRow,
    UserRow,
    WebhookRow,
)
from shared.contracts.catalog import Find, Kind

from .rows import Table, stamped_fields

USERS = Table(
    UserRow,
    User,
    wire={
        **stamped_fields(UserRow),
        "email": FilterField(UserRow.email),
        "serviceRole": FilterField(UserRow.service_role),
        "enabled": FilterField(UserRow.enabled, "boolean"),
    },
)
TOKENS = Table(
    TokenRow,
    Token,
    wire={
        "id": FilterField(TokenRow.id),
        "name": FilterField(TokenRow.name),
        "createdAt": FilterField(TokenRow.created_at, "instant"),
        "expiresAt": FilterField(TokenRow.expires_at, "instant"),
        "lastUsedAt": FilterField(TokenRow.last_used_at, "instant"),
    },
    order="name,id",
)
PROVIDERS = Table(
    SignInProviderRow,
    SignInProvider,
    wire={**stamped_fields(SignInProviderRow), "enabled": FilterField(SignInProviderRow.enabled, "boolean")},
)
DEVICES = Table(DeviceSignInRow, DeviceSignIn, wire={}, order="")
SESSIONS = Table(TokenRow, Token, wire=TOKENS.wire, order="createdAt desc,id")


DEVICE_REMEMBERED_S = 3_600.0
"""So long a device that asks learns that its code has expired, and not that there is none."""


def find_user(uow: Reading, name_or_email: str) -> User | None:
    """A user by name, else by e-mail address, whatever the case."""
    key = name_or_email.strip().casefold()
    user = USERS.one(uow, name_key=key)
    if user is not None or not key:
        return user
    by_mail = USERS.all(uow, UserRow.email_key == key, limit=2)
    return by_mail[0] if len(by_mail) == 1 else None


def person(uow: Reading, user: str, token_id: str | None) -> Person | None:
    """The person as of now; None when the user is unknown or disabled, or the token has ended."""
    row = uow.connection.execute(_PERSON, {"key": user.casefold()}).one_or_none()
    if row is None:
        return None
    token = good_token(uow, token_id, row.id) if token_id is not None else None
    if token_id is not None and token is None:
        return None
    return Person(
        user=row.name,
        service_role=ServiceRole(row.service_role),
        project_roles=project_roles(uow, row.id),
        email=row.email,
        user_id=row.id,
        token_id=token_id,
        groups=tuple(row.groups),
        only_project=token.project if token is not None else None,
        at_most=MOST_BY_TOKEN[TokenAccess(token.access)] if token is not None else Right.RESTRICTED,
    )


_PERSON = select(UserRow.id, UserRow.name, UserRow.email, UserRow.service_role, UserRow.groups).where(
    UserRow.name_key == bindparam("key"), UserRow.enabled.is_(True)
)


def project_roles(uow: Reading, user_id: str) -> dict[str, ProjectRole]:
    """The roles of a user by project name."""
    rows = uow.connection.execute(_ROLES, {"user": user_id})
    return {project: ProjectRole(role) for project, role in rows}


_ROLES = select(MemberRow.project, MemberRow.role).where(MemberRow.user_id == bindparam("user"))


def good_token(uow: Reading, token_id: str, user_id: str) -> Token | None:
    """The token or session of this user if it still lets in."""
    token = TOKENS.one(uow, id=token_id, user_id=user_id)
    return token if token is not None and token.revoked_at is None and token.expires_at > uow.now else None


def count_administrators(uow: Reading, *, but: str = "") -> int:
    """How many enabled administrators of the installation there are, not counting the user with id `but`."""
    statement = select(func.count()).where(
        UserRow.service_role == ServiceRole.ADMINISTRATOR.value, UserRow.enabled.is_(True), UserRow.id != but
    )
    return uow.session.scalar(statement) or 0


def names_like(uow: Reading, part: str, limit: int) -> list[str]:
    """Names of enabled users that hold a text, whatever the case; those that begin with it first."""
    key = part.strip().casefold()
    begins = case((UserRow.name_key.startswith(key, autoescape=True), 0), else_=1)
    holds = UserRow.name_key.contains(key, autoescape=True)
    statement = select(UserRow.name).where(UserRow.enabled.is_(True), holds).order_by(begins, UserRow.name_key)
    return list(uow.session.scalars(statement.limit(limit)))


def groups_like(uow: Reading, part: str, limit: int) -> list[str]:
    """Groups of enabled users that hold a text, whatever the case, in order."""
    key = part.strip().casefold()
    groups: set[str] = set()
    for of_one in uow.session.scalars(select(UserRow.groups).where(UserRow.enabled.is_(True))):
        groups.update(group for group in of_one if key in group.casefold())
    return sorted(groups)[:limit]


def addresses(uow: Reading, names: list[str], groups: list[str], project: str) -> list[str]:
    """E-mail addresses of people by name or address, and of everybody in groups; a project role is a group too."""
    keys, group_keys = {name.casefold() for name in names}, {group.casefold() for group in groups}
    result = [name for name in names if "@" in name]
    for row in uow.session.execute(
        select(UserRow.id, UserRow.name_key, UserRow.email, UserRow.groups)
        .where(UserRow.enabled.is_(True), UserRow.email != "")
        .order_by(UserRow.name_key)
    ):
        belongs = {group.casefold() for group in row.groups}
        if group_keys:
            role = project_roles(uow, row.id).get(project)
            belongs |= {role.value.casefold()} if role is not None else set()
        if row.name_key in keys or belongs & group_keys:
            result.append(row.email)
    return list(dict.fromkeys(result))


def administrators(uow: Reading, limit: int = 5) -> list[str]:
    """The names of the first few administrators: whom to ask."""
    statement = (
        select(UserRow.name)
        .where(UserRow.service_role == ServiceRole.ADMINISTRATOR.value, UserRow.enabled.is_(True))
        .order_by(UserRow.created_at)
        .limit(limit)
    )
    return list(uow.session.scalars(statement))


def owners(uow: Reading, token_ids: list[str]) -> dict[str, tuple[Token, User]]:
    """API tokens with their owners, by token id."""
    tokens = TOKENS.all(uow, TokenRow.id.in_(token_ids)) if token_ids else []
    users = {user.id: user for user in USERS.all(uow, UserRow.id.in_({token.user_id for token in tokens}))}
    return {token.id: (token, users[token.user_id]) for token in tokens}


def ending_tokens(
    uow: Reading, until: float, *, used_since: float, part: str, skip: int, top: int
) -> tuple[list[Token], int]:
    """API tokens that end before then, that are still good, that were used since, and by which no webhook acts: one
    page, the soonest first."""
    acting = select(WebhookRow.api_token_id).where(WebhookRow.api_token_id == TokenRow.id).exists()
    return TOKENS.page(
        uow,
        Find(kind=Kind.TOKENS, orderby="expiresAt,id", top=top, skip=skip),
        TokenRow.kind == "api",
        TokenRow.revoked_at.is_(None),
        TokenRow.expires_at <= until,
        TokenRow.expires_at > uow.now,
        TokenRow.last_used_at >= used_since,
        ~acting,
        named(part),
    )


def named(part: str) -> ColumnElement[bool]:
    """A token whose name, or whose owner's, holds a text in small letters."""
    owner = select(UserRow.id).where(UserRow.id == TokenRow.user_id, holds(part, UserRow.name)).exists()
    return or_(holds(part, TokenRow.name), owner) if part else true()


def touch_token(uow: UnitOfWork, token_id: str) -> None:
    """Note that a token was used now."""
    uow.session.execute(update(TokenRow).where(TokenRow.id == token_id).values(last_used_at=uow.now))


def to_check(uow: Reading, provider: str, before: float, limit: int) -> list[tuple[Token, str]]:
    """Open sessions of a provider that it was last asked about before then, the longest ago first, with the person's
    subject there."""
    rows = uow.session.execute(
        select(TokenRow.id, UserRow.subject)
        .join(UserRow, UserRow.id == TokenRow.user_id)
        .where(*_open_at(uow, provider), TokenRow.checked_at <= before)
        .order_by(TokenRow.checked_at, TokenRow.id)
        .limit(limit)
    ).all()
    tokens = {token.id: token for token in TOKENS.all(uow, TokenRow.id.in_([row.id for row in rows]))}
    return [(tokens[row.id], row.subject) for row in rows]


def last_checked(uow: Reading, provider: str) -> float | None:
    """Of its open sessions, when the provider was asked about the one that waits longest; None without any."""
    return uow.session.scalar(select(func.min(TokenRow.checked_at)).where(*_open_at(uow, provider)))


def _open_at(uow: Reading, provider: str) -> tuple[Any, ...]:
    return (
        TokenRow.provider == provider,
        TokenRow.kind.in_(("session", "refresh")),
        TokenRow.checked_at.is_not(None),
        TokenRow.revoked_at.is_(None),
        TokenRow.expires_at > uow.now,
    )


def note_check(uow: UnitOfWork, token_id: str, at: float, grant: dict[str, Any] | None = None) -> None:
    """The provider was asked about a session, and perhaps gave other tokens for it."""
    changed: dict[str, Any] = {"checked_at": at} | ({"provider_grant": grant} if grant is not None else {})
    uow.session.execute(update(TokenRow).where(TokenRow.id == token_id).values(changed))


def revoke_tokens(uow: UnitOfWork, user_id: str, *, but: str | None = None, kinds: tuple[str, ...]) -> None:
    """End all tokens of these kinds that a user has."""
    where = [TokenRow.user_id == user_id, TokenRow.kind.in_(kinds), TokenRow.revoked_at.is_(None)]
    if but is not None:
        where.append(TokenRow.id != but)
    uow.session.execute(update(TokenRow).where(*where).values(revoked_at=uow.now))


def forget_sessions(uow: UnitOfWork) -> None:
    """Drop sessions and refresh tokens past their end; API tokens stay, for what was done with them."""
    uow.session.execute(
        delete(TokenRow).where(
            TokenRow.kind != "api",
            or_(TokenRow.expires_at < uow.now, TokenRow.revoked_at < uow.now - 86_400.0),
        )
    )
    uow.session.execute(delete(OneTimeCodeRow).where(OneTimeCodeRow.expires_at < uow.now))


def open_devices(uow: Reading, address: str = "") -> int:
    """How many sign-ins of devices are open, in all or from one address."""
    conditions = [DeviceSignInRow.expires_at > uow.now]
    if address:
        conditions.append(DeviceSignInRow.address == address)
    return uow.session.scalar(select(func.count()).where(*conditions)) or 0


def forget_devices(uow: UnitOfWork) -> None:
    """Drop sign-ins of devices that nobody ended in time."""
    uow.session.execute(delete(DeviceSignInRow).where(DeviceSignInRow.expires_at < uow.now - DEVICE_REMEMBERED_S))


def keep_code(uow: UnitOfWork, code_hash: str, user_id: str, good_for_s: float) -> None:
    """A code that signs this user in once."""
    row = {"code_hash": code_hash, "user_id": user_id, "expires_at": uow.now + good_for_s}
    uow.session.execute(insert(OneTimeCodeRow), row)


def use_code(uow: UnitOfWork, code_hash: str) -> User | None:
    """The user of a code that is still good; it is good no more."""
    row = uow.session.get(OneTimeCodeRow, code_hash)
    if row is None:
        return None
    user_id, expires_at = row.user_id, row.expires_at
    uow.session.delete(row)
    return USERS.one(uow, id=user_id) if expires_at > uow.now else None


def has_code(uow: Reading, code_hash: str) -> bool:
    """Whether there is such a code, good or not."""
    return uow.session.get(OneTimeCodeRow, code_hash) is not None


def is_familiar(uow: Reading, network: str) -> bool:
    """Whether somebody has signed in from there."""
    return bool(network) and uow.session.get(FamiliarAddressRow, network) is not None


def remember_address(uow: UnitOfWork, network: str) -> None:
    """Somebody signed in from there now."""
    row = uow.session.get(FamiliarAddressRow, network)
    if row is None:
        uow.session.execute(insert(FamiliarAddressRow), {"network": network, "last_at": uow.now})
    else:
        row.last_at = uow.now


def forget_addresses(uow: UnitOfWork, before: float, most: int) -> None:
    """Drop addresses from which nobody signed in since, and all but the newest `most`."""
    newest = select(FamiliarAddressRow.last_at).order_by(FamiliarAddressRow.last_at.desc())
    oldest_kept = uow.session.scalar(newest.offset(most - 1).limit(1))
    uow.session.execute(delete(FamiliarAddressRow).where(FamiliarAddressRow.last_at < max(before, oldest_kept or 0.0)))
