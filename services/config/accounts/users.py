"""Users: people with an account here, their service role and password."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.config.catalog import audit, read_only
from services.config.catalog.base import tags_of
from services.config.catalog.context import new_id
from services.config.catalog.documents import common, demand_known, flag, name_of, text, texts
from services.config.catalog.webhooks import identity
from services.config.model.definitions import User
from services.config.model.people import Person, forbidden
from services.config.model.rights import Right, ServiceRole
from services.config.resource import chosen
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, projects, uses
from services.config.store.definitions.definition_sources import of_projects
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, Refused, refuse

from . import directory
from .password_checks import LocalPasswords, Passwords

_FIELDS = frozenset(
    {
        *("name", "userName", "email", "description", "tags", "serviceRole", "enabled", "groups", "provider"),
        *("password", "oldPassword", "hasPassword"),
    }
)
_STORED, _MATCHED = "stored", "matched"
"""Of a prepared act's hashes: the new password as it is kept, and the old one that was shown to be known."""


class Users:
    """The kind `users`."""

    def __init__(self, passwords: Passwords | None = None) -> None:
        self._passwords = passwords or LocalPasswords()
        self._verbs = {
            "create": self._create,
            "replace": self._change,
            "patch": self._change,
            "delete": self._delete,
            "password": self._change,
        }

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """Everybody, for who administers anything; oneself for the others."""
        own = () if _sees_people(person) else (people.USERS.column("id") == person.user_id,)
        values, total = people.USERS.page(uow, ask, *own)
        return Page(documents=tuple(documents(uow, values)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One user; `me` is the caller, with what the caller may do. The options `suggest` (with `of`), `matrix`,
        `wouldInProject` and `wouldEverywhere` answer for pickers and previews."""
        if (answer := _asked(uow, person, ask)) is not None:
            return Document(document=answer)
        if ask.id == "me" or ask.name == "me":
            return Document(document=_me(uow, person))
        return Document(document=documents(uow, [_locate(uow, person, ask)])[0])

    def prepare(self, uow: Reading, person: Person, ask: Act) -> Callable[[], Act]:
        """Check the old password and hash the new one, where the act may come to that."""
        digest = ask.hashes.get("password")
        old = None if ask.verb == "create" else _locate(uow, person, ask)
        verified = old if old is not None and old.id == person.user_id and _is_password_alone(ask) else None
        if not digest or not (verified or person.administers):
            return lambda: ask.model_copy(update={"hashes": {}})

        def hashed() -> Act:
            if verified and not self._passwords.match(verified, ask.hashes.get("oldPassword", "")):
                raise _wrong_password(verified)
            hashes = {_STORED: self._passwords.hashed(digest), _MATCHED: verified.password or "" if verified else ""}
            return ask.model_copy(update={"hashes": hashes})

        return hashed

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Administrators of the installation manage users; anybody changes the own password."""
        return chosen(self._verbs, ask)(uow, person, ask)

    def _create(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        person.demand_administrator("create users")
        demand_known(ask.body, "user", _FIELDS, {})
        name = name_of(ask.body, "user")
        email = text(ask.body, "email").strip()
        _demand_free(uow, name, email, but="")
        user = make_user(
            uow,
            person.user,
            name,
            email=email,
            role=_role(text(ask.body, "serviceRole", ServiceRole.USER.value)),
            password=ask.hashes.get(_STORED),
            description=text(ask.body, "description"),
            groups=_groups(ask.body, []),
            provider=_provider(uow, ask.body, ""),
        )
        document = documents(uow, [user])[0]
        audit.record(uow, person, "create", Kind.USERS, None, document)
        return Document(document=document)

    def _change(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        old = _locate(uow, person, ask)
        password = ask.hashes.get(_STORED)
        own = old.id == person.user_id
        only_password = _is_password_alone(ask)
        if own:
            person.demand_whole("change an account")
        if not (own and only_password):
            person.demand_administrator("change users")
        if only_password and password is None:
            raise refuse(Code.INVALID, "there is no new password: password is required", subject="password")
        if own and only_password and ask.hashes.get(_MATCHED) != old.password:
            raise _wrong_password(old)
        before = documents(uow, [old])[0]
        demand_known(ask.body, "user", _FIELDS, before)
        email = text(ask.body, "email", old.email).strip()
        provider = _provider(uow, ask.body, old.provider)
        new = replace(
            old,
            name=name_of(ask.body, "user", old.name),
            email=email,
            email_key=email.casefold(),
            description=text(ask.body, "description", old.description),
            service_role=_role(text(ask.body, "serviceRole", old.service_role)).value,
            enabled=flag(ask.body, "enabled", old.enabled),
            password=password or old.password,
            tags=tags_of(ask.body, old.tags),
            groups=_groups(ask.body, old.groups),
            provider=provider,
            subject=old.subject if provider == old.provider else "",
            shut_out=False,
            version=old.version + 1,
            updated_at=uow.now,
            updated_by=person.user,
        )
        if new.name != old.name:
            raise refuse(Code.INVALID, f"user {old.name} cannot be renamed: its runs carry the name", subject=old.id)
        _demand_free(uow, new.name, new.email, but=old.id)
        if not (new.enabled and new.service_role == ServiceRole.ADMINISTRATOR.value):
            _demand_other_administrator(uow, old)
        people.USERS.update(uow, new)
        if new.enabled is not old.enabled:
            identity.user_switched(uow, new)
        if password or not new.enabled:
            # Sessions by the old password end; API tokens stay, they were made on purpose.
            kinds = ("session", "refresh")
            people.revoke_tokens(uow, old.id, but=person.token_id if own else None, kinds=kinds)
        document = documents(uow, [new])[0]
        audit.record(uow, person, "password" if only_password else ask.verb, Kind.USERS, before, document)
        return Document(document=document)

    def _delete(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        old = _locate(uow, person, ask)
        person.demand_administrator("delete users")
        _demand_other_administrator(uow, old)
        webhooks = uses.webhooks_of_actor(uow, old.name)
        if webhooks:
            raise refuse(
                Code.IN_USE,
                f"cannot delete user {old.name}: webhooks act as this user: {', '.join(webhooks)}",
                subject=old.id,
                next_step="Give them an API token of somebody else first, or disable the user instead.",
            )
        document = documents(uow, [old])[0]
        people.USERS.delete(uow, id=old.id)
        audit.record(uow, person, "delete", Kind.USERS, document, None)
        return Document(document=document)


def make_user(
    uow: UnitOfWork,
    by: str,
    name: str,
    *,
    role: ServiceRole,
    email: str = "",
    password: str | None = None,
    description: str = "",
    groups: Sequence[str] = (),
    provider: str = "",
) -> User:
    """A new user; `password` as `hash_password` gives it."""
    user = User(
        id=new_id(),
        name=name,
        name_key=name.casefold(),
        email=email,
        email_key=email.casefold(),
        description=description,
        tags=[],
        groups=list(groups),
        provider=provider,
        service_role=role.value,
        password=password,
        created_at=uow.now,
        updated_at=uow.now,
        created_by=by,
        updated_by=by,
    )
    return people.USERS.insert(uow, user)


def documents(uow: Reading, users: Sequence[User]) -> list[Json]:
    """Wire documents, with roles by project."""
    return [
        {
            **common(user, kind="USER", collection=Kind.USERS.value),
            "userName": user.name,
            "email": user.email,
            "serviceRole": user.service_role,
            "enabled": user.enabled,
            "groups": list(user.groups),
            "provider": user.provider,
            "hasPassword": user.password is not None,
            "projects": {p: role.value for p, role in sorted(people.project_roles(uow, user.id).items())},
        }
        for user in users
    ]


def _asked(uow: Reading, person: Person, ask: Get) -> Json | None:
    options = ask.options
    if "suggest" in options:
        return directory.suggestions(uow, person, str(options["suggest"])[:200], str(options.get("of") or ""))
    if options.get("matrix"):
        return directory.matrix()
    if "wouldInProject" in options or "wouldEverywhere" in options:
        if not _sees_people(person):
            raise forbidden(person, "look at what people may do", Right.RESTRICTED)
        if "wouldInProject" in options:
            return directory.would_in_project(uow, dict(options["wouldInProject"]))
        return directory.would_everywhere(uow, ask.id, str(options["wouldEverywhere"]))
    return None


def _is_password_alone(ask: Act) -> bool:
    return ask.verb == "password" or set(ask.body) <= {"password", "oldPassword"}


def _wrong_password(user: User) -> Refused:
    return refuse(Code.FORBIDDEN, "the old password is not right", subject=user.name)


def _me(uow: Reading, person: Person) -> Json:
    user = people.USERS.one(uow, id=person.user_id)
    if user is None:
        return {"id": "", "name": person.user, "userName": person.user, "serviceRole": person.service_role.value}
    visible = person.visible_projects()
    names = [p.name for p in projects.PROJECTS.all(uow, limit=1000) if visible is None or p.name in visible]
    return {
        **documents(uow, [user])[0],
        "rights": {name: person.right(name).name for name in names},
        "definitionsFrom": {
            name: read_only.described(uow, source) for name, source in sorted(of_projects(uow, names).items())
        },
        "administrators": people.administrators(uow),
    }


def _sees_people(person: Person) -> bool:
    return person.may_somewhere(Right.RESTRICTED)


def _locate(uow: Reading, person: Person, ask: Act | Get) -> User:
    key = ask.id or ask.name
    key = person.user_id if key == "me" else key
    user = people.USERS.one(uow, id=key) or people.find_user(uow, key)
    if user is None or not (user.id == person.user_id or _sees_people(person)):
        raise refuse(Code.NOT_FOUND, f"there is no user {key}", subject=key)
    return user


def _groups(body: Mapping[str, Any], default: Sequence[str]) -> list[str]:
    """The groups of a body; each once, in the order given."""
    if "groups" not in body:
        return list(default)
    return list(dict.fromkeys(group.strip() for group in texts(body, "groups") if group.strip()))


def _provider(uow: Reading, body: Mapping[str, Any], default: str) -> str:
    """The sign-in provider that vouches for a user; blank for Portside itself."""
    name = text(body, "provider", default).strip()
    if name and name != default and people.PROVIDERS.one(uow, name=name) is None:
        raise refuse(Code.NOT_FOUND, f"there is no sign-in provider {name}", subject="provider")
    return name


def _role(text_: str) -> ServiceRole:
    for role in ServiceRole:
        if role.value.casefold() == text_.strip().casefold():
            return role
    raise refuse(
        Code.INVALID,
        f"there is no service role {text_!r}",
        subject="serviceRole",
        next_step=f"Use one of: {', '.join(role.value for role in ServiceRole)}.",
    )


def _demand_free(uow: Reading, name: str, email: str, *, but: str) -> None:
    for value in (name, email):
        other = people.find_user(uow, value) if value else None
        if other is not None and other.id != but:
            raise refuse(
                Code.CONFLICT,
                f"there is a user with the name or e-mail address {value} already",
                subject=value,
                next_step="Choose another name or address, or change the user that is there.",
            )
    if name.casefold() in ("system", "anonymous", "me"):
        raise refuse(Code.INVALID, f"the user name {name} is taken by Portside itself", subject="name")


def _demand_other_administrator(uow: Reading, user: User) -> None:
    if user.service_role != ServiceRole.ADMINISTRATOR.value or not user.enabled:
        return
    if not people.count_administrators(uow, but=user.id):
        raise refuse(
            Code.CONFLICT,
            f"{user.name} is the last administrator: somebody must be left to manage this installation",
            subject=user.id,
            next_step="Make somebody else an administrator first.",
        )
