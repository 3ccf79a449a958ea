"""How results are printed: tables for people, JSON, YAML or names for programs; colour and pager on terminals alone."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

import click

from .ending import colours
from .texts import CONTROLS, printable

FORMS = ("table", "wide", "json", "yaml", "name")
STYLES = {
    "COMPLETED": "green",
    "FAILED": "bold red",
    "RUNNING": "cyan",
    "WAITING": "yellow",
    "CANCELED": "magenta",
    "SKIPPED": "dim",
    "started": "green",
}
MICROS = 1_000_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, and what it shows of a document. `wide` ones need `-o wide`."""

    title: str
    show: Callable[[dict[str, Any]], object]
    wide: bool = False


def field(title: str, key: str, *, wide: bool = False) -> Column:
    """A column that shows one field."""
    return Column(title, lambda document: document.get(key), wide)


def age(title: str, key: str, *, wide: bool = False) -> Column:
    """A column that shows how long ago a time in microseconds was."""
    return Column(title, lambda document: ago(document.get(key)), wide)


def print_all(
    documents: Sequence[dict[str, Any]], columns: Sequence[Column], form: str, *, name: str = "name", empty: str = ""
) -> None:
    """Print a list. `name` is the field that `-o name` prints; `empty` is said where there is nothing."""
    if form == "json":
        click.echo(as_json(documents))
    elif form == "yaml":
        click.echo(as_yaml(list(documents)), nl=False)
    elif form == "name":
        for document in documents:
            click.echo(printable(str(document.get(name) or "")))
    elif documents:
        page(table(documents, columns, wide=form == "wide"))
    elif empty:
        click.echo(empty, err=True)


def print_one(
    document: dict[str, Any], columns: Sequence[Column], form: str, *, name: str = "name", more: str = ""
) -> None:
    """Print one object: its columns one below the other, and `more` after them."""
    if form == "json":
        click.echo(as_json(document))
    elif form == "yaml":
        click.echo(as_yaml(document), nl=False)
    elif form == "name":
        click.echo(printable(str(document.get(name) or "")))
    else:
        cells = [(column.title.lower(), cell(column.show(document))) for column in columns]
        width = max(len(title) for title, _ in cells)
        lines = [f"{title:<{width}}  {_styled(value)}" for title, value in cells if value]
        page("\n".join([*lines, *([more] if more else [])]) + "\n")


def as_json(document: Any) -> str:
    """JSON as people read it. What would steer a terminal can only be within a text, and is escaped there."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return CONTROLS.sub(lambda sign: f"\\u{ord(sign[0]):04x}", text)


def as_yaml(document: Any) -> str:
    """YAML in the order that the server has, as people read it."""
    import yaml

    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100))


def table(documents: Iterable[dict[str, Any]], columns: Sequence[Column], *, wide: bool = False) -> str:
    """Aligned columns; on a terminal the last one is cut at its edge."""
    from rich.cells import cell_len, set_cell_size

    used = [column for column in columns if wide or not column.wide]
    rows = [[column.title for column in used]]
    rows += [[cell(column.show(document)).replace("\n", " ") for column in used] for document in documents]
    widths = [max(cell_len(row[position]) for row in rows) for position in range(len(used))]
    edge = shutil.get_terminal_size().columns if sys.stdout.isatty() and not wide else 0
    lines = []
    for position, row in enumerate(rows):
        cells = [set_cell_size(text, width) for text, width in zip(row[:-1], widths[:-1], strict=True)]
        room = edge - sum(widths[:-1]) - 2 * len(cells)
        last = row[-1] if not edge or cell_len(row[-1]) <= room else set_cell_size(row[-1], max(room - 1, 1)) + "…"
        style = (lambda text: click.style(text, bold=True)) if position == 0 else _styled
        lines.append("  ".join([*(style(text) for text in cells), style(last)]).rstrip())
    return "\n".join(lines) + "\n"


def cell(value: object) -> str:
    """A value as a cell shows it: one line, no control characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return printable(", ".join(str(part) for part in value))
    return printable(str(value))


def _styled(text: str) -> str:
    style = STYLES.get(text.strip(), "")
    if not style:
        return text
    color = style.removeprefix("bold ")
    return click.style(text, dim=True) if style == "dim" else click.style(text, fg=color, bold="bold" in style)


def page(text: str) -> None:
    """Print; on a terminal that is lower than the text, through its pager."""
    if sys.stdout.isatty() and text.count("\n") >= shutil.get_terminal_size().lines:
        # Keeps colours and ends by itself where the text does fit.
        os.environ.setdefault("LESS", "FRX")
        click.echo_via_pager(text, color=colours(sys.stdout))
        return
    click.echo(text, nl=False, color=colours(sys.stdout))


def page_lines(lines: Iterator[str]) -> None:
    """The same of lines that come one after the other: only those are held that fit on the screen."""
    height = shutil.get_terminal_size().lines if sys.stdout.isatty() else 0
    first = list(islice(lines, height))
    if height and len(first) == height:
        os.environ.setdefault("LESS", "FRX")
        click.echo_via_pager((f"{line}\n" for line in chain(first, lines)), color=colours(sys.stdout))
        return
    for line in chain(first, lines):
        click.echo(line, color=colours(sys.stdout))


def micros_of(text: object) -> int:
    """A time that the server writes as text, in microseconds; 0 where there is none."""
    try:
        return int(datetime.fromisoformat(str(text or "")).timestamp() * MICROS)
    except (ValueError, OverflowError):
        return 0


def ago(micros: object) -> str:
    """`3 min ago`; empty where there is no time."""
    if not isinstance(micros, int) or micros <= 0:
        return ""
    return f"{length(time.time() - micros / MICROS)} ago"


def length(seconds: float) -> str:
    """A length of time in its largest unit."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def duration(micros: object) -> str:
    """How long something took: `1.2 s`, `3 min 20 s`; empty where it has not ended."""
    if not isinstance(micros, int) or micros <= 0:
        return ""
    seconds = micros / MICROS
    if seconds < 60:
        return f"{seconds:.1f} s"
    if seconds < 3_600:
        return f"{int(seconds // 60)} min {int(seconds % 60)} s"
    return f"{int(seconds // 3_600)} h {int(seconds % 3_600 // 60)} min"


def local_time(micros: object) -> str:
    """A time in the person's own zone, to the second."""
    if not isinstance(micros, int) or micros <= 0:
        return ""
    return datetime.fromtimestamp(micros / MICROS, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")
