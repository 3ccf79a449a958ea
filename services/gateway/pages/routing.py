"""A page's address as a row of a table, and the rows of one area as Flask's blueprint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask import Blueprint

from . import session

View = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class PageRoute:
    """One method of one address, and the view that answers it."""

    method: str
    rule: str
    view: View
    public: bool = False
    """Answers without a session."""


def blueprint(area: str, routes: Iterable[PageRoute]) -> Blueprint:
    """An area's routes; those that are not public need a session, and forms a token of it."""
    pages = Blueprint(area, __name__)
    for route in routes:
        pages.add_url_rule(
            route.rule,
            endpoint=f"{route.method} {route.view.__name__}",
            view_func=route.view if route.public else session.guarded(route.view),
            methods=[route.method],
        )
    return pages
