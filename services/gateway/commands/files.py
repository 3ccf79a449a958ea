"""Lists as files: all that a filter finds, as CSV for spreadsheets or as one JSON object a line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from services.gateway.config_client import ConfigClient
from shared.contracts.base import Json
from shared.contracts.catalog import Find, Kind
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, refuse

PAGE = 500
MAX_ROWS = 100_000
COLUMNS: dict[Kind, tuple[str, ...]] = {
    Kind.AUDIT: ("at", "user", "action", "objectKind", "project", "name", "objectId", "before", "after"),
    Kind.EVENTS: (
        "createdAt", "project", "webhook", "imageName", "tag", "digest", "owner", "verdict", "reason", "pipeline",
        "executionIndex", "executionStatus", "executionLink", "message", "deliveryId", "id",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A whole list, to be saved by its reader."""

    text: str
    content_type: str
    filename: str

    @property
    def headers(self) -> dict[str, str]:
        """Makes a browser save it."""
        return {"Content-Disposition": f"attachment; filename={self.filename}"}


def export(config: ConfigClient, caller: Caller, kind: Kind, form: str, filter: str) -> ExportedFile:
    """All that a filter finds, as a file. Raises `Refused` for an unknown form and for too many rows."""
    if form.lower() not in _FORMS:
        raise refuse(Code.INVALID, f"export must be {' or '.join(_FORMS)}, not {form[:20]}.", subject="export")
    write, content_type = _FORMS[form.lower()]
    text = write(COLUMNS[kind], _all(config, caller, kind, filter))
    return ExportedFile(text, content_type, f"{kind.value}.{form.lower()}")


def as_csv(columns: Sequence[str], rows: Iterator[Json]) -> str:
    """The columns that people read; a spreadsheet would run a cell that begins like a formula, so none does."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def as_lines(_columns: Sequence[str], rows: Iterator[Json]) -> str:
    """Every field, one object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


_FORMS: dict[str, tuple[Callable[[Sequence[str], Iterator[Json]], str], str]] = {
    "csv": (as_csv, "text/csv;charset=UTF-8"),
    "json": (as_lines, "application/x-ndjson"),
}


def _all(config: ConfigClient, caller: Caller, kind: Kind, filter: str) -> Iterator[Json]:
    # Oldest first: what is added meanwhile comes behind and moves no page.
    ask = Find(kind=kind, filter=filter, orderby="_createTimeInMicros asc", top=PAGE)
    for skip in range(0, MAX_ROWS, PAGE):
        page = config.find(caller, ask.model_copy(update={"skip": skip}))
        yield from page.documents
        if len(page.documents) < PAGE:
            return
    raise refuse(
        Code.INVALID,
        f"The filter matches more than {MAX_ROWS:,} rows.",
        subject="$filter",
        next_step="Narrow it by time, for example _createTimeInMicros ge 1767225600000000.",
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
