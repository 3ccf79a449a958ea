"""The kind `custom-integrations`: a draft that its author edits, and versions whose content stays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from services.config.catalog import audit, read_only
from services.config.catalog.base import Scoped, tags_of
from services.config.catalog.context import Context
from services.config.catalog.documents import common, flag, link, name_of, text
from services.config.catalog.pipelines.documents import refused
from services.config.model.definitions import Integration, IntegrationVersion
from services.config.model.people import Person
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import integrations, projects, uses
from services.config.store.definitions.integrations import INTEGRATION_VERSIONS, INTEGRATIONS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.grammar.integrations import IntegrationCode, read_integration
from shared.grammar.malformed import Malformed

from .resolution import resolve
from .versions import DRAFT, MOVES, moved

MAX_LABEL = 100
_VERSION_FIELDS = ("project", "name", "version", "status", "description", "changeLog", "yaml")
"""What a file holds of a version."""


class Integrations(Scoped[Integration]):
    """Custom integrations. `parent` of a find, and `options.version` of a get or act, mean its versions."""

    kind = Kind.CUSTOM_INTEGRATIONS
    noun = "custom integration"
    table = INTEGRATIONS
    file_fields = ("project", "kind", "name", "description", "yaml")

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.verbs |= {
            "version": self.add_version,
            "restore": self.restore,
            "set-latest": self.set_latest,
            "delete-version": self.delete_version,
            "set-status": self.set_status,
            "resolve": resolve,
            **{verb: self._moving(verb) for verb in MOVES},
        }

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page of drafts; with `parent` the versions of that one, newest first."""
        if not ask.parent:
            return super().find(uow, person, ask)
        integration = self.locate(uow, person, Get(kind=self.kind, id=ask.parent))
        mine = INTEGRATION_VERSIONS.column("integration_id") == integration.id
        versions, total = INTEGRATION_VERSIONS.page(uow, ask, mine)
        return Page(documents=tuple(version_documents(uow, versions)), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """The draft, or with `options.version` that version."""
        if not ask.options.get("version"):
            return super().get(uow, person, ask)
        integration = self.locate(uow, person, ask)
        return Document(document=_shown(uow, _version(uow, integration, str(ask.options["version"]))))

    def documents(self, uow: Reading, values: Sequence[Integration]) -> list[Json]:
        """Wire documents of drafts."""
        ids = projects.ids(uow, [value.project for value in values])
        return [
            {
                **common(
                    value, kind="CUSTOM_INTEGRATION", collection=self.kind.value, project_id=ids.get(value.project, "")
                ),
                "yaml": value.yaml,
                "status": DRAFT,
                "sourceVersion": value.source_version,
                "changeLog": "",
                "parentId": "",
            }
            for value in values
        ]

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> Integration:
        """A new draft; its YAML must be readable."""
        stamped = self.stamp(uow, person, project, name_of(ask.body, self.noun), ask.body)
        return Integration(**stamped, yaml=_checked(text(ask.body, "yaml")))

    def changed_value(
        self, uow: UnitOfWork, person: Person, ask: Act, old: Integration, *, partial: bool
    ) -> Integration:
        """The draft after a change; versions stay as they are."""
        return replace(
            old,
            name=name_of(ask.body, self.noun, old.name),
            description=text(ask.body, "description", old.description if partial else ""),
            tags=tags_of(ask.body, old.tags if partial else ()),
            yaml=_checked(text(ask.body, "yaml", old.yaml)),
        )

    def users_of(self, uow: Reading, value: Integration) -> list[str]:
        return uses.users_of_integration(uow, value.project, value.name)

    def after_change(
        self, uow: UnitOfWork, person: Person, before: Integration | None, after: Integration | None
    ) -> Integration | None:
        """Versions follow the name."""
        if before is not None and after is not None and before.name != after.name:
            integrations.rename_versions(uow, after.id, after.name)
        return after

    def add_version(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Keep the draft as a version, which is a draft itself until it is released."""
        integration = self.locate(uow, person, ask)
        self.demand_edit(uow, person, integration, "version")
        label = _label(text(ask.body, "version"))
        if INTEGRATION_VERSIONS.one(uow, integration_id=integration.id, label=label) is not None:
            raise refuse(
                Code.CONFLICT,
                f"custom integration {integration.name} already has version {label}",
                subject=integration.id,
                next_step="Choose another version.",
            )
        described = {**ask.body, "description": text(ask.body, "description", integration.description)}
        stamped = self.stamp(uow, person, integration.project, integration.name, described)
        version = IntegrationVersion(
            **{**stamped, "tags": list(integration.tags)},
            integration_id=integration.id,
            label=label,
            status=DRAFT,
            yaml=_checked(text(ask.body, "yaml")) if ask.options.get("imported") else integration.yaml,
            change_log=text(ask.body, "changeLog"),
        )
        INTEGRATION_VERSIONS.insert(uow, version)
        return self._told(uow, person, "version", None, version)

    def restore(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """The content of a version becomes the draft again; answers with the draft."""
        integration = self.locate(uow, person, ask)
        self.demand_edit(uow, person, integration, "restore")
        version = _version(uow, integration, str(ask.options.get("version") or ""))
        new = replace(integration, yaml=version.yaml, description=version.description, source_version=version.label)
        return self.save(uow, person, integration, new, "restore")

    def set_latest(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Mark a version as the one that tasks without a version take, or take the mark away."""
        before = self._editable(uow, person, ask, "change")
        after = replace(before, latest=flag(ask.body, "setLatest", False), updated_at=uow.now, updated_by=person.user)
        INTEGRATION_VERSIONS.update(uow, after)
        if after.latest:
            integrations.only_latest(uow, after)
        return self._told(uow, person, "patch", before, after)

    def set_status(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """The status that a file names, whatever it was."""
        before = self._editable(uow, person, ask, "import")
        after = replace(before, status=str(ask.options["status"]), updated_at=uow.now, updated_by=person.user)
        INTEGRATION_VERSIONS.update(uow, after)
        return self._told(uow, person, "import", before, after)

    def delete_version(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Remove a version that no pipeline names."""
        version = self._editable(uow, person, ask, "delete")
        users = uses.users_of_integration(uow, version.project, version.name, version.label)
        if users:
            raise refuse(
                Code.IN_USE,
                f"cannot delete version {version.label} of custom integration {version.name}: "
                f"{', '.join(users[:10])} use it",
                subject=version.id,
                next_step="Let them use another version, or withdraw this one.",
            )
        document = _shown(uow, version)
        self._demand_version_writable(uow, person, document, None)
        INTEGRATION_VERSIONS.delete(uow, id=version.id)
        audit.record(uow, person, "delete", self.kind, document, None)
        return Document(document=document)

    def _moving(self, verb: str) -> Callable[[UnitOfWork, Person, Act], Document]:
        def move(uow: UnitOfWork, person: Person, ask: Act) -> Document:
            before = self._editable(uow, person, ask, verb)
            after = replace(before, status=moved(before, verb), updated_at=uow.now, updated_by=person.user)
            INTEGRATION_VERSIONS.update(uow, after)
            return self._told(uow, person, verb, before, after)

        return move

    def _editable(self, uow: UnitOfWork, person: Person, ask: Act, doing: str) -> IntegrationVersion:
        integration = self.locate(uow, person, ask)
        self.demand_edit(uow, person, integration, doing)
        return _version(uow, integration, str(ask.options.get("version") or ""))

    def _told(
        self, uow: UnitOfWork, person: Person, verb: str, before: IntegrationVersion | None, after: IntegrationVersion
    ) -> Document:
        document = _shown(uow, after)
        shown_before = None if before is None else _shown(uow, before)
        self._demand_version_writable(uow, person, shown_before, document)
        audit.record(uow, person, verb, self.kind, shown_before, document)
        return Document(document=document)

    def _demand_version_writable(self, uow: Reading, person: Person, before: Json | None, after: Json | None) -> None:
        old, new = ({key: it[key] for key in _VERSION_FIELDS} if it else None for it in (before, after))
        read_only.demand_writable(uow, person, self.kind, "a version of custom integration", old, new)


def version_documents(uow: Reading, versions: Sequence[IntegrationVersion]) -> list[Json]:
    """Wire documents of versions."""
    ids = projects.ids(uow, [version.project for version in versions])
    collection = Kind.CUSTOM_INTEGRATIONS.value
    return [
        {
            **common(
                version, kind="CUSTOM_INTEGRATION", collection=collection, project_id=ids.get(version.project, "")
            ),
            "version": version.label,
            "yaml": version.yaml,
            "status": version.status,
            "latest": version.latest,
            "sourceVersion": "",
            "changeLog": version.change_log,
            "parentId": version.integration_id,
            "_link": f"{link(collection, version.integration_id)}/versions/{version.label}",
        }
        for version in versions
    ]


def _shown(uow: Reading, version: IntegrationVersion) -> Json:
    return version_documents(uow, [version])[0]


def _version(uow: Reading, integration: Integration, label: str) -> IntegrationVersion:
    version = INTEGRATION_VERSIONS.one(uow, integration_id=integration.id, label=label)
    if version is None:
        raise refuse(
            Code.NOT_FOUND,
            f"custom integration {integration.name} has no version {label}",
            subject=integration.id,
            next_step=f"Versions: GET /custom-integrations/{integration.id}/versions.",
        )
    return version


def _label(version: str) -> str:
    label = version.strip()
    if not label or len(label) > MAX_LABEL or any(ord(char) < 32 or char == "/" for char in label):
        raise refuse(
            Code.INVALID,
            f"version must be one line of 1 to {MAX_LABEL} characters without a slash, not {label[:50]!r}",
            subject="version",
        )
    return label


def _checked(yaml: str) -> str:
    _code(yaml)
    return yaml


def _code(yaml: str) -> IntegrationCode:
    try:
        return read_integration(yaml)
    except Malformed as error:
        raise refused(f"the custom integration cannot be read: {error}", error.flaws) from None
