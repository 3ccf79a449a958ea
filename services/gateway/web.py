"""The Flask application: API and pages, and what is true of every answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from flask import Flask, Response, request
from werkzeug.routing import Rule

from . import pages
from .api import encoded_slashes, openapi
from .api.blueprint import answer_error, create_blueprint, is_api
from .app_context import EXTENSION, AppContext
from .commands.texts import demand_keepable
from .compression import compress
from .metrics import ROUTE
from .pages import session
from .pages.layout import error_page
from .request_bodies import MAX_BODY

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # No address of ours leaves in a referrer: some hold one-time codes.
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
}


class LateRule(Rule):
    """A route whose address builders are compiled when an address is first built of it.

    Pages and API write their addresses out and build none: two builders for each of 800 routes are most of the time
    that an application takes to make.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compiled = cache(super()._compile_builder)

        def build(rule: Rule, /, **values: object) -> tuple[str, str]:
            return compiled(append_unknown)(rule, **values)

        return build


class _App(Flask):
    url_rule_class = LateRule


def create_app(context: AppContext) -> Flask:
    """Build the application of one worker."""
    app = _App(__name__, static_folder="static", static_url_path="/static", template_folder="templates")
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    app.extensions[EXTENSION] = context
    app.extensions["openapi"] = openapi.document
    app.register_blueprint(create_blueprint(context))
    pages.register(app)

    def before() -> None:
        request.environ[ROUTE] = request.url_rule.rule if request.url_rule is not None else ""
        demand_keepable([request.path, *request.args.items(multi=True)])
        # To read a form takes the body away from a call that sent JSON as a form, as `curl -d` does.
        if not is_api(request.path):
            session.identify()
            demand_keepable([*request.form.items(multi=True)])

    def on_error(error: Exception) -> Response:
        return answer_error(error) if is_api(request.path) else error_page(error)

    def after(response: Response) -> Response:
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        if not request.path.startswith("/static/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return compress(request, response)

    app.wsgi_app = encoded_slashes.keep_encoded_slashes(app.wsgi_app, is_api)  # type: ignore[method-assign]
    app.register_error_handler(Exception, on_error)
    app.before_request(before)
    app.after_request(after)
    return app
