"""The types of parameters, whether they stand in a path or in a query: one table for all routes. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from shared.contracts.problems import Code, refuse
from shared.contracts.texts import whole_number

NUMBERS = frozenset({"after", "from", "index", "to", "version"})
"""Whole numbers of at most nine digits. `wire.find` reads and bounds those of a page (`$top`, `$skip`, `page` …)."""


def demand_typed(*tables: Mapping[str, str]) -> None:
    """Refuse anything but a number where one belongs; what is blank is absent. Raises `Refused`."""
    for name, text in ((name, text) for table in tables for name, text in table.items() if name in NUMBERS):
        if text and whole_number(text) is None:
            raise refuse(Code.INVALID, f"{name} must be a whole number, not {text[:50]!r}.", subject=name)
