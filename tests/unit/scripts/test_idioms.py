"""`scripts/idioms`: each rule finds what it is for and leaves ordinary English alone."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "idioms"


@pytest.fixture(scope="module")
def idioms() -> Any:
    spec = spec_from_loader("idioms", SourceFileLoader("idioms", str(SCRIPT)))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "text",
    [
        "The owner is told.",
        "Docker Hub is still to be told",
        "a row stands there",
        "the hook that stood in the way",
        "Whoever asks",
        "it acts as who created it",
        "starts anew",
        "What runs by our hand",
        "so long as it runs",
        "of its own accord",
        "then all goes on",
        "Port of the page; 8080 unless given.",
        "Wait at most so many seconds.",
        "A test delivery goes the whole way",
        "*Save* shows the card and, this once, the hook URL",
        "it goes on by itself",
        "there is no user X any more.",
        "'x' is no number of a run",
        "the file is there already",
        "No gateway process was heard of.",
        "Two things cannot be had",
        "Its last words: none",
        "and was broken off, so",
        "is worked off beside the others",
        "Hook URL, shown this once",
        "nobody can look, so it is not looked into",
        "The task met something it does not know",
    ],
)
def test_an_idiom_is_found(idioms: Any, text: str) -> None:
    assert [number for number, _, _ in idioms.findings(f"first line\n{text}\n")] == [2]


@pytest.mark.parametrize(
    "text",
    [
        "There is no such webhook, and it is no longer needed.",
        "how two failures are told apart",
        "so many runs that no further one may start",
        "a stand-in stands in for the registry; the flag stands for a tag that stands out",
        "standard, standalone, understands, outstanding",
        "are there any more than two?",
        "it is retried by hand",
        "the test `test_the_owner_is_told_at_once`",
    ],
)
def test_ordinary_english_is_left_alone(idioms: Any, text: str) -> None:
    assert list(idioms.findings(text)) == []


def test_every_exemption_names_a_file(idioms: Any) -> None:
    exempt = idioms.EXEMPT.read_text(encoding="utf-8").split()
    assert set(exempt) <= set(idioms.files()) and exempt == sorted(set(exempt))
