"""A template offered with its choices, and made into a pipeline by somebody's answers."""

from __future__ import annotations

from services.config.catalog.base import choose_project
from services.config.catalog.documents import demand_known, flag, table, text
from services.config.model.definitions import Endpoint
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions.endpoints import ENDPOINTS
from services.config.store.definitions.projects import PROJECTS
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document
from shared.contracts.problems import Code, Flaw, Problem, Refused
from shared.grammar.names import nearest

from . import templates
from .resource import Pipelines

MOST_CHOICES = 200


def offered(uow: Reading, person: Person, name: str, answers: Json) -> Json:
    """A template as a form draws it: projects in which the person may make pipelines, and, once one is chosen, its
    endpoints of each type."""
    document = templates.template(name).document()
    project = str(answers.get("project") or "")
    if project and not person.may(project, Right.READ):
        project = ""
    for question in document["questions"]:
        if question["kind"] == "project":
            names = [item.name for item in PROJECTS.all(uow, limit=MOST_CHOICES) if person.may(item.name, Right.EDIT)]
            question["choices"] = [_choice(item) for item in names]
        if question["kind"] == "endpoint" and project:
            question["choices"] = [_choice(item.name) for item in _endpoints(uow, project, question["endpointType"])]
    return document


def fill(uow: UnitOfWork, person: Person, pipelines: Pipelines, ask: Act) -> Document:
    """Make the pipeline of a template, enabled unless the body says otherwise; `_next` is what to make after it."""
    template = templates.template(ask.name)
    demand_known(ask.body, "template's body", {"answers", "enabled"}, {})
    answers = dict(table(ask.body, "answers"))
    demand_known(answers, f"template {template.name}", {question["name"] for question in template.questions}, {})
    answers["project"] = project = choose_project(uow, person, text(answers, "project"), "pipeline")
    tree, after = templates.filled(template, answers)
    _demand_endpoints(uow, template, project, answers)
    body = {**tree, "project": project, "enabled": flag(ask.body, "enabled", True)}
    act = Act(kind=ask.kind, verb="create", body=body, options={"keepEnabled": True})
    document = pipelines.create(uow, person, act).document
    webhook = {"webhook": {"project": project, **after["webhook"]}} if after.get("webhook") else {}
    return Document(document={**document, "_template": template.name, "_next": webhook})


def _demand_endpoints(uow: Reading, template: templates.Template, project: str, answers: Json) -> None:
    flaws = []
    for question in template.questions:
        if question["kind"] != "endpoint":
            continue
        answer, endpoint_type = str(answers.get(question["name"]) or ""), question["endpointType"]
        there = [endpoint.name for endpoint in _endpoints(uow, project, endpoint_type)]
        if answer not in there:
            near = nearest(answer, there)
            hint = f"did you mean {near}?" if near else f"there are: {', '.join(there[:10]) or 'none yet'}"
            message = f"{question['title']}: project {project} has no {endpoint_type} endpoint {answer}"
            flaws.append(Flaw(message=message, path=f"answers.{question['name']}", hint=hint))
    if flaws:
        message = "; ".join(flaw.message for flaw in flaws)
        raise Refused(Problem(code=Code.INVALID, message=message, subject=template.name, flaws=tuple(flaws)))


def _endpoints(uow: Reading, project: str, type_: str) -> list[Endpoint]:
    column = ENDPOINTS.column
    return ENDPOINTS.all(uow, column("project") == project, column("type") == type_)


def _choice(value: str) -> Json:
    return {"value": value, "title": value}
