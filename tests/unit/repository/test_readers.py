"""Every process reads what comes from outside by the two bounded parsers."""

from __future__ import annotations

import ast
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.gateway.receiver.parsers.recognition import unwrapped
from services.hubsync.answers import error_text
from services.runner.clients.http import TextReply
from services.runner.clients.registry.content import Raw
from services.runner.task_protocol import TaskFailed
from services.runner.tasks.image.manifests import blobs
from services.runner.tasks.k8s import manifests
from services.runner.tasks.ssh import _value
from shared.grammar.resolving import Scope, Unresolved, resolve

DEEP = "[" * 10_000 + "]" * 10_000
PUB_SUB = {"message": {"data": base64.b64encode(DEEP.encode()).decode()}}
ROOT = Path(__file__).parents[3]


def test_no_service_reads_json_past_the_parser() -> None:
    """ruff bans the libraries' functions; the methods of answers that parse are left for here."""
    files = [file for folder in ("services", "shared") for file in (ROOT / folder).rglob("*.py")]
    assert len(files) > 200
    past = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in files
        # Parsing the whole tree takes seconds; most files do not hold the words at all.
        if (text := file.read_text()) and (".json" in text or ".get_json" in text)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Attribute) and node.attr in ("json", "get_json")
    ]
    assert past == []


@pytest.mark.parametrize(
    ("read", "value"),
    [
        pytest.param(lambda: unwrapped(PUB_SUB), PUB_SUB, id="Pub/Sub"),
        pytest.param(lambda: error_text(DEEP), "[" * 199 + "…", id="Docker Hub"),
        pytest.param(lambda: TextReply(200, {}, DEEP).output["responseJson"], None, id="REST"),
        pytest.param(lambda: _value(DEEP), DEEP, id="SSH"),
    ],
)
def test_an_answer_beyond_the_bounds_is_not_json(read: Callable[[], Any], value: Any) -> None:
    assert read() == value


def test_an_image_manifest_beyond_the_bounds_fails_its_task() -> None:
    with pytest.raises(TaskFailed, match="is not a JSON object"):
        blobs(Raw("sha256:1", "application/json", DEEP.encode()))


def test_a_reference_into_a_text_beyond_the_bounds_names_nothing() -> None:
    with pytest.raises(Unresolved):
        resolve("${input.x.y}", Scope({"x": DEEP}))


@pytest.mark.parametrize("text", ["a: &a [*a]", DEEP, "x: !!int foo"])
def test_a_manifest_beyond_the_bounds_fails_its_task_with_its_place(text: str) -> None:
    with pytest.raises(TaskFailed, match=r"cannot be read at line 1, column \d+"):
        manifests.read(text)
