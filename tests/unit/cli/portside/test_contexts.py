"""Contexts: one file that only its owner reads, and the environment in its place."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cli.portside import contexts
from cli.portside.contexts import Contexts, ServerContext
from cli.portside.ending import CommandFailed, ExitCode

PRODUCTION = ServerContext("production", "https://portside.example.com", "shop", "ann", "secret-token")
STAGING = ServerContext("staging", "https://staging.example.com", token="other-token")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("URL", "TOKEN", "CONTEXT", "PROJECT"):
        monkeypatch.delenv(f"PORTSIDE_{name}", raising=False)
    monkeypatch.setenv("PORTSIDE_CONFIG", str(tmp_path / "deep" / "contexts.json"))
    return tmp_path / "deep" / "contexts.json"


def test_what_is_written_is_read_and_only_its_owner_can(place: Path) -> None:
    contexts.write(Contexts().with_context(STAGING).with_context(PRODUCTION))
    assert stat.S_IMODE(place.stat().st_mode) == 0o600 and stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    stored = contexts.read()
    assert stored.current == "production" and dict(stored.by_name) == {"staging": STAGING, "production": PRODUCTION}
    assert [file.name for file in place.parent.iterdir()] == [place.name]


def test_no_token_shows_in_what_is_printed_of_a_context() -> None:
    assert "secret-token" not in repr(Contexts().with_context(PRODUCTION))


def test_the_named_context_and_project_come_before_the_current_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    contexts.write(Contexts().with_context(STAGING).with_context(PRODUCTION))
    assert contexts.chosen() == PRODUCTION
    assert contexts.chosen("staging").url == STAGING.url
    assert contexts.chosen(project="other").project == "other"
    monkeypatch.setenv("PORTSIDE_CONTEXT", "staging")
    assert contexts.chosen().name == "staging"


def test_a_build_needs_no_file(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    monkeypatch.setenv("PORTSIDE_URL", "https://portside.example.com/")
    monkeypatch.setenv("PORTSIDE_TOKEN", "of-a-build")
    monkeypatch.setenv("PORTSIDE_PROJECT", "shop")
    context = contexts.chosen()
    assert (context.url, context.token, context.project) == ("https://portside.example.com", "of-a-build", "shop")
    assert not place.exists()


@pytest.mark.parametrize(
    ("variable", "lacking"), [("PORTSIDE_URL", "PORTSIDE_TOKEN"), ("PORTSIDE_TOKEN", "PORTSIDE_URL")]
)
def test_half_of_the_environment_does_not_fall_back_to_what_somebody_is_signed_in_to(
    monkeypatch: pytest.MonkeyPatch, variable: str, lacking: str
) -> None:
    contexts.write(Contexts().with_context(STAGING))
    monkeypatch.setenv(variable, "https://portside.example.com")
    with pytest.raises(CommandFailed, match=f"{variable} is set and {lacking} is not"):
        contexts.chosen()
    assert contexts.chosen("staging").url == STAGING.url


def test_without_any_the_way_to_sign_in_is_named() -> None:
    with pytest.raises(CommandFailed, match="portside login") as failure:
        contexts.chosen()
    assert failure.value.exit_code is ExitCode.NOT_ALLOWED


def test_a_context_that_does_not_exist_names_those_that_do() -> None:
    contexts.write(Contexts().with_context(STAGING))
    with pytest.raises(CommandFailed, match="there are: staging"):
        contexts.chosen("nowhere")


@pytest.mark.parametrize("text", ["", "[]", '{"contexts": {"a": {"url": "x", "surprise": 1}}}', "[" * 100_000])
def test_a_file_that_is_not_one_of_contexts_ends_in_words(place: Path, text: str) -> None:
    place.parent.mkdir()
    place.write_text(text)
    with pytest.raises(CommandFailed, match="is not a file of contexts"):
        contexts.read()
