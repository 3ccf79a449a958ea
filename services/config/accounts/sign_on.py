"""Signing on by a provider: who its token means here, what its rules grant, and accounts that are made or disabled."""

from __future__ import annotations

from dataclasses import replace

from services.config.catalog import audit
from services.config.catalog.webhooks import identity
from services.config.model.definitions import SignInProvider, User
from services.config.model.people import SYSTEM
from services.config.model.rights import ServiceRole
from services.config.store import UnitOfWork
from services.config.store.definitions import people, projects
from shared.contracts.base import Json
from shared.contracts.catalog import Kind
from shared.contracts.problems import Code, Refused, refuse

from .claim_rules import Grants, grants
from .providers import rules_of
from .users import documents, make_user

MAX_NAME = 200


def sign_on(uow: UnitOfWork, provider: SignInProvider, claims: Json) -> User | Refused:
    """The person of these claims, as the rules have them from now on.

    A refusal is returned and not raised where the transaction must be kept: it disables the account.
    """
    user = _known(uow, provider, claims)
    granted = grants(rules_of(provider.tree["rules"]), claims)
    if granted is None:
        if user is not None:
            _shut_out(uow, user)
        return _refused(
            provider,
            f"None of its rules lets {_shown_name(claims)} in",
            "Ask an administrator for a rule that matches a group of yours.",
        )
    if user is None:
        if not provider.tree["createUsers"]:
            return _refused(
                provider, f"There is no user here for {_shown_name(claims)}", "Ask an administrator for an account."
            )
        new_user = _make(uow, provider, claims)
        if isinstance(new_user, Refused):
            return new_user
        user = new_user
    if not user.enabled and not user.shut_out:
        return _refused(provider, f"User {user.name} is disabled", "Ask an administrator.")
    return _brought_up_to_date(uow, provider, user, claims, granted)


def _known(uow: UnitOfWork, provider: SignInProvider, claims: Json) -> User | None:
    """Whom the subject means; else an account that an administrator has made for this provider, at its first use."""
    user = people.USERS.one(uow, provider=provider.name, subject=str(claims["sub"]))
    if user is not None:
        return user
    name = _name(provider, claims)
    waiting = people.USERS.one(uow, provider=provider.name, subject="", name_key=name.casefold()) if name else None
    if waiting is None:
        return None
    return people.USERS.update(uow, replace(waiting, subject=str(claims["sub"])))


def _make(uow: UnitOfWork, provider: SignInProvider, claims: Json) -> User | Refused:
    name, email = _name(provider, claims), _email(claims)
    claim = provider.tree["userNameClaim"]
    if not name or name.casefold() in ("system", "anonymous", "me"):
        return _refused(
            provider, f"Its token names nobody in the claim {claim}", "An administrator chooses another claim there."
        )
    taken = next((value for value in (name, email) if value and people.find_user(uow, value)), "")
    if taken:
        return _refused(
            provider,
            f"There is a user {taken} already who does not sign in with it",
            f"An administrator sets the provider {provider.name} on that user, or disables the account.",
        )
    user = make_user(uow, SYSTEM.user, name, email=email, role=ServiceRole.USER, password=None)
    user = people.USERS.update(uow, replace(user, provider=provider.name, subject=str(claims["sub"])))
    audit.record(uow, SYSTEM, "create", Kind.USERS, None, documents(uow, [user])[0])
    return user


def _brought_up_to_date(uow: UnitOfWork, provider: SignInProvider, user: User, claims: Json, granted: Grants) -> User:
    before = documents(uow, [user])[0]
    role = granted.service_role.value if granted.service_role is not None else user.service_role
    if role != ServiceRole.ADMINISTRATOR.value and _is_last_administrator(uow, user):
        role = user.service_role
    email = _email(claims) or user.email
    other = people.find_user(uow, email) if email else None
    if other is not None and other.id != user.id:
        email = user.email
    new = replace(
        user,
        service_role=role,
        groups=list(granted.groups) if granted.groups is not None else user.groups,
        email=email,
        email_key=email.casefold(),
        enabled=True,
        shut_out=False,
    )
    if new != user:
        new = people.USERS.update(
            uow, replace(new, version=user.version + 1, updated_at=uow.now, updated_by=SYSTEM.user)
        )
        if new.enabled is not user.enabled:
            identity.user_switched(uow, new)
    _set_projects(uow, user, granted)
    after = documents(uow, [new])[0]
    if {**after, **_STAMPS} != {**before, **_STAMPS}:
        audit.record(uow, SYSTEM, f"by the rules of {provider.name}", Kind.USERS, before, after)
    return new


_STAMPS = dict.fromkeys(("version", "updatedAt", "updatedBy", "_updateTimeInMicros", "_updatedBy"), "")
"""What changes with every change, and is none by itself."""


def _set_projects(uow: UnitOfWork, user: User, granted: Grants) -> None:
    roles = people.project_roles(uow, user.id)
    for name, role in granted.projects.items():
        if roles.get(name) is not role and projects.PROJECTS.one(uow, name=name) is not None:
            projects.set_role(uow, name, user.id, role.value if role is not None else None)


def _shut_out(uow: UnitOfWork, user: User) -> None:
    """No rule lets them in any longer: their account ends now, sessions included, until a rule matches again."""
    if not user.enabled or _is_last_administrator(uow, user):
        return
    before = documents(uow, [user])[0]
    new = replace(user, enabled=False, shut_out=True, version=user.version + 1, updated_at=uow.now)
    people.USERS.update(uow, new)
    people.revoke_tokens(uow, user.id, kinds=("session", "refresh"))
    identity.user_switched(uow, new)
    audit.record(uow, SYSTEM, "no rule matches", Kind.USERS, before, documents(uow, [new])[0])


def _is_last_administrator(uow: UnitOfWork, user: User) -> bool:
    is_administrator = user.service_role == ServiceRole.ADMINISTRATOR.value and user.enabled
    return is_administrator and not people.count_administrators(uow, but=user.id)


def _name(provider: SignInProvider, claims: Json) -> str:
    value = claims.get(provider.tree["userNameClaim"])
    name = value.strip() if isinstance(value, str) else ""
    return name if len(name) <= MAX_NAME and name.isprintable() else ""


def _email(claims: Json) -> str:
    """The address, unless the provider says that nobody has proved it."""
    value = claims.get("email")
    proved = claims.get("email_verified", True)
    return value.strip()[:MAX_NAME] if isinstance(value, str) and proved not in (False, "false") else ""


def _shown_name(claims: Json) -> str:
    return str(claims.get("preferred_username") or claims.get("email") or claims["sub"])[:MAX_NAME]


def _refused(provider: SignInProvider, reason: str, step: str) -> Refused:
    title = provider.tree["title"] or provider.name
    return refuse(
        Code.FORBIDDEN,
        f"{title} knows you, but you may not sign in here. {reason}.",
        subject=provider.name,
        next_step=step,
    )
