"""What a terminal gets and a pipe does not: colour, and a pager for what is longer than the screen."""

from __future__ import annotations

import io
import os
import shutil

import click
import pytest

from cli.portside import ending, output

LINES = "\n".join(f"line {number}" for number in range(50)) + "\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was given to a pager, on a screen of 24 lines."""
    texts: list[str] = []
    monkeypatch.setenv("LESS", "FRX")
    monkeypatch.setattr(click, "echo_via_pager", lambda text, color: texts.append(text))
    monkeypatch.setattr(shutil, "get_terminal_size", lambda *_, **__: os.terminal_size((80, 24)))
    return texts


@pytest.mark.parametrize(
    ("stream", "variables", "coloured"),
    [
        (Terminal(), {"TERM": "xterm"}, True),
        (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_only_a_terminal_gets_colour_and_only_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, variables: dict[str, str], coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ending.colours(stream) is coloured


@pytest.mark.parametrize(
    ("stream", "text", "pages"),
    [(Terminal(), LINES, [LINES]), (Terminal(), "short\n", []), (io.StringIO(), LINES, [])],
)
def test_only_a_text_that_is_longer_than_the_terminal_goes_through_the_pager(
    monkeypatch: pytest.MonkeyPatch, paged: list[str], stream: io.StringIO, text: str, pages: list[str]
) -> None:
    monkeypatch.setattr("sys.stdout", stream)
    output.page(text)
    assert paged == pages
    assert stream.getvalue() == ("" if pages else text)
