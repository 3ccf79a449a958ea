"""What Git webhooks, Gerrit listeners and triggers share: a table of fields, secrets that are masked, warnings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from services.config.catalog.base import Scoped, tags_of
from services.config.catalog.context import Context
from services.config.catalog.documents import common, name_of, text
from services.config.model.definitions import WithTree
from services.config.model.people import Person
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import projects
from services.config.store.definitions.rows import Table
from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Act, Document
from shared.contracts.secrets import MASK

from .fields import (
    NO_PUSH_STARTS_ANYTHING,
    SourceField,
    masked,
    read_fields,
    required,
    secret_boxes,
    shown_fields,
    warning,
)

V = TypeVar("V", bound=WithTree)


@dataclass(frozen=True, slots=True)
class DefinitionReference:
    """A definition names an object of its project."""

    field: str
    table: Table[Any]
    name: str
    noun: str

    @property
    def counts(self) -> bool:
        """An expression names what only a run knows."""
        return bool(self.name) and "${" not in self.name

    @property
    def sentence(self) -> str:
        return f"there is no {self.noun} {self.name} in this project yet"


class Kept(Scoped[V]):
    """A kind of definition that is kept as a table of fields."""

    word: str
    """`kind` in documents and files."""
    value: type[V]
    fields: tuple[SourceField, ...]
    secret_names: tuple[str, ...] = ()
    must: tuple[str, ...] = ()
    """Fields that a definition cannot do without."""
    must_secrets: tuple[str, ...] = ()
    """Secrets that a new one cannot do without, unless it comes from a file."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        own_fields = (field.wire for field in self.fields)
        self.file_fields = ("project", "kind", "name", "description", *own_fields, *self.secret_names)
        self.verbs["clone"] = self.clone

    def documents(self, uow: Reading, values: Sequence[V]) -> list[Json]:
        """Wire documents with their warnings; the mask stands for a secret."""
        ids = projects.ids(uow, [value.project for value in values])
        there = self._there(uow, values)
        return [self._document(uow, value, ids.get(value.project, ""), there) for value in values]

    def _there(self, uow: Reading, values: Sequence[V]) -> set[tuple[str, str, str]]:
        """What the definitions name and is there: noun, project and name."""
        pairs_by_noun: dict[str, tuple[Table[Any], set[tuple[str, str]]]] = {}
        for value in values:
            for it in self.references(value):
                pairs_by_noun.setdefault(it.noun, (it.table, set()))[1].add((value.project, it.name))
        return {(noun, *pair) for noun, (table, pairs) in pairs_by_noun.items() for pair in table.named(uow, pairs)}

    def _document(self, uow: Reading, value: V, project_id: str, there: set[tuple[str, str, str]]) -> Json:
        lost = [it for it in self.references(value) if it.counts and (it.noun, value.project, it.name) not in there]
        return {
            **common(value, kind=self.word, collection=self.kind.value, project_id=project_id),
            **shown_fields(self.fields, value),
            **masked(self.secret_names, getattr(value, "secrets", {})),
            **self.extra(uow, value),
            "_warnings": [
                warning(self.word, value.name, "", NO_PUSH_STARTS_ANYTHING),
                *(warning(self.word, value.name, it.field, it.sentence, "SEVERE") for it in lost),
            ],
        }

    def extra(self, uow: Reading, value: V) -> Json:
        """Fields of the document that are not stored."""
        return {}

    def references(self, value: V) -> list[DefinitionReference]:
        """The objects of its project that it names."""
        return []

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> V:
        """A new definition; what it names may follow later, as in an import."""
        body = ask.body
        required(body, self.noun, *self.must)
        secrets = self._secrets(ask, None)
        if not ask.options.get("imported"):
            required(secrets.get("secrets", {}), self.noun, *self.must_secrets)
        columns, tree = read_fields(self.fields, body, None, partial=False)
        stamped = self.stamp(uow, person, project, name_of(body, self.noun), body)
        return self.value(**stamped, **columns, tree=tree, **secrets)

    def changed_value(self, uow: UnitOfWork, person: Person, ask: Act, old: V, *, partial: bool) -> V:
        """The definition after a change."""
        body = ask.body
        columns, tree = read_fields(self.fields, body, shown_fields(self.fields, old), partial=partial)
        new = replace(
            old,
            name=name_of(body, self.noun, old.name),
            description=text(body, "description", old.description if partial else ""),
            tags=tags_of(body, old.tags if partial else ()),
            **columns,
            tree=tree,
            **self._secrets(ask, old),
        )
        required(shown_fields(self.fields, new), self.noun, *self.must)
        return new

    def clone(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """A copy under another name, with the same secrets."""
        old = self.locate(uow, person, ask)
        boxes = getattr(old, "secrets", {})
        body = {
            **shown_fields(self.fields, old),
            **{name: MASK if isinstance(box, dict) else box for name, box in boxes.items()},
            "project": old.project,
            "name": text(ask.body, "name") or f"{old.name} copy",
            "description": text(ask.body, "description") or old.description,
            "tags": list(old.tags),
        }
        sealed = {name: Sealed.model_validate(box) for name, box in boxes.items() if isinstance(box, dict)}
        return self.create(uow, person, Act(kind=self.kind, verb="create", body=body, sealed=sealed))

    def _secrets(self, ask: Act, old: V | None) -> Json:
        if not self.secret_names:
            return {}
        return {"secrets": secret_boxes(ask.sealed, ask.body, self.secret_names, getattr(old, "secrets", {}))}
