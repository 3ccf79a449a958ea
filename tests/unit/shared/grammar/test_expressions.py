"""`${…}`: what references name, what they become, and what is said of one that names nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.runs import Started
from shared.grammar.cutting import CUT_MARK
from shared.grammar.expressions import parse_steps, references
from shared.grammar.resolving import Scope, Unresolved, about_run, resolve, resolve_known
from tests.support.examples import share

RUN: Scope = Scope(
    inputs={
        "n": 3,
        "on": True,
        "none": None,
        "list": [1, {"a": "b"}],
        "TAG": "1.4.1",
        "app.name": "web",
        "evil": "${var.pw}",
    },
    variables={"api-token": "t0k", "pw": "secret"},
    tasks={
        "Dev Stage": {
            "Get-It now": {
                "status": "COMPLETED",
                "message": "done",
                "input": {"URL": "http://example.com"},
                "output": {
                    "responseBody": '{"content": [{"id": "x1"}]}',
                    "labels": {"app.kubernetes.io/name": "web"},
                    "big": {CUT_MARK: 300_000},
                    "text": "plain",
                },
            },
            "Later": {"status": "NOT_STARTED", "input": {}, "output": {}},
        },
        "v1.2": {"Task.a": {"status": "FAILED", "output": {"status": "own"}}},
    },
    about={"name": "Deploy web", "executionIndex": 7},
    outputs={"url": "http://web.example.com"},
)


@pytest.mark.parametrize(
    ("written", "becomes"),
    [
        ("${input.n}", 3),
        (" ${input.n}\n", 3),
        ("${ input.n }", 3),
        ("n=${input.n}", "n=3"),
        ("${input.n}${input.n}", "33"),
        ("${input.on}", True),
        ("on: ${input.on}, none: ${input.none}", "on: true, none: null"),
        ("${input.list}", [1, {"a": "b"}]),
        ("list ${input.list}", 'list [1,{"a":"b"}]'),
        ("${input.list[1].a}", "b"),
        ("${input.list.1.a}", "b"),
        ("${input.list[-1]['a']}", "b"),
        ("${input.app.name}", "web"),
        ("${var.api-token}", "t0k"),
        ("${output.url}", "http://web.example.com"),
        ("${Dev Stage.Get-It now.status}", "COMPLETED"),
        ("${Dev Stage.Get-It now.output.status}", "COMPLETED"),
        ("${Dev Stage.Get-It now.message}", "done"),
        ("${Dev Stage.Get-It now.input.URL}", "http://example.com"),
        ("${Dev Stage.Get-It now.output.responseBody.content[0].id}", "x1"),
        ("${Dev Stage.Get-It now.output.labels.app.kubernetes.io/name}", "web"),
        ('${Dev Stage.Get-It now.output.labels["app.kubernetes.io/name"]}', "web"),
        ("${Dev Stage.Later.status}", "NOT_STARTED"),
        ("${v1.2.Task.a.status}", "FAILED"),
        ("${v1.2.Task.a.output.status}", "own"),
        ("${name} #${executionIndex}", "Deploy web #7"),
        ("$${name} ${name}", "${name} Deploy web"),
        ("$${name}", "${name}"),
        ("$name $ {name} ${", "$name $ {name} ${"),
        ("${input.evil}", "${var.pw}"),
        ("x ${input.evil}", "x ${var.pw}"),
        ({"a": ["${input.n}", {"b": "v${input.TAG}"}]}, {"a": [3, {"b": "v1.4.1"}]}),
        ({"${name}": 1, "n": None, "t": True}, {"Deploy web": 1, "n": None, "t": True}),
        (5, 5),
    ],
)
def test_a_value_becomes_what_its_references_stand_for(written: Any, becomes: Any) -> None:
    result = resolve(written, RUN)
    assert result == becomes
    assert type(result) is type(becomes)


@pytest.mark.parametrize(
    ("written", "nearest", "reason"),
    [
        ("${input.tga}", "input.TAG", "the pipeline has no such input"),
        ("${input.zzzzzz}", None, "the pipeline has no such input"),
        ("${var.api-tokn}", "var.api-token", "the project has no such variable"),
        ("${nam}", "name", "a run knows no such thing about itself"),
        ("${Dev Stag.Get-It now.output.x}", "Dev Stage.Get-It now.output.x", "there is no such stage"),
        ("${inptu.TAG}", "input.TAG", "there is no such stage"),
        ("${Dev Stage.Get-It.output.text}", "Dev Stage.Get-It now.output.text", "stage Dev Stage has no such task"),
        ("${Dev Stage.Get-It now.outputs.text}", "Dev Stage.Get-It now.output", "a task has output, input"),
        ("${Dev Stage.Get-It now.output.txt}", "Dev Stage.Get-It now.output.text", "(COMPLETED) has no such output"),
        ("${Dev Stage.Later.output.x}", None, "(NOT_STARTED) has no such output"),
        ("${Dev Stage.Get-It now.output.text.x}", None, "has no parts"),
        ("${input.list[5]}", None, "input.list is a list of 2"),
        ("${input.list[1].x[0]}", None, "no such input"),
        ("${Dev Stage.Get-It now.output.labels[0]}", None, "is not a list"),
        ("${Dev Stage.Get-It now.output.big.x}", None, "output too large"),
        ("${Dev Stage.Get-It now.output}", None, "output too large"),
        ("${}", None, "not of the form"),
        ("${input..x}", None, "not of the form"),
        ("${input[}", None, "not of the form"),
    ],
)
def test_a_reference_that_names_nothing_says_so(written: str, nearest: str | None, reason: str) -> None:
    with pytest.raises(Unresolved) as error:
        resolve({"yaml": ["", f"image: {written}"]}, RUN)
    assert error.value.place == "yaml[1]"
    assert f"${{{error.value.name}}}" == written
    assert error.value.nearest == nearest
    assert reason in str(error.value)
    assert "yaml[1]" in str(error.value)


def test_a_dry_run_keeps_what_is_not_known_and_lists_it() -> None:
    value, missing = resolve_known({"a": "${input.n}", "b": "x ${A.B.output.y} ${input.n}", "c": "${requestedBy}"}, RUN)
    assert value == {"a": 3, "b": "x ${A.B.output.y} 3", "c": "${requestedBy}"}
    assert [(one.name, one.place) for one in missing] == [("A.B.output.y", "b"), ("requestedBy", "c")]


def test_references_are_found_with_their_places_and_roots() -> None:
    found = references({"a": "x ${input.n} $${no} ${S.T.output.x}", "${name}": ["${var.t}", 3], "o": "${output.y}"})
    assert [(one.text, one.path, one.root) for one in found] == [
        ("input.n", ("a",), "input"),
        ("S.T.output.x", ("a",), "task"),
        ("name", ("${name}",), "about"),
        ("var.t", ("${name}", 0), "var"),
        ("output.y", ("o",), "output"),
    ]


def test_facts_of_a_run_and_more() -> None:
    started = Started(
        execution_id="e1",
        project="p",
        pipeline="Deploy web",
        pipeline_id="i",
        index=4,
        requested_by="ann",
        comments="c",
    )
    about = about_run(started, status="COMPLETED")
    filled = resolve(
        "${name} ${executionIndex} ${executionId} ${requestBy} ${comments} ${status}", Scope({}, {}, {}, about)
    )
    assert filled == "Deploy web 4 e1 ann c COMPLETED"


@settings(max_examples=share(80), deadline=None)
@given(st.text(alphabet="${}input.n[]0'\" AB-", max_size=30))
def test_any_text_resolves_or_names_what_does_not(text: str) -> None:
    named = text
    try:
        resolve(text, RUN)
    except Unresolved as error:
        named = f"${{{error.name}}}"
    assert named in text


@settings(max_examples=share(80), deadline=None)
@given(st.text(max_size=30).filter(lambda text: "${" not in text))
def test_a_text_without_references_stays_as_it_is(text: str) -> None:
    assert resolve(text, RUN) == text


_names = st.text(alphabet="abcXYZ 09-_/", min_size=1, max_size=8).map(str.strip).filter(bool)


@settings(max_examples=share(80), deadline=None)
@given(st.lists(_names, min_size=1, max_size=4), st.integers() | st.text() | st.none() | st.lists(st.integers()))
def test_whatever_an_output_holds_is_found_by_its_path(path: list[str], value: Any) -> None:
    output: Any = value
    for step in reversed(path):
        output = {step: output}
    run = Scope({}, {}, {"S": {"T": {"status": "COMPLETED", "output": output}}}, {})
    assert resolve("${S.T.output." + ".".join(path) + "}", run) == value


def test_steps_of_a_path() -> None:
    assert parse_steps("a.b[0]['c.d'].e f") == ("a", "b", 0, "c.d", "e f")
    assert parse_steps("a[0]b") == ()
    assert parse_steps("") == ()
