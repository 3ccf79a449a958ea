"""The tags that a run by hand can start with: those of the repositories whose webhooks start the pipeline."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import render_template, request

from services.gateway.commands.inspection import TagToRun, tags_to_run
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Get, Kind
from shared.contracts.problems import Refused
from shared.grammar.inputs import docker_inputs

from . import session
from .formats import quoted
from .routing import PageRoute
from .run_inputs import FIELD

MOST_WEBHOOKS = 20


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag of the list; `fields` are the inputs that choosing it fills in, as JSON."""

    tag: TagToRun
    fields: str


def tags(id: str) -> str:
    """The last tags of one repository, the registry asked now; a refusal is part of the page."""
    pipeline = session.get(Get(kind=Kind.PIPELINES, id=id)).document
    webhooks = sources_of(pipeline)
    chosen = request.args.get("webhook", "")
    webhook = next((row for row in webhooks if row["id"] == chosen), webhooks[0] if webhooks else None)
    rows: list[TagRow] = []
    problem = None
    if webhook is not None:
        try:
            rows = [_row(tag, pipeline) for tag in _tags_of(webhook)]
        except Refused as refused:
            problem = refused.problem
    return render_template(
        "_pipelines_tags.html", pipeline=pipeline, webhooks=webhooks, webhook=webhook, rows=rows, problem=problem
    )


def sources_of(pipeline: Json) -> list[Json]:
    """The webhooks that start a pipeline and whose repository is known, one for each repository."""
    where = f"project eq {quoted(str(pipeline.get('project')))} and pipeline eq {quoted(str(pipeline.get('name')))}"
    ask = Find(kind=Kind.WEBHOOKS, filter=where, orderby="name asc", top=MOST_WEBHOOKS)
    webhooks = [webhook for webhook in session.find(ask).documents if webhook.get("endpoint")]
    named = [webhook for webhook in webhooks if webhook.get("repository") and not webhook.get("wholeNamespace")]
    return list({(webhook["endpoint"], webhook["repository"]): webhook for webhook in reversed(named)}.values())[::-1]


def _tags_of(webhook: Json) -> tuple[TagToRun, ...]:
    endpoint, repo_name = str(webhook.get("endpoint")), str(webhook.get("repoName") or "")
    return tags_to_run(
        session.context().config, session.caller(), str(webhook.get("project") or ""), endpoint, repo_name
    )


def _row(tag: TagToRun, pipeline: Json) -> TagRow:
    inputs = pipeline.get("input") or {}
    values = {FIELD + name: value for name, value in docker_inputs(tag.push).items() if name in inputs}
    return TagRow(tag, json.dumps(values))


ROUTES = (PageRoute("GET", "/pipelines/<id>/tags", tags),)
