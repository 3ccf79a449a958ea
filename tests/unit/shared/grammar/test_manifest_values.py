"""Values in manifests: whatever a value is, it adds no object and no field, and is read as kubectl reads a scalar."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.grammar.checks import examine_pipeline
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.manifest_values import alone_on_their_lines, fill_file, fill_input, fill_manifest
from shared.grammar.resolving import Scope, Unresolved
from shared.grammar.yaml_parser import parse_yaml
from tests.support.examples import share

TABLE = json.loads((Path(__file__).parent / "kubectl_scalars.json").read_text(encoding="utf-8"))
SECOND_OBJECT = "x\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: stolen}\n"
ATTACKS = [
    SECOND_OBJECT,
    "x\n...\n---\nkind: Secret",
    "x\n  privileged: true",
    "x\r\n  privileged: true",
    "x\u2028---\u2028kind: Secret",
    "x\x85privileged: true",
    "{privileged: true}",
    "[a, b]",
    '", privileged: "true',
    "', privileged: 'true",
    "x, privileged: true",
    "x: y",
    "x #",
    "# x",
    "- x",
    "-",
    "---",
    "...",
    "<<",
    "*anchor",
    "&anchor x",
    "!!int 5",
    "!evil x",
    "| \n  x",
    ">-",
    "%YAML 1.1",
    "? x",
    "`id`",
    "$(id)",
    "${var.other}",
    "$${X}",
    "\\",
    "\\n",
    "\t",
    " ",
    "@x",
    "\ufeffx",
    "\ue000" + "0" + "\ue000",
    "'",
    '"',
    "\x7f",
    "😀",
]
MANIFEST = """\
# deployed by ${input.x}
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
  labels: {app: web, by: ${input.x}, quoted: "by ${input.x}", single: 'by ${input.x}'}
  annotations:
    note: ${input.x}
    tagged: !!str ${input.x}
    anchored: &note by ${input.x}
    again: *note
data:
  literal: |
    first ${input.x}
    ${input.x}

  folded: >-
    first
    ${input.x}
    last
  lines: first ${input.x}
    and ${input.x}
  list: [a, ${input.x}, c]
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  ports:
  - name: ${input.x}
    port: 80
  - ${input.x}
"""


def shape(value: Any) -> Any:
    """What an order would change: objects, keys, and how long lists are."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else None


def filled(text: str, **inputs: Any) -> list[Any]:
    scope = Scope(inputs=inputs, variables={"fields": "a: 1\nb: 2", "env": "- name: A\n  value: b"})
    documents: list[Any] = parse_yaml(fill_input({"yaml": text}, scope).get("yaml", text), MANIFESTS)
    return documents


def check_shape_and_texts(value: str) -> None:
    plain = filled(MANIFEST, x="plain")
    documents = filled(MANIFEST, x=value)
    assert shape(documents) == shape(plain)
    (config, service) = documents
    assert config["metadata"]["labels"]["quoted"] == f"by {value}"
    assert config["metadata"]["labels"]["single"] == f"by {value}"
    assert config["metadata"]["annotations"]["tagged"] == value
    assert config["metadata"]["annotations"]["again"] == f"by {value}"
    assert config["data"]["literal"] == f"first {value}\n{value}\n"
    assert config["data"]["folded"] == f"first {value} last"
    assert config["data"]["lines"] == f"first {value} and {value}"
    places = (config["metadata"]["annotations"]["note"], config["data"]["list"][1], service["spec"]["ports"][0]["name"])
    for place in places:
        assert place == value or not isinstance(place, str)


@pytest.mark.parametrize("value", ATTACKS)
def test_no_attack_adds_an_object_or_a_field(value: str) -> None:
    check_shape_and_texts(value)


TEXTS = st.text(
    st.one_of(
        st.characters(codec="utf-8", exclude_characters="\0"),
        st.sampled_from("\n\r\t -#:{}[]'\"`$&*!|>%@,?\\\u2028\ue000"),
    ),
    max_size=40,
)


NO_NUMBER = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)


@settings(max_examples=share(300), deadline=None)
@given(TEXTS.filter(lambda text: not NO_NUMBER.fullmatch(text)))
def test_no_value_changes_the_set_of_objects_or_keys(value: str) -> None:
    check_shape_and_texts(value)


JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=share(200), deadline=None)
@given(JSON_VALUES.filter(lambda value: isinstance(value, dict | list)))
def test_a_lone_reference_may_be_a_list_or_a_map_and_is_just_that(value: Any) -> None:
    (document,) = filled("a: ${input.x}\nb: [${input.x}]\nc: 'in ${input.x}'\n", x=value)
    assert (document["a"], document["b"]) == (value, [value])
    assert document["c"] == "in " + json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_plain(scalar: str) -> bool:
    """Whether the table's scalar is one that YAML takes for a plain one, and not for a sign of its structure."""
    return (
        scalar not in ("", "-") and scalar == scalar.strip() and scalar[0] not in "'\"!|>&*#[{" and " #" not in scalar
    )


@pytest.mark.parametrize("scalar", [scalar for scalar in TABLE["values"] if is_plain(scalar)])
def test_a_plain_scalar_is_typed_as_kubectl_types_it(scalar: str) -> None:
    if TABLE["values"][scalar].get("refused"):
        with pytest.raises(Malformed):
            filled("value: ${input.x}\n", x=scalar)
        return
    assert filled("value: ${input.x}\n", x=scalar) == parse_yaml(f"value: {scalar}\n", MANIFESTS)
    assert filled("value: '${input.x}'\n", x=scalar) == [{"value": scalar}]


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("replicas: ${input.x}", 3, 3),
        ("replicas: ${input.x}", "3", 3),
        ("replicas: '${input.x}'", 3, "3"),
        ("mode: 0${input.x}", "644", 420),
        ("on: ${input.x}", "yes", True),
        ("v: ${input.x}", "-5", -5),
        ("v: ${input.x}", "", None),
        ("v: ${input.x}", None, None),
        ("v: ${input.x}", "12\n", "12\n"),
        ("v: a ${input.x}", "b\nc", "a b\nc"),
        ("image: acme/web:${input.x}", "1.4.1", "acme/web:1.4.1"),
        ("cmd: echo $${HOME} ${HOME} ${input.x}", "'", "echo ${HOME} ${HOME} '"),
    ],
)
def test_what_a_value_becomes(text: str, value: Any, expected: Any) -> None:
    (document,) = filled(text + "\n", x=value)
    assert list(document.values()) == [expected]


def test_a_key_stays_one_key() -> None:
    assert filled("${input.x}: 1\n", x="a: {b: 2}\nc") == [{"a: {b: 2}\nc": 1}]
    assert filled("a: {${input.x}: 1}\n", x="<<") == [{"a": {"<<": 1}}]
    assert filled("${input.x}: 1\n", x="on") == [{"true": 1}]
    with pytest.raises(Malformed, match="the key a is repeated"):
        filled("a: 1\n${input.x}: 2\n", x="a")
    with pytest.raises(Malformed, match="a key of more than 1024 characters"):
        filled("${input.x}: 2\n", x="é" * 1100)


def test_the_author_s_own_writing_is_kept_where_a_value_means_itself() -> None:
    text = "a: ${input.x}  # of ${input.x}\nb: |\n  run ${input.x} $${HOME}\nc: {d: '${input.x}'}\n"
    written = fill_input({"yaml": text}, Scope(inputs={"x": "acme/web:1.4.1"}))["yaml"]
    assert written == (
        "a: acme/web:1.4.1  # of ${input.x}\nb: |\n  run acme/web:1.4.1 ${HOME}\nc: {d: 'acme/web:1.4.1'}\n"
    )


def test_lines_stay_where_they_were() -> None:
    text = "a: |\n  one\n  ${input.x}\n\nb: 'x\n  ${input.x}'\nc: !!int foo\n"
    with pytest.raises(Malformed) as refused:
        filled(text, x="y\nz")
    assert refused.value.place == (7, 4)


