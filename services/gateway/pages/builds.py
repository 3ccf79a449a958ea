"""How a build starts a pipeline and waits for its end, ready to be copied."""

from __future__ import annotations

from flask import render_template

from services.gateway.commands.snippets import snippets
from shared.contracts.catalog import Get, Kind

from . import session
from .routing import PageRoute

TITLES = (("shell", "Shell"), ("githubActions", "GitHub Actions"), ("gitlab", "GitLab CI"), ("jenkins", "Jenkins"))


def page(id: str) -> str:
    pipeline = session.get(Get(kind=Kind.PIPELINES, id=id)).document
    texts = snippets(pipeline, session.context().public_address.in_force())
    return render_template("builds.html", pipeline=pipeline, made=texts, titles=TITLES)


ROUTES = (PageRoute("GET", "/pipelines/<id>/build", page),)
