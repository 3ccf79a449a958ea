"""What the `portside` command says to a hasty hand, before anything is started."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from cli.__main__ import main as command
from shared.version import __version__


@pytest.fixture(autouse=True)
def _nothing_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "HOME", tmp_path)
    monkeypatch.setattr(main, "DEMO_HOME", tmp_path / "demo")
    for name in ("DATABASE_URL", "DATABASE_URL_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["system", "link"], "start Portside with: make up"),
        (["password"], "start Portside with: make up"),
        (["demo", "push"], "start one with: make demo"),
        (["system", "up", "--port", "99999"], "99999 is not in the range"),
        (["up", "--runners", "0"], "0 is not in the range"),
        (["demo", "--running", "http://127.0.0.1:8080"], "give all three, or none"),
        (["demo", "--chain", "--image", "acme/web:1.0"], "no real cluster can pull"),
        (["demo", "--kubeconfig", "/nowhere/config"], "does not exist"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_way_on(words: list[str], said: str) -> None:
    done = CliRunner().invoke(command, words)
    assert done.exit_code != 0 and said in " ".join(done.output.split())


def test_the_command_names_its_release() -> None:
    assert CliRunner().invoke(command, ["--version"]).output == f"portside, version {__version__}\n"


def test_a_port_that_was_asked_for_is_never_replaced(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = CliRunner().invoke(command, ["up", "--port", str(port)])
    assert done.exit_code == 1 and f"port {port} of 127.0.0.1: Address already in use" in " ".join(done.output.split())
    assert not (tmp_path / "keys").exists()
