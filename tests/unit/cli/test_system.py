"""Where a person is sent to sign in, and what they read of a service's command that fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cli.ports import own_address
from cli.system import Layout, SetUpFailed, run_once


@pytest.mark.parametrize(
    ("host", "public_url", "page"),
    [
        ("127.0.0.1", "", "http://127.0.0.1:8080"),
        ("127.0.0.1", "https://cd.example.com", "http://127.0.0.1:8080"),
        ("0.0.0.0", "", f"http://{own_address()}:8080"),
        ("0.0.0.0", "https://cd.example.com", "https://cd.example.com"),
    ],
)
def test_the_page_is_named_as_whoever_may_reach_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, public_url: str, page: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", public_url)
    assert Layout(tmp_path, host, 8080, public_url or "http://127.0.0.1:8080").page_url == page


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (
            "Usage: python -m services.config restore SOURCE\n\nError: File '/a' does not exist.",
            "File '/a' does not exist.",
        ),
        ("Error: No password on standard input", "No password on standard input"),
        ("Traceback\nKeyError: 1", "`-c {code}` failed:\nTraceback\nKeyError: 1"),
    ],
)
def test_a_failure_is_the_commands_own_message(printed: str, words: str) -> None:
    code = f"import sys;sys.exit({printed!r})"
    with pytest.raises(SetUpFailed) as failure:
        run_once((sys.executable, "-c", code), {})
    assert str(failure.value) == words.replace("{code}", code)
