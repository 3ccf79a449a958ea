"""Which pushes of a Git server fit a Git webhook, however many files and filters there are."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.catalog.sources import judgement
from services.config.catalog.sources.judgement import fits
from services.config.model.definitions import GitWebhook


def webhook(**tree: Any) -> GitWebhook:
    common: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0, "created_by": "", "updated_by": ""}
    return GitWebhook(
        id="w", name="web", project="default", description="", tags=[], **common,
        endpoint="", pipeline="p", server_type="GIT", repo_name="acme/web", branch="main", secrets={}, tree=tree,
    )  # fmt: skip


def push(*files: str) -> dict[str, Any]:
    return {"targetBranch": "main", "repo": "web", "eventCategory": "PUSH", "files": list(files)}


def regex(value: str) -> dict[str, str]:
    return {"type": "REGEX", "value": value}


def test_a_file_among_the_inclusions_fits_and_one_among_the_exclusions_does_not() -> None:
    assert fits(webhook(inclusions=[regex(r"deploy/.*\.yaml")]), push("README", "deploy/web.yaml"))[0]
    assert not fits(webhook(inclusions=[regex(r"deploy/.*\.yaml")]), push("README"))[0]
    assert not fits(webhook(exclusions=[regex("docs/.*")], prioritizeExclusion=True), push("docs/a", "src/b"))[0]
    assert fits(webhook(exclusions=[regex("docs/.*")]), push("docs/a", "src/b"))[0]


def test_of_very_many_files_the_first_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def wants(pattern: str, name: str) -> bool:
        compared.append(name)
        return False

    monkeypatch.setattr(judgement, "wants", wants)
    filters = [regex(f"a{number}.*") for number in range(500)]
    fits(webhook(inclusions=filters), push(*(f"file{number}" for number in range(1_000))))
    assert len(compared) == judgement.MOST_COMPARED
