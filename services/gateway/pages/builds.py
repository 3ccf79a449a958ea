"""How a build starts a pipeline and waits for its end, ready to be copied."""

from __future__ import annotations

from flask import Blueprint, render_template

from services.gateway.app_context import AppContext
from services.gateway.commands.snippets import snippets
from shared.contracts.catalog import Get, Kind

from .common import caller, signed_in

TITLES = (("shell", "Shell"), ("githubActions", "GitHub Actions"), ("gitlab", "GitLab CI"))


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/pipelines/<id>/build`."""
    blueprint = Blueprint("builds", __name__)

    @blueprint.get("/pipelines/<id>/build")
    @signed_in(parts)
    def page(id: str) -> str:
        pipeline = parts.desk.get(caller(), Get(kind=Kind.PIPELINES, id=id)).document
        known = parts.desk.get(caller(), Get(kind=Kind.SETTINGS)).document
        made = snippets(pipeline, str(known.get("publicUrl") or parts.settings.public_url))
        return render_template("builds.html", pipeline=pipeline, made=made, titles=TITLES)

    return blueprint
