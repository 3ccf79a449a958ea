"""`--watch`: the same output again whenever it differs."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout

import click

EVERY_S = 2.0


def repeat(show: Callable[[], None], *, watch: bool) -> None:
    """Print once; with `watch` until Ctrl-C, on a terminal in the same place, elsewhere one after the other."""
    if not watch:
        show()
        return
    last_text = None
    while True:
        text = _captured(show)
        if text != last_text:
            if sys.stdout.isatty():
                click.clear()
            click.echo(text, nl=False)
            last_text = text
        time.sleep(EVERY_S)


def _captured(show: Callable[[], None]) -> str:
    buffer = io.StringIO()
    with redirect_stdout(buffer):
        show()
    return buffer.getvalue()
