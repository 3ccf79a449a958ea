"""What people see. Each area is a module of top-level views and a table `ROUTES` of their addresses.

Areas: `sign_in`, `account` and `device` (a program that signs in); `executions`, `first_use` and `execution`;
`approvals`; `activity`; `pipelines`, `pipeline_editor`, `imports`, `templates`, `run_tags` (tags for a run by hand),
`chart_values` (those of a task's chart), `schedules`, `builds`; `webhooks`, `tokens`; `endpoints`; `variables`;
`deployments` (what clusters run); `projects`, `people`, `settings`, `queues`, `audit`, `health`, `notices`;
`api_reference`; `site` (the documentation, and which chapter is for which page). Beside them, mostly pure:
`execution_view` (a run as columns and bars), `log_lines` (a task's log), `outcomes` (what became of a push),
`questions` (what an approval decides), `pipeline_edits`, `pipeline_template` and `yaml_edit` (the editor's text),
`task_form`, `notification_form`, `webhook_form`, `queue_words`, `words` (values of the wire as people say them),
`setting_fields` (options by their titles) and `run_inputs`. Shared by all: `session` (who asks, and config asked as
them), `routing` (the tables as blueprints), `lists` (what a list's address asks of it), `selection` (acting on chosen
rows), `forms` (what forms that write have in common), `streams` (parts that follow events), `layout` (navigation,
fragments, errors), `toasts` (what was done is said, and taken back) and `formats` (values in words).

A page asks config exactly as the API does, as the signed-in user, and never the API itself. Forms carry a token of
their session; there is no inline script or style, so the content security policy can forbid them.
"""

from __future__ import annotations

from flask import Flask

from . import (
    account,
    activity,
    api_reference,
    approvals,
    audit,
    builds,
    chart_values,
    deployments,
    device,
    endpoints,
    execution,
    executions,
    first_use,
    health,
    imports,
    layout,
    notices,
    people,
    pipeline_editor,
    pipelines,
    projects,
    queues,
    run_tags,
    schedules,
    settings,
    sign_in,
    site,
    templates,
    tokens,
    variables,
    webhooks,
)
from .routing import blueprint

AREAS = (
    sign_in,
    account,
    device,
    executions,
    first_use,
    execution,
    approvals,
    activity,
    endpoints,
    pipeline_editor,
    imports,
    templates,
    pipelines,
    chart_values,
    run_tags,
    schedules,
    webhooks,
    tokens,
    variables,
    deployments,
    projects,
    people,
    settings,
    queues,
    audit,
    health,
    notices,
    api_reference,
    site,
    builds,
)


def register(app: Flask) -> None:
    """Add every area to the application, which keeps its `AppContext` among its extensions."""
    layout.prepare(app)
    for area in AREAS:
        app.register_blueprint(blueprint(area.__name__.rpartition(".")[2], area.ROUTES))
