"""What a push says before it becomes inputs: whatever a hook claims, an input is a name, a digest, a time or blank."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.pushes import Push
from shared.grammar.inputs import docker_inputs
from shared.grammar.push_facts import impossible

DIGEST = "sha256:" + "a" * 64
ORDERS = [
    "x\n---\nkind: Secret",
    "$(id)",
    "`id`",
    "a b",
    "'",
    '"',
    "a;b",
    "${var.x}",
    "a\u2028b",
    "\u202etxt",
    "é",
    "-x",
]


def push(**facts: Any) -> Push:
    names = {"registry_host": "docker.io", "repository": "acme/web", "tag": "1.4.1", "digest": DIGEST}
    return Push(provider="generic", **{**names, **facts})


@pytest.mark.parametrize("noun", ["repository", "tag", "registry", "digest"])
@pytest.mark.parametrize("name", ORDERS)
def test_an_order_is_no_name(noun: str, name: str) -> None:
    field = "registry_host" if noun == "registry" else noun
    assert impossible(push(**{field: name})).endswith(f"as the name of a {noun}.")


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"repository": "library/busybox", "tag": "latest", "digest": None},
        {"registry_host": "ghcr.io", "repository": "acme/team/web-app__x.y", "tag": "v1.4.1-rc.1_2"},
        {"registry_host": "127.0.0.1:5000", "tag": None},
        {"registry_host": "[::1]:5000"},
        {"registry_host": "my_registry:5000", "digest": "sha512:" + "b" * 128},
        {"registry_host": "123456789012.dkr.ecr.eu-central-1.amazonaws.com"},
    ],
)
def test_what_registries_take_is_possible(facts: dict[str, Any]) -> None:
    assert impossible(push(**facts)) == ""


@pytest.mark.parametrize("repository", ["Acme/web", "acme//web", "/acme", "acme/", "acme/..", "a" * 256])
def test_what_no_registry_takes_is_not(repository: str) -> None:
    assert impossible(push(repository=repository)) != ""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ann", "ann"),
        ("Ann O'Hara <ann@example.com>", "Ann O'Hara <ann@example.com>"),
        ("ann\n---\nkind: Secret", ""),
        ("ann\u2028x", ""),
        ("\u202enna", ""),
        ("a" * 256, ""),
        (None, ""),
    ],
)
def test_a_pusher_is_one_line_or_blank(name: str | None, expected: str) -> None:
    assert docker_inputs(push(pusher=name))["DOCKER_EVENT_OWNER_NAME"] == expected


@pytest.mark.parametrize("moment", [math.inf, math.nan, -1.0, 0.0, 1e18])
def test_a_time_that_no_calendar_has_is_blank(moment: float) -> None:
    assert docker_inputs(push(pushed_at=moment))["DOCKER_PUSHED_AT"] == ""


TEXTS = st.text(max_size=40)


@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, st.floats(), st.lists(TEXTS, max_size=4))
def test_what_becomes_an_input_is_of_its_grammar(
    host: str, repository: str, tag: str, digest: str, pusher: str, pushed_at: float, tags: list[str]
) -> None:
    claimed = push(
        registry_host=host, repository=repository, tag=tag, digest=digest, pusher=pusher, pushed_at=pushed_at
    )
    if impossible(claimed):
        return
    inputs = docker_inputs(claimed, tags)
    assert inputs.pop("DOCKER_EVENT_OWNER_NAME").isprintable()
    assert all(re.fullmatch(r"[A-Za-z0-9._:/@+,=\[\]-]*", value, re.ASCII) for value in inputs.values())
