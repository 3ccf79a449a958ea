"""The map of the code names only what is there."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from services.config import tables
from services.config.tables import catalog, ledger, machinery
from services.config.tables.base import Base
from shared.contracts.topics import TOPICS

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "development" / "architecture.md").read_text(encoding="utf-8")
assert tables and catalog and ledger and machinery


def paths_of(page: str) -> set[str]:
    """Whatever is in backticks and looks like a path of the tree."""
    return set(re.findall(r"`((?:services|shared|cli|demo|tests|docs|bench|\.ci)(?:/[\w./*-]*)?|Makefile)`", page))


def test_the_page_names_many_paths() -> None:
    assert len(paths_of(PAGE)) > 40


@pytest.mark.parametrize("path", sorted(paths_of(PAGE)))
def test_every_path_leads_somewhere(path: str) -> None:
    assert list(ROOT.glob(path)), f"docs/development/architecture.md names {path}"


def test_the_walk_of_a_push_names_topics_queues_and_tables_that_exist() -> None:
    walk = PAGE.partition("sequenceDiagram")[2].partition("```")[0]
    messages = " ".join(re.findall(r"\w+--?>>\w+: (.*)", walk))
    dotted = set(re.findall(r"\b[a-z]+\.[a-z][a-z.-]*[a-z](?:\.v\d)?\b", messages)) - {"task.started"}
    known = {topic.name for topic in TOPICS} | {queue.name for topic in TOPICS for queue in topic.queues}
    assert len(dotted) > 12 and dotted <= known, dotted - known
    writes = re.findall(r"C->>D: (.*)", walk)
    written = {
        word for write in writes for word in re.findall(r"\b[a-z]+_?[a-z]+s\b", re.sub(r"\(.*?\)|outbox:.*", "", write))
    }
    assert len(written) > 6 and written <= set(Base.metadata.tables), written - set(Base.metadata.tables)


def checked_height(service: str, package: str) -> int:
    """The number of the layer, from the top, in which import-linter has the package."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    (layers,) = [
        contract["layers"]
        for contract in contracts
        if contract["type"] == "layers"
        and (
            contract.get("containers") == [f"services.{service}"]
            or f"{service}.{package}" in " ".join(contract["layers"])
        )
    ]
    names = [{name.rpartition(".")[2] for name in layer.split(" | ")} for layer in layers]
    (height,) = [height for height, layer in enumerate(names) if package in layer]
    return height


@pytest.mark.parametrize("service", ["config", "runner", "gateway", "hubsync", "shared"])
def test_the_layers_are_those_that_are_checked(service: str) -> None:
    (row,) = re.findall(rf"^\| {service} \| (`.*`) \|$", PAGE, re.MULTILINE)
    heights = [{checked_height(service, name) for name in re.findall(r"`(\w+)`", floor)} for floor in row.split("→")]
    assert [len(floor) for floor in heights] == [1] * len(heights), "neighbours are in one layer"
    order = [min(floor) for floor in heights]
    assert order == sorted(set(order))
