"""What a task of type Custom gets: the code of the version that it means."""

from __future__ import annotations

from services.config.catalog.documents import text
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.store import UnitOfWork
from services.config.store.definitions import integrations
from services.config.store.definitions.integrations import INTEGRATIONS
from shared.contracts.catalog import Act, Document
from shared.contracts.problems import Code, refuse
from shared.grammar.names import nearest

from .versions import USABLE


def resolve(uow: UnitOfWork, person: Person, ask: Act) -> Document:
    """The YAML of the version that a task names, or of the latest released one. Refuses what no task may run."""
    project, name, label = ask.project, ask.name, text(ask.body, "version").strip()
    person.demand(project, Right.READ, f"use custom integrations of {project}")
    version = integrations.runnable(uow, project, name, label)
    if version is None:
        names = INTEGRATIONS.names(uow, project)
        if name not in names:
            near = nearest(name, names)
            raise refuse(
                Code.NOT_FOUND,
                f"There is no custom integration {name} in project {project}",
                next_step=f"Did you mean {near}?" if near else "",
            )
        missing = f"no version {label}" if label else "no released version"
        raise refuse(
            Code.NOT_FOUND,
            f"Custom integration {name} has {missing}",
            next_step="Add a version and release it: POST …/versions, then …/versions/{version}/release.",
        )
    if version.status not in USABLE:
        raise refuse(
            Code.CONFLICT,
            f"Version {version.label} of custom integration {name} is {version.status}, and tasks run released ones",
            next_step="Release it, or let the task name another version.",
        )
    return Document(document={"name": name, "version": version.label, "status": version.status, "yaml": version.yaml})
