"""A task's log as a page shows it: numbered lines with their time, a terminal's colours, and a search. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.contracts.base import Json
from shared.contracts.texts import whole_number

LINES = 400
"""That one answer shows: with their numbers and links some 60 KB."""
_ESCAPE = re.compile(r"\x1b(?:\[([0-9;:]*)([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])|[\x00-\x08\x0b-\x1f\x7f]")
"""Control sequences of ECMA-48, of which those that end in `m` set colours; and what no terminal shows."""
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line; `number` counts from 1, `micros` is when its part arrived, `parts` are texts with their classes."""

    number: int
    micros: int
    parts: tuple[tuple[str, str], ...]

    @property
    def text(self) -> str:
        """What it says, without colours."""
        return "".join(text for _, text in self.parts)


def read(chunks: Iterable[Json]) -> list[LogLine]:
    """The lines of chunks in order; a chunk that overlaps the one before it adds only what is new."""
    lines: list[LogLine] = []
    end = 0
    for chunk in chunks:
        first, texts = int(chunk.get("firstLine") or 0), list(chunk.get("lines") or ())
        fresh = texts[max(0, end - first) :]
        start = first + len(texts) - len(fresh)
        micros = int(chunk.get("at") or 0)
        lines += [LogLine(start + place + 1, micros, coloured(str(text))) for place, text in enumerate(fresh)]
        end = max(end, first + len(texts))
    return lines


def gap_before(lines: Sequence[LogLine], place: int) -> int:
    """How many lines before this one are not stored."""
    return lines[place].number - lines[place - 1].number - 1 if place else 0


def matching(lines: Iterable[LogLine], query: str) -> list[LogLine]:
    """The lines that hold the text, in capitals or not."""
    wanted_text = query.lower()
    return [line for line in lines if wanted_text in line.text.lower()]


def coloured(text: str) -> tuple[tuple[str, str], ...]:
    """A line as parts of one colour each; what only moves a cursor is left out."""
    parts: list[tuple[str, str]] = []
    colour, bold, position = "", False, 0
    for escape in _ESCAPE.finditer(text):
        if escape.start() > position:
            parts.append((_classes(colour, bold=bold), text[position : escape.start()]))
        position = escape.end()
        if escape[2] == "m":
            colour, bold = _styled(escape[1], colour, bold=bold)
    if position < len(text):
        parts.append((_classes(colour, bold=bold), text[position:]))
    return tuple(parts)


def _styled(codes: str, colour: str, *, bold: bool) -> tuple[str, bool]:
    """Colour and weight after an `m` sequence; 256 colours and true colours change nothing."""
    for code in (whole_number(digits) or 0 for digits in re.split("[;:]", codes)):
        if code in (38, 48):
            return colour, bold
        if code == 0:
            colour, bold = "", False
        elif code == 1:
            bold = True
        elif code == 22:
            bold = False
        elif code == 39:
            colour = ""
        elif 30 <= code <= 37 or 90 <= code <= 97:
            colour = _COLOURS[code % 10]
    return colour, bold


def _classes(colour: str, *, bold: bool) -> str:
    return " ".join([*([f"ansi-{colour}"] if colour else []), *(["strong"] if bold else [])])
