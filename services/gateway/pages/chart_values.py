"""The values of the chart that a task names, beside its form, and those of them that hold the pushed image."""

from __future__ import annotations

import json

from flask import request

from services.gateway.commands.inspection import chart
from shared.contracts.base import Json
from shared.contracts.problems import Refused
from shared.grammar.documents import load_yaml
from shared.grammar.export import plain_yaml
from shared.grammar.malformed import Malformed
from shared.grammar.task_schemas import TASK_SCHEMAS

from . import session, task_form
from .forms import field
from .layout import piece
from .pipeline_editor import written
from .routing import PageRoute

_ROLES = ("scm", "charts")
_VALUES = task_form.INPUT + "values"


def show() -> str:
    """The chart, read now; a refusal is part of the page."""
    tree = _tree()
    task = task_form.read(TASK_SCHEMAS["K8S"], {"type": "K8S"}, request.form)
    inputs = tree.get("input")
    options = {**task["input"], "image": str((inputs if isinstance(inputs, dict) else {}).get("DOCKER_IMAGE") or "")}
    roles = {role: field(task_form.ENDPOINT + role) for role in _ROLES}
    project = str(tree.get("project") or "default")
    try:
        chart_view = chart(session.context().config, session.caller(), project, roles, options)
    except Refused as refused:
        return piece("_pipelines_chart.html", problem=refused.problem, chart={}, rows=[])
    return piece(
        "_pipelines_chart.html", problem=None, chart=chart_view, rows=[_row(image) for image in chart_view["images"]]
    )


def _row(image: Json) -> Json:
    """A place that holds an image, with what its button fills in, as JSON: the task's values with the pushed image."""
    filled_in = plain_yaml(image["filledIn"]).rstrip("\n")
    return {**image, "fills": json.dumps({_VALUES: filled_in}), "text": plain_yaml(image["values"]).rstrip("\n")}


def _tree() -> Json:
    try:
        tree = load_yaml(written())[0].tree
    except (Malformed, IndexError):
        return {}
    return tree if isinstance(tree, dict) else {}


ROUTES = (PageRoute("POST", "/pipelines/chart", show),)
