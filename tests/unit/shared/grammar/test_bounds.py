"""The bounds of everything from outside: what is refused, where, how fast, and that real documents are within."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from shared.contracts.bounds import (
    MAX_DEPTH,
    MAX_DOCUMENT_NODES,
    MAX_TEXT_NODES,
    TOO_MANY_NODES,
    excess,
    is_within,
    size_of,
)
from shared.grammar.dialects import MANIFESTS, PIPELINES, Dialect
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import compose, parse_one_yaml, parse_yaml

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
)
MERGE_BOMB = "\n".join(
    ["a0: &a0 {k: v}"] + [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 10)]
)


def nested(levels: int) -> str:
    """A list in a list, as YAML and JSON alike."""
    return "[" * levels + "]" * levels


def crd(nodes: int, depth: int, name: str) -> str:
    """A definition as long and as deep as a real one: schemas within schemas, fields beside one another at each."""
    lines = ["apiVersion: apiextensions.k8s.io/v1", "kind: CustomResourceDefinition", f"metadata: {{name: {name}}}"]
    left = (nodes - 9 - 2 * depth) // 2
    for level in range(depth - 1):
        fields = left // (depth - 1) if level else left - (depth - 2) * (left // (depth - 1))
        lines += [f"{'  ' * level}field{number}: text" for number in range(fields)]
        lines.append(f"{'  ' * level}properties:")
    return "\n".join([*lines, "  " * (depth - 1) + "last: one"])


@pytest.mark.parametrize("dialect", [PIPELINES, MANIFESTS], ids=["pipelines", "manifests"])
@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: &a [*a]", (1, 8), "the alias *a is inside what it repeats"),
        ("a: &a {b: [x, *a]}", (1, 15), "is inside what it repeats"),
        ("- &a [&b [*a, *b]]", (1, 11), "is inside what it repeats"),
        (BOMB, (5, 45), "larger than 100,000 nodes"),
        (MERGE_BOMB, (6, 20), "larger than 100,000 nodes"),
        (nested(61), (1, 61), "nested deeper than 60 levels"),
        (nested(100_000), (1, 61), "nested deeper than 60 levels"),
        ("a: &a " + nested(30) + "\nb: " + "[" * 31 + "*a" + "]" * 31, (2, 35), "nested deeper than 60 levels"),
        ("x: 1\na: !!int foo", (2, 4), "foo is no int"),
        ("a: !!int ''", (1, 4), "is no int"),
        ("a: !!bool maybe", (1, 4), "maybe is no bool"),
        ("a: !!float x", (1, 4), "x is no float"),
        ("a: " + "9" * 5_000, (1, 4), "a number of more than 300 characters"),
        ("a: 0x" + "f" * 100_000, (1, 4), "a number of more than 300 characters"),
        ("a: .inf", (1, 4), "not a number that JSON knows"),
        ("a: {b: 1, b: 2}", (1, 11), "is repeated here"),
    ],
)
def test_yaml_beyond_a_bound_is_refused_with_its_place(
    dialect: Dialect, text: str, place: tuple[int, int], message: str
) -> None:
    begin = time.monotonic()
    with pytest.raises(Malformed) as error:
        parse_yaml(text, dialect)
    assert message in error.value.flaws[0].message
    assert error.value.place == place
    assert time.monotonic() - begin < 10


def test_a_date_that_no_calendar_has_is_refused_in_a_pipeline_and_a_text_in_a_manifest() -> None:
    with pytest.raises(Malformed, match="2001-99-99 is no timestamp") as error:
        parse_yaml("a: 2001-99-99")
    assert error.value.place == (1, 4)
    assert parse_one_yaml("a: 2001-99-99", MANIFESTS) == {"a": "2001-99-99"}


def test_a_number_past_a_double_is_refused_in_a_pipeline_and_a_text_in_a_manifest() -> None:
    with pytest.raises(Malformed, match="not a number that JSON knows"):
        parse_yaml("a: 1.0e+999")
    assert parse_one_yaml("a: 1.0e+999", MANIFESTS) == {"a": "1.0e+999"}


def test_an_alias_within_the_bounds_repeats_its_node() -> None:
    assert parse_one_yaml("a: &a {b: [1]}\nc: [*a, *a]") == {"a": {"b": [1]}, "c": [{"b": [1]}, {"b": [1]}]}


def test_a_manifest_merges_maps_and_its_own_keys_count_first() -> None:
    text = "base: &a {x: 1, w: 2}\nmore: &b {x: 9, z: 3}\nall: {<<: [*a, *b], w: 0}\n1: one\ntrue: yes"
    tree = parse_one_yaml(text, MANIFESTS)
    assert tree["all"] == {"x": 1, "w": 0, "z": 3}
    assert (tree["1"], tree["true"]) == ("one", True)


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([(91_557, 27)], id="all of kube-prometheus in one document"),
        pytest.param([(46_056, 36), (46_056, 36), (18_317, 36)], id="KubeRay"),
    ],
)
@pytest.mark.slow
def test_definitions_of_the_size_of_real_ones_are_read(sizes: list[tuple[int, int]]) -> None:
    text = "\n---\n".join(crd(nodes, depth, f"d{index}") for index, (nodes, depth) in enumerate(sizes))
    for dialect in (PIPELINES, MANIFESTS):
        documents = parse_yaml(text, dialect)
        assert [document["metadata"]["name"] for document in documents] == [f"d{n}" for n in range(len(sizes))]
    assert parse_json(json.dumps(documents)) == documents


@pytest.mark.slow
def test_a_text_is_bounded_over_all_its_documents() -> None:
    document = "[" + "x, " * 99_000 + "]"
    assert len(compose("\n---\n".join([document] * 5))) == 5
    with pytest.raises(Malformed, match="larger than 500,000 nodes in all its documents"):
        compose("\n---\n".join([document] * 6))


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (nested(61), (1, 61), "nested deeper than 60 levels"),
        ('{"a": "[[[[",\n' + '"b": ' + nested(60) + "}", (2, 65), "nested deeper than 60 levels"),
        ("[" * 200_000, (1, 61), "nested deeper than 60 levels"),
        ('{"a":\n  1e999}', (2, 3), "1e999 is larger than any number that can be kept"),
        ('["1e999",\n 1e999]', (2, 2), "larger than any number"),
        ('["NaN", NaN]', (1, 9), "NaN is not a JSON value"),
        ("[" + "1" * 5_000 + "]", (1, 2), "a number of more than 300 characters"),
        ("[0." + "1" * 5_000 + "]", (1, 2), "a number of more than 300 characters"),
        ("[" + "0," * MAX_TEXT_NODES + "0]", (1, 1), "larger than 500,000 nodes"),
    ],
)
def test_json_beyond_a_bound_is_refused_with_its_place(text: str, place: tuple[int, int], message: str) -> None:
    with pytest.raises(Malformed) as error:
        parse_json(text)
    assert message in error.value.flaws[0].message
    assert error.value.place == place


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (json.loads(nested(MAX_DEPTH)), ""),
        (json.loads(nested(MAX_DEPTH + 1)), "nested deeper than 60 levels"),
        ([0] * (MAX_DOCUMENT_NODES - 1), ""),
        ([0] * MAX_DOCUMENT_NODES, TOO_MANY_NODES),
        (
            {str(n): n for n in range(MAX_DOCUMENT_NODES // 2)},
            "larger than 100,000 nodes (what an alias repeats counts again)",
        ),
    ],
)
def test_a_value_is_measured(value: Any, reason: str) -> None:
    assert excess(value) == reason


def test_a_value_that_holds_itself_is_too_deep() -> None:
    value: list[Any] = []
    value.append(value)
    assert excess(value) == "nested deeper than 60 levels"


@pytest.mark.parametrize(
    ("value", "within"),
    [
        ({"name": "web", "tags": ["a", "b"], "input": {"count": 1.5, "on": True, "none": None}}, True),
        (json.loads(nested(MAX_DEPTH)), True),
        (json.loads(nested(MAX_DEPTH + 1)), False),
        (json.loads(nested(300)), False),
        ("x" * 998, True),
        ("x" * 999, False),
        ("half of a pair: \ud800", False),
    ],
)
def test_what_is_surely_within_its_bounds_is_recognised_at_one_look(value: Any, within: bool) -> None:
    assert is_within(value, 1_000) is within
    if within:
        assert not excess(value) and size_of(value) <= 1_000


def test_one_look_never_takes_more_nodes_or_levels_than_are_allowed() -> None:
    assert not is_within([0] * MAX_DOCUMENT_NODES, 10_000_000)
    assert not is_within({"a": {"b": {}}}, 1_000, max_depth=2)
    assert is_within({"a": {"b": {}}}, 1_000, max_depth=3)
