"""Pipelines: stored as their authors wrote them, checked when saved, every version kept."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.config.catalog.base import Scoped, tags_of
from services.config.catalog.context import Context
from services.config.catalog.documents import READ_ONLY, common, flag, link, name_of, table, text
from services.config.catalog.references import resolve_for_run
from services.config.model.definitions import Pipeline, PipelineVersion
from services.config.model.people import Person
from services.config.model.triggers import RunnablePipeline
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import integrations, pipelines, projects, uses
from services.config.store.definitions.endpoints import ENDPOINTS, VARIABLES
from services.config.store.definitions.pipelines import PIPELINES, VERSIONS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number
from shared.contracts.times import wire_time
from shared.grammar.documents import Located
from shared.grammar.export import to_yaml
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import compile_plan
from shared.grammar.spec import IMPORTED

from . import documents as trees
from . import dry_run

STATES = ("ENABLED", "DISABLED", "RELEASED")
DEFAULT_CONCURRENCY = 10
_NOT_IN_FILES = READ_ONLY | {"enabled", "state"}


class Pipelines(Scoped[Pipeline]):
    """The kind `pipelines`."""

    kind = Kind.PIPELINES
    noun = "pipeline"
    table = PIPELINES

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.verbs |= {
            "restore": self.restore,
            "clone": self.clone,
            "tag": self.patch,
            "dry-run": self.dry_run,
        }

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page; with `parent` the versions of that pipeline, newest first."""
        if not ask.parent:
            return super().find(uow, person, ask)
        pipeline = self.locate(uow, person, Get(kind=self.kind, id=ask.parent))
        values, total = VERSIONS.page(uow, ask, VERSIONS.column("pipeline_id") == pipeline.id)
        return Page(documents=tuple(_version_document(value) for value in values), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One pipeline; `options.version` as it was then, `options.diff` [a, b] the difference of two versions."""
        pipeline = self.locate(uow, person, ask)
        diff = ask.options.get("diff")
        if isinstance(diff, list | tuple) and len(diff) == 2:
            old, new = (self._yaml_of_version(uow, pipeline, int(version_number)) for version_number in diff)
            before, after = (f"{pipeline.name} version {version_number}" for version_number in diff)
            lines = difflib.unified_diff(old.splitlines(), new.splitlines(), before, after, lineterm="")
            return Document(text="\n".join(lines) + "\n")
        if "version" in ask.options:
            version = _version(uow, pipeline, int(ask.options["version"]))
            return Document(document=_version_document(version), text=export_yaml(_as_of(pipeline, version)))
        return Document(document=self.document(uow, pipeline), text=export_yaml(pipeline))

    def documents(self, uow: Reading, values: Sequence[Pipeline]) -> list[Json]:
        """Wire documents, typed as strict clients demand."""
        ids = projects.ids(uow, [value.project for value in values])
        return [
            {
                **common(
                    value, kind="PIPELINE", collection=Kind.PIPELINES.value, project_id=ids.get(value.project, "")
                ),
                **trees.completed(value.tree),
                "enabled": value.state != "DISABLED",
                "state": value.state,
                "concurrency": value.concurrency,
                "_warnings": list(value.warnings),
            }
            for value in values
        ]

    def document(self, uow: Reading, value: Pipeline) -> Json:
        """One wire document, with warnings about what it refers to and what is not there."""
        document = self.documents(uow, [value])[0]
        names: dict[str, Sequence[str]] = {}

        def names_of(kind: str) -> Sequence[str]:
            if kind not in names:
                names[kind] = _NAMES[kind](uow, value.project)
            return names[kind]

        needs = pipelines.needs(uow, value.id)
        document["_warnings"] += trees.missing_needs(value.name, needs, names_of)
        if any(kind == "pipeline" for kind, _ in needs):

            def called(name: str) -> RunnablePipeline | None:
                return pipelines.pipeline_for_run(uow, value.project, name)

            document["_warnings"] += trees.unfit_inputs(value.name, read_pipeline(_tree(value)), called)
        return document

    def in_file(self, document: Json) -> Json:
        """All that its author wrote; whether it is enabled is switched while it is in use."""
        return {key: value for key, value in document.items() if key not in _NOT_IN_FILES}

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> Pipeline:
        """A new pipeline, disabled unless `options.keepEnabled` says to honour what the body says."""
        body, located = _body(ask)
        state = "DISABLED"
        if ask.options.get("keepEnabled"):
            state = _state_of(body, "ENABLED" if flag(body, "enabled", True) else "DISABLED")
        tree = trees.stored_body(body)
        # The mark is ours to set: it lets a run start that would be refused.
        marked = tree.pop(IMPORTED, False) and ask.options.get("cloned")
        if marked or (ask.options.get("imported") and trees.looks_exported(tree)):
            tree[IMPORTED] = True
        blank = Pipeline(
            **self.stamp(uow, person, project, name_of(body, self.noun), body),
            state=state,
            concurrency=DEFAULT_CONCURRENCY,
            tree={},
            warnings=[],
        )
        return _with_tree(blank, body, tree, located)

    def changed_value(self, uow: UnitOfWork, person: Person, ask: Act, old: Pipeline, *, partial: bool) -> Pipeline:
        """The pipeline after a change; a patch names fields of the top level."""
        body, located = _body(ask)
        new = replace(
            old,
            name=name_of(body, self.noun, old.name),
            description=text(body, "description", old.description if partial else ""),
            tags=tags_of(body, old.tags if partial else ()),
            state=_next_state(old, body),
        )
        new_fields = {key: item for key, item in trees.stored_body(body).items() if key != IMPORTED}
        if partial and not new_fields and "concurrency" not in body:
            return new
        tree = {**old.tree, **new_fields} if partial else new_fields
        if old.tree.get(IMPORTED) and "supersede" not in tree:
            tree[IMPORTED] = True
        return _with_tree(new, body, tree, located)

    def create(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """From JSON or, in `text`, YAML."""
        return super().create(uow, person, _with_text(ask))

    def change(self, uow: UnitOfWork, person: Person, ask: Act, *, partial: bool) -> Document:
        """From JSON or, in `text`, YAML."""
        return super().change(uow, person, _with_text(ask), partial=partial)

    def users_of(self, uow: Reading, value: Pipeline) -> list[str]:
        return uses.users_of_pipeline(uow, value.project, value.name, value.id)

    def after_change(
        self, uow: UnitOfWork, person: Person, before: Pipeline | None, after: Pipeline | None
    ) -> Pipeline | None:
        """Keep the version, and what it refers to."""
        if after is not None:
            pipelines.set_needs(uow, after, trees.needs_of(read_pipeline(_tree(after))))
            VERSIONS.insert(
                uow,
                PipelineVersion(
                    pipeline_id=after.id,
                    version=after.version,
                    at=uow.now,
                    by=person.user,
                    what=_what(before, after),
                    state=after.state,
                    tree=_tree(after),
                ),
            )
        return after

    def restore(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Make an earlier version the present one; the state stays as it is."""
        old = self.locate(uow, person, ask)
        self.demand_edit(uow, person, old, "restore")
        version = _version(uow, old, _number(ask.body, "version"))
        return self.save(uow, person, old, replace(_as_of(old, version), state=old.state), "restore")

    def clone(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """A disabled copy under another name."""
        old = self.locate(uow, person, ask)
        body = {**_tree(old), "name": text(ask.body, "name") or f"{old.name} copy"}
        return self.create(uow, person, Act(kind=self.kind, verb="create", body=body, options={"cloned": True}))

    def dry_run(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """What a run with these inputs would do, task by task; nothing is started or stored."""
        pipeline = self.locate(uow, person, ask)
        ready = pipelines.runnable(pipeline)
        plan = compile_plan(read_pipeline(ready.tree))
        endpoints, variables = resolve_for_run(uow, pipeline.project, plan, table(ask.body, "input"))
        preview = dry_run.preview(ready, plan, table(ask.body, "input"), person.user, sorted(endpoints), variables)
        return Document(document=preview)

    def _yaml_of_version(self, uow: Reading, pipeline: Pipeline, version_number: int) -> str:
        return export_yaml(_as_of(pipeline, _version(uow, pipeline, version_number)))


_NAMES: dict[str, Callable[[Reading, str], Sequence[str]]] = {
    "endpoint": ENDPOINTS.names,
    "variable": VARIABLES.names,
    "pipeline": PIPELINES.names,
    "integration": integrations.names,
}


def _with_text(ask: Act) -> Act:
    """The body of a YAML request; what the address says of the project wins where the text says nothing."""
    if not ask.text:
        return ask
    tree = trees.read_text(ask.text).tree
    moved = {"project": ask.options["project"]} if ask.options.get("project") else {}
    return ask.model_copy(update={"body": {**ask.body, **tree, **moved}})


def _body(ask: Act) -> tuple[Mapping[str, Any], Located | None]:
    return ask.body, trees.read_text(ask.text) if ask.text else None


def _with_tree(value: Pipeline, body: Mapping[str, Any], tree: Json, located: Located | None) -> Pipeline:
    """The value with a checked tree."""
    concurrency = body.get("concurrency")
    new = replace(value, tree=tree)
    whole = {**_tree(new), **({} if concurrency in (None, "") else {"concurrency": concurrency})}
    spec, warnings = trees.checked(whole, located)
    return replace(new, concurrency=spec.concurrency, warnings=warnings)


def _tree(value: Pipeline) -> Json:
    return pipelines.tree_of(value)


def export_yaml(value: Pipeline) -> str:
    """What is exported says how runs supersede each other, so that an import elsewhere means the same."""
    tree = {key: item for key, item in _tree(value).items() if key != IMPORTED}
    if "supersede" not in tree and not value.tree.get(IMPORTED):
        tree["supersede"] = trees.default_supersede()
    if value.state == "RELEASED":
        tree["state"] = value.state
    return to_yaml(tree)


def _state_of(body: Mapping[str, Any], default: str) -> str:
    state = text(body, "state", default).strip().upper() or default
    if state not in STATES:
        raise refuse(
            Code.INVALID,
            f"there is no pipeline state {state!r}",
            subject="state",
            next_step=f"Use one of: {', '.join(STATES)}.",
        )
    return state


def _next_state(old: Pipeline, body: Mapping[str, Any]) -> str:
    """The state after a body that may name it twice; whichever differs from what is there is what is meant."""
    was_enabled = old.state != "DISABLED"
    enabled = flag(body, "enabled", was_enabled)
    state = _state_of(body, old.state)
    if enabled != was_enabled and state == old.state:
        state = "ENABLED" if enabled else "DISABLED"
    if state == "RELEASED" and old.state == "DISABLED":
        raise refuse(
            Code.CONFLICT,
            f"pipeline {old.name} is disabled: only an enabled pipeline can be released",
            subject=old.id,
            next_step="Enable it first.",
        )
    return state


def _version(uow: Reading, pipeline: Pipeline, version_number: int) -> PipelineVersion:
    version = VERSIONS.one(uow, pipeline_id=pipeline.id, version=version_number)
    if version is None:
        raise refuse(Code.NOT_FOUND, f"pipeline {pipeline.name} has no version {version_number}", subject=pipeline.id)
    return version


def _as_of(pipeline: Pipeline, version: PipelineVersion) -> Pipeline:
    tree = version.tree
    return replace(
        pipeline,
        version=version.version,
        description=str(tree.get("description") or ""),
        tags=list(tree.get("tags") or []),
        concurrency=int(tree.get("concurrency") or DEFAULT_CONCURRENCY),
        state=version.state,
        tree=trees.stored_body(tree),
        warnings=trees.checked(tree, None)[1],
    )


def _what(before: Pipeline | None, after: Pipeline) -> str:
    if before is None:
        return "created"
    if (before.tree, before.concurrency) != (after.tree, after.concurrency):
        return "changed"
    return after.state.lower() if before.state != after.state else "described"


def _version_document(version: PipelineVersion) -> Json:
    return {
        "id": f"{version.pipeline_id}~{version.version}",
        "kind": "PIPELINE_VERSION",
        "version": str(version.version),
        "updatedAt": wire_time(version.at),
        "updatedBy": version.by,
        "what": version.what,
        "state": version.state,
        "pipeline": {key: value for key, value in version.tree.items() if key != IMPORTED},
        "_link": f"{link(Kind.PIPELINES.value, version.pipeline_id)}?version={version.version}",
    }


def _number(body: Mapping[str, Any], key: str) -> int:
    digits = text(body, key)
    value = whole_number(digits)
    if value is None:
        raise refuse(Code.INVALID, f"{key} must be a number, not {digits[:50] or 'absent'!r}", subject=key)
    return value
