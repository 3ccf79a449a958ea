"""YAML with the place of everything: what is read, what is refused and where, and that writing gives the same back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.bounds import MAX_TEXT_BYTES
from shared.grammar.documents import load_yaml
from shared.grammar.export import to_yaml
from shared.grammar.malformed import Malformed
from tests.support.examples import share

TEXT = """---
kind: PIPELINE
name: Deploy web
stages:
  Dev:
    tasks:
      Apply: {type: K8S, input: {yaml: "a ${input.x}"}}
      Run:
        input:
          script: |
            echo one
            echo ${Dev.Apply.output.x}
          folded: >
            some words
            and ${var.token}
---
kind: ENDPOINT
---
"""


def test_every_document_is_read_and_blank_ones_are_left_out() -> None:
    assert [document.tree["kind"] for document in load_yaml(TEXT)] == ["PIPELINE", "ENDPOINT"]
    assert [document.number for document in load_yaml(f"---\n{TEXT}")] == [1, 2]
    assert load_yaml("") == []
    assert load_yaml("---\n---\n# nothing\n") == []


@pytest.mark.parametrize(
    ("path", "needle", "place"),
    [
        (("kind",), "", (2, 1)),
        (("stages", "Dev"), "", (5, 3)),
        (("stages", "Dev", "tasks", "Apply", "input", "yaml"), "", (7, 34)),
        (("stages", "Dev", "tasks", "Apply", "input", "yaml"), "${input.x}", (7, 43)),
        (("stages", "Dev", "tasks", "Run", "input", "script"), "${Dev.Apply.output.x}", (12, 18)),
        (("stages", "Dev", "tasks", "Run", "input", "folded"), "${var.token}", (15, 17)),
        (("stages", "Dev", "tasks", "Run", "input", "absent", "deeper"), "", (9, 9)),
        (("absent",), "", (2, 1)),
    ],
)
def test_a_part_has_its_line_and_column(path: tuple[str, ...], needle: str, place: tuple[int, int]) -> None:
    assert load_yaml(TEXT)[0].position(path, needle) == place


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key a is repeated here (first on line 1)"),
        ("a: [1, 2\nb: 3", 2, 2, "not valid YAML"),
        ("a:\n\t- b", 2, 1, "not valid YAML"),
        ("a: 'x", 1, 6, "not valid YAML"),
        ("a: *nope", 1, 4, "undefined alias"),
        ("- 1\n- 2", 1, 1, "a document must be a map"),
        ("just words", 1, 1, "a document must be a map"),
        ("é: ä\nx: \x01", 2, 4, "the character #x0001 is not allowed"),
        ("a: !!python/object:os.system x", 1, 4, "is not supported"),
        ("a: &x {b: 1}\nc: {<<: *x}", 2, 5, "merge keys"),
        ('a: 1\nb: ["\\0"]', 2, 5, "cannot be kept"),
        ('"\\x00": 1', 1, 1, "cannot be kept"),
        ("a: .nan", 1, 4, "not a number that JSON knows"),
        ("? [a, b]\n: c", 1, 3, "a key must be a plain text"),
        ("a: " + "[" * 5000, 1, 63, "nested deeper than 60"),
        ("a: &a [*a]", 1, 8, "is inside what it repeats"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    text: str, line: int | None, column: int | None, message: str
) -> None:
    with pytest.raises(Malformed) as error:
        load_yaml(text)
    flaw = error.value.flaws[0]
    assert (flaw.line, flaw.column) == (line, column)
    assert message in flaw.message


def test_a_question_mark_may_end_a_text() -> None:
    assert [one.tree for one in load_yaml("{a: b?}")] == [{"a": "b?"}]


def test_all_repeated_keys_of_all_documents_are_told_at_once() -> None:
    with pytest.raises(Malformed) as error:
        load_yaml("a: 1\na: 2\nb: {c: 1, c: 2}\n---\nd: 1\nd: 2\n")
    assert [flaw.path for flaw in error.value.flaws] == ["a", "b.c", "d"]


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 8)]
    with pytest.raises(Malformed, match="larger than 100,000 nodes"):
        load_yaml("\n".join(lines))


def test_a_text_beyond_the_limit_is_refused() -> None:
    with pytest.raises(Malformed, match="larger than 8 MiB"):
        load_yaml("a: " + "x" * MAX_TEXT_BYTES)


def test_dates_and_times_of_day_stay_texts() -> None:
    (document,) = load_yaml("day: 2026-05-03\ntime: 12:30\nanswer: yes\nnumber: 1.50\nalias: &x v\nagain: *x\n")
    assert document.tree == {
        "day": "2026-05-03",
        "time": "12:30",
        "answer": True,
        "number": 1.5,
        "alias": "v",
        "again": "v",
    }


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=share(40), deadline=None)
@given(
    st.dictionaries(
        _text.filter(lambda key: key != "" and not key.startswith("_") and key not in ("id", "version")), _json
    )
)
def test_what_is_written_reads_back_the_same(tree: dict[str, Any]) -> None:
    (document,) = load_yaml(to_yaml(tree))
    assert document.tree == tree


def test_a_pipeline_is_written_in_the_order_of_an_export() -> None:
    tree = {
        "stages": {
            "Dev": {"tasks": {"A": {"input": {"script": "one\ntwo\n"}, "x": 1, "type": "SSH"}}, "taskOrder": ["A"]}
        },
        "id": "1",
        "_link": "/x",
        "mine": 1,
        "stageOrder": ["Dev"],
        "name": "n",
        "kind": "PIPELINE",
        "project": "p",
        "_inputMeta": {},
        "input": {"a": "1"},
    }
    assert (
        to_yaml(tree)
        == """---
project: p
kind: PIPELINE
name: n
input:
  a: '1'
_inputMeta: {}
stageOrder:
- Dev
stages:
  Dev:
    taskOrder:
    - A
    tasks:
      A:
        type: SSH
        input:
          script: |
            one
            two
        x: 1
mine: 1
"""
    )
