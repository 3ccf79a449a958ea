"""What people see: one module per area, each registering its own addresses; `templates/base.html` has the navigation.

A page asks config exactly as the API does, as the signed-in user. Forms carry a token of their session; there is no
inline script or style, so the content security policy can forbid them.
"""

from __future__ import annotations

from flask import Flask, Response

from services.gateway.app_context import AppContext

from . import (
    activity,
    api_reference,
    approvals,
    audit,
    builds,
    common,
    deployments,
    endpoints,
    execution,
    executions,
    health,
    imports,
    people,
    pipeline_editor,
    pipelines,
    projects,
    queues,
    schedules,
    sign_in,
    templates,
    tokens,
    variables,
    webhooks,
)

AREAS = (
    sign_in,
    executions,
    execution,
    approvals,
    activity,
    endpoints,
    pipeline_editor,
    imports,
    templates,
    pipelines,
    schedules,
    webhooks,
    tokens,
    variables,
    deployments,
    projects,
    people,
    queues,
    audit,
    health,
    api_reference,
    builds,
)


def register(app: Flask, parts: AppContext) -> None:
    """Add every area to the application."""
    common.prepare(app, parts)
    for area in AREAS:
        app.register_blueprint(area.create_blueprint(parts))


def answer_error(error: Exception) -> Response:
    """A failure as a page."""
    return common.error_page(error)
