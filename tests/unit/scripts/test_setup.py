"""`scripts/setup`, as far as it can be tried without a network."""

from __future__ import annotations

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
