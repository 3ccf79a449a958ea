"""YAML files of definitions: they hold every kind, and come in and go out by the address of pipelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.config.catalog.pipelines import templates
from services.config.catalog.pipelines.documents import read_texts
from services.config.catalog.pipelines.from_template import fill, offered
from services.config.catalog.pipelines.resource import Pipelines
from services.config.catalog.pipelines.task_types import tiles
from services.config.model.people import Person
from services.config.resource import Resource
from services.config.store import Reading, UnitOfWork
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page

from .exporting import export
from .importing import parse_ahead, take_file


class PipelinesAndFiles:
    """The kind `pipelines`, and with it import, export and the catalogue of tasks, which belong to all kinds."""

    def __init__(self, pipelines: Pipelines, others: Mapping[Kind, Resource]) -> None:
        self.pipelines = pipelines
        self.resources: dict[Kind, Resource] = {**others, Kind.PIPELINES: pipelines}

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """Pipelines."""
        return self.pipelines.find(uow, person, ask)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """A pipeline; with `options.export` YAML of what `options.wanted` names, with `options.tiles` task types, with
        `options.templates` pipelines to fill in, with `options.template` one of them with its choices."""
        if ask.options.get("templates"):
            return Document(document={"templates": [entry.document() for entry in templates.templates().values()]})
        if name := ask.options.get("template"):
            return Document(document=offered(uow, person, str(name), dict(ask.options.get("answers") or {})))
        if ask.options.get("tiles"):
            return Document(document=tiles())
        if ask.options.get("export"):
            selection = dict(ask.options.get("wanted") or {})
            return Document(text=export(uow, person, self.resources, ask.project, selection))
        return self.pipelines.get(uow, person, ask)

    def prepare(self, uow: Reading, person: Person, ask: Act) -> Callable[[], Act]:
        """Parse the text, if there is one, so that no transaction waits for it."""

        def parsed() -> Act:
            if ask.text:
                (parse_ahead if ask.verb == "import" else read_texts)(ask.text)
            return ask

        return parsed

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """A change of a pipeline, an import, or a template filled in."""
        if ask.verb == "from-template":
            return fill(uow, person, self.pipelines, ask)
        if ask.verb == "import":
            return take_file(uow, person, self.resources, ask)
        return self.pipelines.act(uow, person, ask)
