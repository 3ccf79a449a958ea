"""Variables: named values of a project; SECRET and RESTRICTED ones are sealed and never shown again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from services.config.model.definitions import Variable
from services.config.model.people import Person
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, projects, uses
from services.config.store.definitions.endpoints import VARIABLES
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Code, refuse
from shared.contracts.secrets import MASK, SECRET_VARIABLE_TYPES

from .base import Scoped, tags_of
from .context import new_token, token_hash
from .documents import common, flag, name_of, text
from .hooks import wanted
from .webhooks import identity

TYPES = ("REGULAR", "SECRET", "RESTRICTED")
_NAME = re.compile(r"[^\s.${}\[\]'\"]+\Z")


class Variables(Scoped[Variable]):
    """The kind `variables`."""

    kind = Kind.VARIABLES
    noun = "variable"
    table = VARIABLES
    file_fields = ("project", "kind", "name", "description", "type", "value")

    def documents(self, uow: Reading, values: Sequence[Variable]) -> list[Json]:
        """Wire documents; the mask stands for a secret."""
        ids = projects.ids(uow, [value.project for value in values])
        return [
            {
                **common(
                    value, kind="VARIABLE", collection=Kind.VARIABLES.value, project_id=ids.get(value.project, "")
                ),
                "type": value.type,
                "value": MASK if value.type in SECRET_VARIABLE_TYPES else value.value or "",
            }
            for value in values
        ]

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> Variable:
        """A new variable; `generate: true` has us make a random value."""
        type_ = _type(text(ask.body, "type", "REGULAR"))
        name = _name(name_of(ask.body, self.noun))
        stamped = self.stamp(uow, person, project, name, ask.body)
        return self._with_value(uow, Variable(**stamped, type=type_), ask, None)

    def changed_value(self, uow: UnitOfWork, person: Person, ask: Act, old: Variable, *, partial: bool) -> Variable:
        """The variable after a change; no value, or the mask, keeps it."""
        type_ = _type(text(ask.body, "type", old.type))
        new = replace(
            old,
            name=_name(name_of(ask.body, self.noun, old.name)),
            description=text(ask.body, "description", old.description),
            tags=tags_of(ask.body, old.tags),
            type=type_,
        )
        return self._with_value(uow, new, ask, old)

    def is_restricted(self, value: Variable) -> bool:
        return value.type == "RESTRICTED"

    def users_of(self, uow: Reading, value: Variable) -> list[str]:
        return uses.users_of_variable(uow, value.project, value.name)

    def after_change(
        self, uow: UnitOfWork, person: Person, before: Variable | None, after: Variable | None
    ) -> Variable | None:
        """Another look at the hooks of endpoints that refer to a changed value, and at who acts by it."""
        if after is None or (before is not None and _held(before) == _held(after)):
            return after
        wanted.variable_changed(uow, after.project, after.name)
        identity.variable_changed(uow, after.project, after.name)
        return after

    def _with_value(self, uow: Reading, new: Variable, ask: Act, old: Variable | None) -> Variable:
        secret = new.type in SECRET_VARIABLE_TYPES
        if flag(ask.body, "generate", False):
            token = new_token()
            box = self.context.seal(token).model_dump()
            plain = replace(new, api_token_id=None)
            return replace(plain, value=None, sealed=box) if secret else replace(plain, value=token, sealed=None)
        sealed = ask.sealed.get("value")
        value = text(ask.body, "value")
        kept = old is not None and (value == MASK or "value" not in ask.body) and sealed is None
        if kept and old is not None:
            if secret and old.sealed is None:
                return replace(new, value=None, sealed=self.context.seal(old.value or "").model_dump())
            if not secret and old.sealed is not None:
                raise refuse(
                    Code.INVALID,
                    f"variable {old.name} is {old.type}: to make it REGULAR, give its value again",
                    subject="value",
                )
            return replace(new, value=old.value, sealed=old.sealed)
        if not secret:
            if sealed is not None:
                raise refuse(Code.INVALID, f"variable {new.name} is REGULAR but its value came sealed", subject="value")
            return replace(new, value=value, sealed=None, api_token_id=_api_token(uow, token_hash(value)))
        if sealed is None and value not in ("", MASK):
            raise refuse(
                Code.INVALID, f"the value of {new.type} variable {new.name} must arrive sealed", subject="value"
            )
        # A secret that is not known yet, as after an import, is empty and listed as needed.
        box_of_nothing = None if sealed is None else sealed.model_dump()
        api_token = _api_token(uow, ask.hashes.get("value", ""))
        return replace(new, value=None, sealed=box_of_nothing, api_token_id=api_token)


def _api_token(uow: Reading, hashed: str) -> str | None:
    """The id of the API token of this hash, so that a webhook can act by a value that nobody here may open."""
    token = people.TOKENS.one(uow, token_hash=hashed) if hashed else None
    return token.id if token is not None and token.kind == "api" else None


def _held(value: Variable) -> tuple[object, ...]:
    return value.name, value.type, value.value, value.sealed, value.api_token_id


def _type(type_name: str) -> str:
    if type_name.upper() not in TYPES:
        raise refuse(
            Code.INVALID,
            f"there is no variable type {type_name!r}",
            subject="type",
            next_step=f"Use one of: {', '.join(TYPES)}.",
        )
    return type_name.upper()


def _name(name: str) -> str:
    if not _NAME.match(name):
        raise refuse(
            Code.INVALID,
            f"variable {name!r} could not be referred to: a name has no spaces and none of . $ {{ }} [ ] and quotes",
            subject="name",
        )
    return name
