"""`scripts/setup`, as far as it can be tried without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "setup"


@pytest.fixture
def setup() -> Any:
    spec = spec_from_loader("setup_script", SourceFileLoader("setup_script", str(SCRIPT)))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_download_that_fails_ends_in_a_sentence_and_no_traceback(setup: Any) -> None:
    with pytest.raises(SystemExit, match=r"`false sync …` failed(.|\n)*HTTPS_PROXY(.|\n)*the same command"):
        setup.fetch(["/bin/false", "sync"])


def test_what_pip_prints_is_shown_only_where_it_fails(setup: Any, capfd: pytest.CaptureFixture[str]) -> None:
    setup.fetch(["/bin/sh", "-c", "echo WARNING: nothing to worry about; echo downloaded >&2"])
    assert capfd.readouterr() == ("", "")
    with pytest.raises(SystemExit):
        setup.fetch(["/bin/sh", "-c", "echo no route to host >&2; exit 1"])
    assert capfd.readouterr() == ("", "no route to host\n")


def test_packages_are_fetched_by_the_certificates_that_the_machine_trusts(
    setup: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.delenv("UV_SYSTEM_CERTS", raising=False)
    monkeypatch.setattr(setup, "VENV", tmp_path)
    monkeypatch.setattr(setup, "works", lambda *_: True)
    monkeypatch.setattr(setup, "fetch", lambda command, env: asked.append((command, env)))
    for name in ("python", "pip", "uv"):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "bin" / name).touch()
    setup.sync(dev=False)
    monkeypatch.setenv("UV_SYSTEM_CERTS", "false")
    (tmp_path / ".portside-lock").unlink()
    setup.sync(dev=False)
    assert [env["UV_SYSTEM_CERTS"] for _, env in asked] == ["true", "false"]
    assert asked[0][0][1] == "sync"


@pytest.fixture
def half(setup: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """An environment whose making was interrupted while pip wrote uv; and the downloads that follow."""
    commands: list[list[str]] = []
    monkeypatch.setattr(setup, "VENV", tmp_path)
    monkeypatch.setattr(setup, "fetch", lambda command, _env=None: commands.append([str(part) for part in command]))
    (tmp_path / "bin").mkdir()
    for name in ("python", "pip"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\nexit 0\n")
        (tmp_path / "bin" / name).chmod(0o755)
    (tmp_path / "bin" / "uv").write_bytes(b"half of a program")
    return commands


def test_a_program_that_was_half_written_is_fetched_again(setup: Any, half: list[list[str]]) -> None:
    setup.sync(dev=False)
    assert [command[1] for command in half] == ["-m", "sync"] and "--ignore-installed" in half[0]


def test_packages_that_were_half_written_are_written_again(
    setup: Any, half: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(command: list[str], _env: object = None) -> None:
        if "sync" in command:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(setup, "fetch", interrupted)
        with pytest.raises(KeyboardInterrupt):
            setup.sync(dev=False)
    setup.sync(dev=False)
    (setup.VENV / ".portside-lock").unlink()
    setup.sync(dev=False)
    assert ["--reinstall" in command for command in half if "sync" in command] == [True, False]


@pytest.mark.parametrize("name", ["setup", "site", "programs"])
def test_ctrl_c_ends_a_script_in_a_sentence(name: str, tmp_path: Path) -> None:
    """Interrupted at the first thing that it asks of the machine, whatever that is."""
    (tmp_path / "sitecustomize.py").write_text(
        "import argparse, shutil, hashlib\n"
        "def stop(*_, **__): raise KeyboardInterrupt\n"
        "argparse.ArgumentParser.parse_args = hashlib.sha256 = stop\n"
    )
    done = subprocess.run(
        [sys.executable, str(SCRIPT.with_name(name))], env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, f"\n{name}: stopped; the same command continues\n")
