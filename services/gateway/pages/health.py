"""Health: every process and the broker, one line a trouble, with what to do about it."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from services.gateway.app_context import AppContext

from .common import demand_administrator, signed_in


def create_blueprint(parts: AppContext) -> Blueprint:
    """`/health`."""
    blueprint = Blueprint("health", __name__)
    session = signed_in(parts)

    @blueprint.get("/health")
    @session
    def health() -> str:
        demand_administrator(parts)
        drawn = render_template(
            "_health.html", lines=parts.wellbeing.lines(), broker=parts.look_at_broker(), settings=parts.settings
        )
        return drawn if request.headers.get("HX-Request") else render_template("health.html", drawn=drawn)

    return blueprint