def test_a_yaml_that_is_one_reference_alone_is_read_and_not_filled_again() -> None:
    manifest = "kind: ConfigMap\nname: ${input.other}\n"
    assert filled("\n${input.x}\n", x=manifest) == [{"kind": "ConfigMap", "name": "${input.other}"}]
    assert filled("${input.x}", x=[{"kind": "A"}, {"kind": "B"}]) == [{"kind": "A"}, {"kind": "B"}]
    assert filled("${input.x}", x={"kind": "A", "on": "on"}) == [{"kind": "A", "on": "on"}]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("metadata:\n  labels:\n    ${var.fields}\n", 3, 5),
        ("metadata:\n  name: web\n  ${var.fields}\nspec: {}\n", 3, 3),
        ("env:\n- name: B\n  value: c\n${var.env}\n", 4, 1),
        ("a: 1\n---\n${var.fields}\n", 3, 1),
    ],
)
def test_fields_from_a_value_are_reported_with_place_and_mend(text: str, line: int, column: int) -> None:
    with pytest.raises(Malformed) as refused:
        filled(text)
    assert refused.value.place == (line, column)
    assert "has a line for itself and its value is YAML text" in str(refused.value)
    assert "`references: text`" in str(refused.value)
    (reference,) = re.findall(r"\$\{[^}]*\}", text)
    assert alone_on_their_lines(text) == [reference]
    fields = {"action": "APPLY", "yaml": text}
    task = {"type": "K8S", "endpoints": {"kubernetesServer": "c"}, "input": fields}
    tree = {"name": "p", "stageOrder": ["S"], "stages": {"S": {"taskOrder": ["T"], "tasks": {"T": task}}}}
    (warning,) = examine_pipeline(tree).warnings
    assert reference in warning.message and "references: text" in (warning.hint or "")
    fields["references"] = "text"
    assert examine_pipeline(tree).warnings == []


@pytest.mark.parametrize(
    "text", ["a: ${var.fields}\n", "a: |\n  ${var.fields}\n", "- ${var.fields}\n", "${var.fields}\n"]
)
def test_what_stays_a_text_or_is_the_whole_manifest_is_not_reported(text: str) -> None:
    assert alone_on_their_lines(text) == []
    filled(text)


def test_references_as_text_are_for_variables_alone() -> None:
    text = "metadata:\n  ${var.fields}\n  note: ${input.x}\n"
    scope = Scope(inputs={"x": SECOND_OBJECT}, variables={"fields": "a: 1\n  b: '${input.x}'"})
    written = {"yaml": text, "references": "text"}
    (document,) = parse_yaml(fill_input(written, scope)["yaml"], MANIFESTS)
    assert document["metadata"] == {"a": 1, "b": "${input.x}", "note": SECOND_OBJECT}
    with pytest.raises(Malformed, match="has a line for itself"):
        fill_input({"yaml": "a:\n  ${input.x}\n", "references": "text"}, Scope(inputs={"x": "b: 1"}))


def test_parameters_of_a_file_from_git_are_filled_and_nothing_else_is() -> None:
    text = "image: $${REGISTRY}/web:$${TAG}\nname: ${HOME} $$5\n"
    assert fill_file(text, {"REGISTRY": "ghcr.io/acme", "TAG": 3}) == "image: ghcr.io/acme/web:3\nname: ${HOME} $$5\n"
    (document,) = parse_yaml(fill_file("image: web:$${TAG}\n", {"TAG": SECOND_OBJECT}), MANIFESTS)
    assert document == {"image": f"web:{SECOND_OBJECT}"}


def test_a_parameter_that_is_not_given_is_named_with_the_nearest() -> None:
    with pytest.raises(Unresolved, match="did you mean") as error:
        fill_file("a: $${REGISTRI}", {"REGISTRY": "x"})
    assert error.value.nearest == "REGISTRY"


def test_a_patch_obeys_the_same_rules() -> None:
    scope = Scope(inputs={"x": "1, privileged: true"})
    patch = fill_input({"patch": "spec: {replicas: ${input.x}}"}, scope)["patch"]
    assert parse_yaml(patch, MANIFESTS) == [{"spec": {"replicas": "1, privileged: true"}}]
    assert fill_input({"patch": "${input.x}"}, Scope(inputs={"x": {"spec": {}}})) == {"patch": {"spec": {}}}


def test_a_text_with_every_private_character_is_refused() -> None:
    every = "".join(map(chr, range(0xE000, 0xF900)))
    with pytest.raises(Malformed, match="private use"):
        fill_manifest(f"a: '{every}'\nb: ${{x}}\n", lambda _: "y")
