"""Every sentence of the pipeline language as a case of a whole run: what a later task is given, or why it fails."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import do
from .play import Play

INPUTS = {"image": "acme/web", "replicas": 3, "flag": True, "list": [1, {"k": "v"}], "blank": "", "my input": "spaced"}
VARIABLES = {"registry-host": "ghcr.io", "limit": "10"}
FIRST = {
    "output": {"a": [{"b": "deep"}], "n": 5, "json": '{"id": "x1"}', "labels": {"app.kubernetes.io/name": "web"}},
    "url": "https://example.com",
}


def played(**given: Any) -> Play:
    """A run whose second task is given this."""
    task = do(**given)
    tree = {
        "input": dict.fromkeys(INPUTS, ""),
        "stageOrder": ["Dev Stage"],
        "stages": {
            "Dev Stage": {
                "taskOrder": ["Get-It now", "Skip me", "Use"],
                "tasks": {
                    "Get-It now": do(**FIRST),
                    "Skip me": do(preCondition="false"),
                    "Use": task,
                },
            }
        },
    }
    return Play(tree, INPUTS, VARIABLES).go()


VALUES = [
    ("an input", "${input.image}", "acme/web"),
    ("an input whose name has a space", "${input.my input}", "spaced"),
    ("a variable whose name has a dash", "${var.registry-host}", "ghcr.io"),
    ("an output by path and index, names with spaces and dashes", "${Dev Stage.Get-It now.output.a[0].b}", "deep"),
    ("an output that is JSON in a text", "${Dev Stage.Get-It now.output.json.id}", "x1"),
    ("an output's key with dots", "${Dev Stage.Get-It now.output.labels.app.kubernetes.io/name}", "web"),
    ("what a task was given", "${Dev Stage.Get-It now.input.url}", "https://example.com"),
    ("how a task ended", "${Dev Stage.Get-It now.status}", "COMPLETED"),
    ("how a task ended, in the other form", "${Dev Stage.Get-It now.output.status}", "COMPLETED"),
    ("how a skipped task ended", "${Dev Stage.Skip me.status}", "SKIPPED"),
    ("the pipeline's name", "${name}", "Deploy web"),
    ("who asked", "${requestBy}", "ann"),
    ("the run's number keeps its type", "${executionIndex}", 7),
    ("the run's id", "${executionId}", "e1"),
    ("the run's address", "${executionUrl}", "https://portside.example.com/executions/e1"),
    ("the comment", "${comments}", "by hand"),
    ("the description", "${description}", "Deploys the shop"),
    ("the run's status while it runs", "${status}", "RUNNING"),
    ("the run's status message", "${statusMessage}", "Executing Dev Stage"),
    ("a lone reference keeps a number", "${input.replicas}", 3),
    ("a lone reference keeps a truth value", "${input.flag}", True),
    ("a lone reference keeps a list", "${input.list}", [1, {"k": "v"}]),
    ("a lone reference may have blanks around it", "  ${Dev Stage.Get-It now.output.n}\n", 5),
    ("text around a reference makes a text", "n=${input.replicas}", "n=3"),
    ("two references make a text", "${input.replicas}${input.replicas}", "33"),
    ("a list within a text is JSON", "list ${input.list}", 'list [1,{"k":"v"}]'),
    ("a reference that is nobody's is left as written", "echo ${HOME} ${STATUSCODE}", "echo ${HOME} ${STATUSCODE}"),
    ("an escaped reference is left as written", "$${HOME} and ${input.image}", "${HOME} and acme/web"),
    ("keys are filled too", {"${input.image}": 1}, {"acme/web": 1}),
    ("a blank input is a blank text", "[${input.blank}]", "[]"),
]


@pytest.mark.parametrize(("written", "becomes"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_what_a_task_is_given(written: Any, becomes: Any) -> None:
    run = played(value=written)
    assert run.status("Use") == "COMPLETED", run.said("Use")
    assert run.given("Use")["value"] == becomes
    assert type(run.given("Use")["value"]) is type(becomes)


REFUSED = [
    ("an input that is not there", "${input.imgae}", "${input.imgae} in input.value", "did you mean ${input.image}?"),
    ("a variable that is not there", "${var.limti}", "the project has no such variable", "${var.limit}?"),
    (
        "a stage that is not there",
        "${Dev.Get-It now.status}",
        "there is no such stage",
        "${Dev Stage.Get-It now.status}",
    ),
    ("a task that is not there", "${Dev Stage.Get it.status}", "stage Dev Stage has no such task", ""),
    (
        "an output that the answer did not have",
        "x ${Dev Stage.Get-It now.output.b}",
        "(COMPLETED) has no such output",
        "",
    ),
    ("an output of a skipped task", "${Dev Stage.Skip me.output.x}", "(SKIPPED) has no such output", ""),
    ("a place beyond a list's end", "${input.list[7]}", "input.list is a list of 2", ""),
    ("nothing between the braces", "${}", "not of the form SCOPE.KEY.PATH", ""),
]


@pytest.mark.parametrize(("written", "why", "meant"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_an_unresolvable_reference_fails_the_task_with_its_name_and_place(written: str, why: str, meant: str) -> None:
    run = played(value=written)
    assert run.status("Use") == "FAILED"
    assert "in input.value" in run.said("Use")
    assert why in run.said("Use")
    assert meant in run.said("Use")
    assert run.state.message == f"Dev Stage.Use: {run.said('Use')}"


HOLDS = [
    '${requestBy} != "admin"',
    '${input.image}=="acme/web"',
    "${input.image} == acme/web || true",
    "'${input.image}' == 'acme/web'",
    "true==true",
    "${Dev Stage.Get-It now.output.n} > 0",
    '${Dev Stage.Get-It now.status} == "COMPLETED"',
    '"${Dev Stage.Get-It now.status}" == "COMPLETED"',
    "${input.replicas} * 2 - 1 <= ${var.limit}",
    '${input.image} =~ "^acme/"',
    '"acme" in ["acme", "globex"] && ${input.flag}',
    "!(${input.replicas} < 3) && (${input.replicas} >= 3 || false)",
    "${input.replicas} + 1 == 4",
    "",
]


@pytest.mark.parametrize("condition", HOLDS)
def test_a_task_whose_precondition_holds_runs(condition: str) -> None:
    assert played(preCondition=condition).status("Use") == "COMPLETED"


@pytest.mark.parametrize("condition", ["true==false", '${requestBy} == "admin"', "${input.replicas} > ${var.limit}"])
def test_a_task_whose_precondition_does_not_hold_is_skipped_with_the_reason_and_the_run_goes_on(condition: str) -> None:
    run = played(preCondition=condition)
    assert (run.status("Use"), run.state.status.value) == ("SKIPPED", "COMPLETED")
    assert run.said("Use") == f"Skipped: its preCondition is false: {condition}"


@pytest.mark.parametrize(
    ("condition", "why"),
    [
        ("${input.imgae} == 1", "did you mean ${input.image}?"),
        ("${input.image} > 3", "cannot be put in order"),
        ("${input.replicas}", "neither true nor false"),
    ],
)
def test_a_precondition_without_an_answer_fails_the_task_and_says_why(condition: str, why: str) -> None:
    run = played(preCondition=condition)
    assert run.status("Use") == "FAILED"
    assert run.said("Use").startswith("Its preCondition cannot be evaluated: ")
    assert why in run.said("Use")
