"""The commands of `python -m services.config`."""

from __future__ import annotations

import inspect

import click
import pytest

from services.config.__main__ import main


@pytest.mark.parametrize("command", main.commands.values(), ids=lambda command: command.name)
def test_a_command_takes_what_its_line_may_hold(command: click.Command) -> None:
    assert command.callback is not None
    assert {parameter.name for parameter in command.params} == set(inspect.signature(command.callback).parameters)
