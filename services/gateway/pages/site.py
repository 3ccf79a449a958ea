"""The documentation of the version that runs, as static files that `make site` built, under the pages' own policy."""

from __future__ import annotations

from pathlib import Path

from flask import Response, redirect, send_from_directory
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from shared.contracts.problems import Code, refuse

from . import session
from .routing import PageRoute

USUAL = Path(__file__).resolve().parents[3] / ".site"
"""Where `scripts/site` puts it: beside the packages, in a clone and in the image."""
HELP = {
    "/executions": "explanation/concepts.html",
    "/approvals": "how-to/approvals.html",
    "/pipelines": "reference/flow.html",
    "/pipelines/import": "how-to/move-from-code-stream.html",
    "/pipelines/templates": "how-to/start-from-a-template.html",
    "/live": "how-to/roll-back.html",
    "/activity": "how-to/find-out-why-a-push-was-not-deployed.html",
    "/webhooks": "how-to/reach-portside-from-docker-hub.html",
    "/endpoints": "how-to/connect-a-registry.html",
    "/variables": "reference/expressions.html",
    "/device": "how-to/sign-on.html",
    "/projects": "how-to/users-and-roles.html",
    "/people": "how-to/users-and-roles.html",
    "/notices": "how-to/operate.html",
    "/queues": "reference/queues.html",
    "/settings": "how-to/sign-on.html",
    "/audit": "explanation/security.html",
    "/health": "how-to/operate.html",
    "/schedules": "how-to/schedule.html",
    "/account": "how-to/users-and-roles.html",
    "/tokens": "how-to/rotate-keys-and-tokens.html",
    "/docs/api": "how-to/sign-in-with-cli-clients.html",
}
"""The chapter of each page, by the beginning of its address; the longest that fits counts."""


def chapter(path: str) -> str:
    """Where the help link of a page leads."""
    fitting = [start for start in HELP if path == start or path.startswith(f"{start}/")]
    return f"/docs/{HELP[max(fitting, key=len)] if fitting else 'index.html'}"


def start() -> AnyResponse:
    return redirect("/docs/index.html")


def file(path: str) -> Response:
    """A file of the site. Raises `Refused` where it was not built."""
    folder = Path(session.context().settings.site_folder or USUAL)
    if not (folder / "index.html").is_file():
        raise refuse(
            Code.NOT_FOUND,
            "The documentation was not built for this installation.",
            subject=str(folder),
            next_step="Build it with: make site",
        )
    try:
        response = send_from_directory(folder, path)
    except NotFound:
        raise refuse(Code.NOT_FOUND, f"The documentation has no page {path}.", next_step="Search it at /docs") from None
    # The next version has the same addresses.
    response.headers["Cache-Control"] = "no-cache"
    return response


ROUTES = (
    PageRoute("GET", "/docs", start, public=True),
    PageRoute("GET", "/docs/", start, public=True),
    PageRoute("GET", "/docs/<path:path>", file, public=True),
)
