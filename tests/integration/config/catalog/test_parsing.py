"""YAML is parsed before a write transaction begins: nobody waits for the text of another."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.catalog.pipelines.documents import _parsed
from shared.contracts.catalog import Kind
from shared.contracts.problems import Refused
from shared.grammar import documents, yaml_parser
from shared.grammar.export import to_yaml
from tests.integration.config.office import PIPELINE, Office

SECOND = {**PIPELINE, "name": "Second"}


@pytest.fixture
def watched(office: Office, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are parsed; fails where that happens within a transaction."""
    _parsed.cache_clear()
    texts: list[str] = []
    compose = yaml_parser.compose

    def watching(text: str) -> Any:
        assert not office.store.turns.is_taken, "parsed within a write transaction"
        texts.append(text)
        return compose(text)

    monkeypatch.setattr(documents, "compose", watching)
    return texts


def test_a_pipeline_is_parsed_once_and_before_its_transaction(office: Office, watched: list[str]) -> None:
    made = office.act(Kind.PIPELINES, "create", text=to_yaml(PIPELINE))
    office.act(Kind.PIPELINES, "replace", text=to_yaml({**PIPELINE, "description": "other"}), id=made["id"])
    assert len(watched) == 2


def test_an_import_is_parsed_before_its_transaction(office: Office, watched: list[str]) -> None:
    text = to_yaml(PIPELINE) + to_yaml(SECOND) + "---\nkind: VARIABLE\nname: v\nproject: default\nvalue: x\n"
    report = office.act(Kind.PIPELINES, "import", text=text)
    assert [one["status"] for one in report["objects"]] == ["CREATED"] * 3 and watched


def test_a_text_that_cannot_be_read_begins_no_transaction(office: Office, watched: list[str]) -> None:
    for verb in ("create", "import"):
        with pytest.raises(Refused, match="cannot be read"):
            office.act(Kind.PIPELINES, verb, text="a: &a [*a]")


def test_what_one_request_made_of_a_text_is_not_seen_by_the_next(office: Office) -> None:
    text = to_yaml(PIPELINE)
    first = office.act(Kind.PIPELINES, "create", text=text)
    second = office.act(Kind.PIPELINES, "create", {"name": "x"}, text=text.replace("Deploy web", "Other"))
    assert first["stages"] == second["stages"] and first["stages"] is not second["stages"]
