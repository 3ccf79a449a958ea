"""Lists that are taken away as files."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from services.gateway.commands import files
from shared.contracts.catalog import Find, Kind, Page
from shared.contracts.envelope import Caller
from shared.contracts.problems import Refused

from .site import Site

P = "/codestream/api"


class Book:
    """Answers with this many lines, a page at a time."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.asked: list[Find] = []

    def find(self, _caller: Caller, ask: Find) -> Page:
        self.asked.append(ask)
        numbers = range(ask.skip, min(ask.skip + ask.top, self.rows))
        return Page(documents=tuple({"id": str(number), "user": "ann"} for number in numbers), total=self.rows)


def taken(book: Any, form: str, filter: str = "") -> str:
    return files.export(book, Caller(user="ann"), Kind.AUDIT, form, filter).text


@pytest.mark.parametrize("rows", [0, 1, files.PAGE, files.PAGE + 1, 3 * files.PAGE])
def test_a_file_holds_all_that_the_filter_finds_and_each_line_once(rows: int) -> None:
    lines = [json.loads(line)["id"] for line in taken(Book(rows), "json").splitlines()]
    assert lines == [str(number) for number in range(rows)]


def test_a_file_that_would_be_too_long_is_refused_rather_than_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_ROWS", files.PAGE)
    with pytest.raises(Refused, match="more than 500 rows"):
        taken(Book(files.PAGE + 1), "json")


def test_no_cell_is_run_as_a_formula(site: Site) -> None:
    site.pages["audit"] = Page(documents=({"user": "=cmd()", "name": 'a "b", c', "after": {"x": 1}},), total=1)
    answer = site.call("GET", f"{P}/audit?export=csv&$filter=user eq 'x'")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["user"], row["name"], row["after"], row["at"]) == ("'=cmd()", 'a "b", c', '{"x": 1}', "")
    assert answer.headers["Content-Disposition"] == "attachment; filename=audit.csv"
    assert site.asked[0].filter == "user eq 'x'"


def test_events_are_taken_away_too(site: Site) -> None:
    site.pages["registry-events"] = Page(documents=({"id": "e1", "tag": "1.0", "reason": "it matched"},), total=1)
    (row,) = csv.DictReader(io.StringIO(site.call("GET", f"{P}/registry-events?export=csv").text))
    assert (row["tag"], row["reason"]) == ("1.0", "it matched")


def test_another_form_is_refused_by_name(site: Site) -> None:
    answer = site.call("GET", f"{P}/audit?export=xlsx")
    assert answer.status_code == 400 and answer.get_json()["message"] == "export must be csv or json, not xlsx."
