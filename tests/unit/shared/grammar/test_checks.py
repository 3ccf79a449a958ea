"""Checking pipelines: all problems at once, each with its place and the nearest name, and what is only warned of."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.problems import Flaw
from shared.grammar.checks import Findings, examine_pipeline
from shared.grammar.documents import load_yaml
from shared.grammar.export import to_yaml
from shared.grammar.pipelines import read_pipeline
from shared.grammar.spec import split_group

GOOD = """---
project: demo
kind: PIPELINE
name: Deploy web
options: [ DOCKER_TRIGGER ]
input:
  REPLICAS: '2'
stageOrder:
- Get-Ready now
- Deploy
stages:
  Get-Ready now:
    taskOrder:
    - Look,Say it
    - Decide
    tasks:
      Look: {type: REST, input: {action: GET, url: "https://example.com/${input.DOCKER_TAG}"}}
      Say it: {type: Log, input: {message: "${name} ${requestBy} ${var.token}"}}
      Decide:
        type: Condition
        input: {condition: '${Get-Ready now.Look.output.responseCode} == 200'}
  Deploy:
    taskOrder: [Apply]
    timeoutMinutes: 20
    tasks:
      Apply:
        type: K8S
        preCondition: ${Get-Ready now.Decide.status} == "COMPLETED"
        retries: {attempts: 2, delaySeconds: 10, backoff: 2}
        timeoutMinutes: 10
        endpoints: {kubernetesServer: demo-cluster}
        input:
          action: APPLY
          timeout: 5
          yaml: |
            image: ${input.DOCKER_IMAGE_REF}
            literal: $${HOME}
            replicas: ${input.REPLICAS}
output:
  applied: ${Deploy.Apply.output.response}
rollbacks:
- name: Undo
  stage: Deploy
  task: Apply
  inputs: {why: "${Deploy.Apply.message}"}
notifications:
  email:
  - {event: FAILURE, endpoint: mail, to: [ann], subject: "${name} ${output.applied} ${status}", stage: Deploy}
"""


def examined(text: str, **known: Any) -> Findings:
    (document,) = load_yaml(text)
    return examine_pipeline(document.tree, position=document.position, **known)


def changed(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def shown(text: str, flaw: Flaw) -> str:
    """What stands at a flaw's line and column."""
    assert flaw.line is not None
    assert flaw.column is not None
    return text.splitlines()[flaw.line - 1][flaw.column - 1 :]


def test_a_good_pipeline_has_no_problem_at_all() -> None:
    found = examined(GOOD, variables=["token"], endpoints=["demo-cluster", "mail"])
    assert (found.flaws, found.warnings) == ([], [])


@pytest.mark.parametrize(
    ("old", "new", "stands", "message", "hint"),
    [
        ("kind: PIPELINE", "kind: ENDPOINT", "kind:", "kind is ENDPOINT", None),
        (
            "name: Deploy web",
            "state: ENABELD\nname: Deploy web",
            "state:",
            "ENABELD is none of",
            "did you mean ENABLED?",
        ),
        ("name: Deploy web\n", "", "project:", "name is missing", None),
        ("- Deploy\n", "- Deploi\n", "Deploi", "names stage Deploi, which is not in stages", "did you mean Deploy?"),
        ("- Deploy\n", "- Deploy\n- Deploy\n", "Deploy", "names stage Deploy twice", None),
        ("- Deploy\n", "", "Deploy:", "stage Deploy is not in stageOrder, so it would never run", None),
        ("- Look,Say it", "- Look,Say", "Say", "names task Say, which is not in tasks", "did you mean Say it?"),
        ("- Look,Say it", "- Look", "Say it:", "task Say it is not in taskOrder, so it would never run", None),
        ("- Look,Say it", "- Look,Say it,Look", "Look,Say it,Look", "names task Look twice", None),
        ("- Look,Say it", "- ','\n    - Look,Say it", "','", "a group of tasks is empty", None),
        ("type: Condition", "typ: Condition", "Decide:", "type is missing", None),
        ("timeoutMinutes: 20", "timeoutMinutes: -1", "timeoutMinutes: -1", "must be greater than 0", None),
        ("timeoutMinutes: 10", "timeoutMinutes: soon", "timeoutMinutes: soon", "must be a number", None),
        ("attempts: 2", "attempts: 0", "attempts: 0", "must be greater than or equal to 1", None),
        ("name: Deploy web", "name: Deploy web\nsupersede: newest", "supersede:", "must be 'parallel', 'queue'", None),
        ("name: Deploy web", "name: Deploy web\nconcurrency: 0", "concurrency:", "must be greater than 0", None),
        ("taskOrder: [Apply]", "taskOrder: {a: b}", "taskOrder: {", "must be a list", None),
        ("action: GET", "action: GETT", "GETT", "action GETT is none of", "did you mean GET?"),
        ("timeout: 5", "timeout: five", "five", "timeout must be a whole number", None),
        ("          action: APPLY\n", "", "input:", "a K8S task needs input.action", None),
        ("{kubernetesServer: demo-cluster}", "{}", "endpoints:", "needs the name of an endpoint in", None),
        ("demo-cluster}", "demo-clster}", "demo-clster}", "no endpoint demo-clster", "did you mean demo-cluster?"),
        ("endpoint: mail", "endpoint: mial", "mial", "there is no endpoint mial", "did you mean mail?"),
        (
            "${input.REPLICAS}",
            "${input.REPLICA}",
            "${input.REPLICA}",
            "the pipeline has no input REPLICA",
            "did you mean ${input.REPLICAS}?",
        ),
        (
            "${input.DOCKER_TAG}",
            "${input.DOCKER_TAGG}",
            "${input.DOCKER_TAGG}",
            "no input DOCKER_TAGG",
            "did you mean ${input.DOCKER_TAG}?",
        ),
        ("${var.token}", "${var.tokn}", "${var.tokn}", "has no variable tokn", "did you mean ${var.token}?"),
        (
            "${requestBy}",
            "${requestedBy}",
            "${requestedBy}",
            "names nothing that a run knows",
            "did you mean ${requestBy}?",
        ),
        ("${requestBy}", "${REPLICAS}", "${REPLICAS}", "names nothing", "did you mean ${input.REPLICAS}?"),
        ("${requestBy}", "${input}", "${input}", "says not which one", "to mean the text itself, write $${input}"),
        ("${requestBy}", "${a[}", "${a[}", "is not of the form", "to mean the text itself, write $${a[}"),
        ("${requestBy}", "${output.applied}", "${output.applied}", "known only when a run has ended", None),
        (
            "${Get-Ready now.Look.output.responseCode}",
            "${GetReady now.Look.output.responseCode}",
            "${GetReady",
            "there is no stage GetReady now",
            "did you mean ${Get-Ready now.Look.output.responseCode}?",
        ),
        (
            "${Get-Ready now.Look.output.responseCode}",
            "${Get-Ready now.Lok.output.a[0].b}",
            "${Get-Ready now.Lok",
            "has no task Lok",
            "did you mean ${Get-Ready now.Look.output.a[0].b}?",
        ),
        (
            "${Get-Ready now.Look.output.responseCode}",
            "${Look.output.responseCode}",
            "${Look",
            "Look is a task; its stage is missing",
            "did you mean ${Get-Ready now.Look.output.responseCode}?",
        ),
        (
            "${Get-Ready now.Look.output.responseCode}",
            "${Get-Ready now.Look.outputs.responseCode}",
            "${Get-Ready now.Look.outputs",
            "must say output, input or status",
            "did you mean ${Get-Ready now.Look.output.responseCode}?",
        ),
        (
            "${Get-Ready now.Look.output.responseCode}",
            "${Deploy.Apply.status}",
            "${Deploy.Apply.status}",
            "Deploy.Apply has not ended when Get-Ready now.Decide starts",
            None,
        ),
        ("${requestBy}", "${Get-Ready now.Look.status}", "${Get-Ready now.Look", "has not ended when", None),
        (
            "${requestBy}",
            "${Get-Ready now.Say it.status}",
            "${Get-Ready now.Say it",
            "names its own task",
            None,
        ),
        ('status} == "COMPLETED"', 'status} = "COMPLETED"', '= "COMPLETED"', "write ==", None),
        ("responseCode} == 200", "responseCode} == 200 and true", "and true", "write &&", None),
        (
            "  stage: Deploy\n  task: Apply",
            "  stage: Deply\n  task: Apply",
            "Deply",
            "no stage Deply",
            "did you mean Deploy?",
        ),
        ("  task: Apply", "  task: Aply", "Aply", "stage Deploy has no task Aply", "did you mean Apply?"),
        ("event: FAILURE", "event: FAILED", "event:", "FAILED is none of", "did you mean FAILURE?"),
        ("stage: Deploy}", "stage: Depl}", "Depl}", "there is no stage Depl", "did you mean Deploy?"),
    ],
)
def test_a_problem_is_told_with_its_place_and_what_was_meant(
    old: str, new: str, stands: str, message: str, hint: str | None
) -> None:
    text = changed(old, new)
    found = examined(text, variables=["token"], endpoints=["demo-cluster", "mail"]).flaws
    matching = [flaw for flaw in found if message in flaw.message]
    assert matching, [flaw.message for flaw in found]
    assert shown(text, matching[0]).startswith(stands)
    assert matching[0].hint == hint


@pytest.mark.parametrize("name", ["HOME", "STATUSCODE", "my_own_variable"])
def test_a_reference_that_is_nobodys_stays_text_with_a_warning(name: str) -> None:
    text = changed("${requestBy}", f"${{{name}}}")
    found = examined(text, variables=["token"], endpoints=["demo-cluster", "mail"])
    assert found.flaws == []
    (said,) = [flaw for flaw in found.warnings if name in flaw.message]
    assert said.message == f"${{{name}}} names nothing that a run knows, so it stays as text"
    assert (said.path, said.hint) == (
        "stages.Get-Ready now.tasks.Say it.input.message",
        f"to mean the text itself, write $${{{name}}}",
    )


@pytest.mark.parametrize("field", ["preCondition", "endpoints"])
def test_where_a_name_or_a_condition_is_meant_it_is_an_error(field: str) -> None:
    value = '${HOME} == "x"' if field == "preCondition" else {"kubernetesServer": "${HOME}"}
    task = {
        "type": "K8S",
        "endpoints": {"kubernetesServer": "c"},
        "input": {"action": "GET", "kind": "Pod"},
        field: value,
    }
    tree = {"name": "x", "stageOrder": ["S"], "stages": {"S": {"taskOrder": ["T"], "tasks": {"T": task}}}}
    assert any("${HOME} names nothing" in flaw.message for flaw in examine_pipeline(tree).flaws)


def test_a_stage_that_is_named_like_a_scope_is_refused() -> None:
    tree = {"name": "x", "stageOrder": ["input"], "stages": {"input": {}}}
    assert "a stage cannot be named input" in examine_pipeline(tree).flaws[0].message


def test_a_comma_in_a_tasks_name_is_refused() -> None:
    tree = {"name": "x", "stageOrder": ["S"], "stages": {"S": {"taskOrder": [], "tasks": {"A,B": {"type": "Log"}}}}}
    assert ["comma" in flaw.message for flaw in examine_pipeline(tree).flaws] == [True]


def test_all_problems_are_told_at_once_from_the_top_down() -> None:
    text = (
        GOOD.replace("- Deploy\n", "- Deploi\n")
        .replace("${requestBy}", "${requestedBy}")
        .replace("timeout: 5", "timeout: x")
    )
    text = text.replace("timeoutMinutes: 20", "timeoutMinutes: -1")
    found = examined(text).flaws
    assert [flaw.path for flaw in found] == [
        "stageOrder[1]",
        "stages.Get-Ready now.tasks.Say it.input.message",
        "stages.Deploy",
        "stages.Deploy.timeoutMinutes",
        "stages.Deploy.tasks.Apply.input.timeout",
    ]
    assert [flaw.line for flaw in found] == sorted(flaw.line or 0 for flaw in found)


def test_a_tree_without_a_text_has_paths_and_no_lines() -> None:
    (flaw,) = examine_pipeline({"name": "x", "stageOrder": ["A"], "stages": {}}).flaws
    assert (flaw.path, flaw.line) == ("stageOrder[0]", None)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("${input.DOCKER_IMAGE_REF}", "nginx", ""),
        ("type: Condition", "type: Conditon", "tasks of type Conditon do not run here"),
        ("timeout: 5", "timout: 5", "a K8S task makes no use of input.timout"),
        ("{kubernetesServer: demo-cluster}", "{kubernetesServer: x, agent: y}", "a K8S task has no endpoint agent"),
        ("  email:", "  emial:", "notifications of kind emial are not sent"),
        ("[ DOCKER_TRIGGER ]", "[ DOCKER_TRIGGER, X ]", "option X is not known and does nothing"),
        ("output:\n", "_inputMeta: {REPLICA: {}}\noutput:\n", "_inputMeta describes REPLICA, which is not an input"),
    ],
)
def test_what_is_legal_but_hardly_meant_is_a_warning(old: str, new: str, message: str) -> None:
    found = examined(changed(old, new))
    assert found.flaws == []
    assert any(message in flaw.message for flaw in found.warnings) is bool(message)


def test_a_docker_pipeline_that_never_uses_the_pushed_image_is_warned_of() -> None:
    text = GOOD.replace("${input.DOCKER_IMAGE_REF}", "nginx").replace("${input.DOCKER_TAG}", "")
    (warning,) = examined(text).warnings
    assert "never uses the pushed image" in warning.message


CI = """
name: Test web
workspace: {image: 'busybox:1.36', endpoint: demo-cluster, cache: [/cache/m2], autoCloneForTrigger: true}
stageOrder: [Test]
stages:
  Test:
    taskOrder: [Smoke]
    tasks:
      Smoke:
        type: CI
        input: {steps: [make], process: [{type: JUnit, path: report.xml}]}
"""


def test_settings_of_ci_tasks_that_do_nothing_here_are_warned_of() -> None:
    found = examined(CI)
    assert found.flaws == []
    assert [(flaw.path, flaw.message.partition(":")[0]) for flaw in found.warnings] == [
        ("workspace.cache", "cache does nothing here"),
        ("workspace.autoCloneForTrigger", "autoCloneForTrigger does nothing here"),
        ("stages.Test.tasks.Smoke.input.process", "process does nothing here"),
    ]
    empty = CI.replace("[/cache/m2]", "[]").replace("true", "false").replace("[{type: JUnit, path: report.xml}]", "[]")
    assert examined(empty).warnings == []


def test_an_image_whose_repository_is_not_in_lower_case_is_refused_with_its_place() -> None:
    text = """
name: Promote
stageOrder: [Ship]
stages:
  Ship:
    taskOrder: [Promote]
    tasks:
      Promote:
        type: IMAGE
        endpoints: {target: registry}
        input: {source: 'acme/web:RC1', target: 'acme/Web-prod:RC1'}
"""
    (flaw,) = examined(text).flaws
    assert (flaw.path, flaw.line, flaw.hint) == ("stages.Ship.tasks.Promote.input.target", 11, "write web-prod")
    assert "acme/Web-prod:RC1 names no image" in flaw.message
    assert examined(text.replace("Web-prod", "web-prod")).flaws == []


EXPORT = """---
project: Web
kind: PIPELINE
name: Legacy release
icon: organization,left, is-warning
enabled: true
global: false
concurrency: 10
options: [
  GIT_TRIGGER
]
workspace:
  type: DOCKER
  endpoint: ''
  image: ''
  limits:
    cpu: 1.0
    memory: 512
stageOrder:
- Prepare
- Roll out
stages:
  Roll out:
    taskOrder:
    - Front node one,Front node two,Front
      node three
    tasks:
      Front node one:
        type: SSH
        input:
          host: ' ${Prepare.Machine.output.deploymentDetails.resources.linux.address}'
          script: |2-
              echo ${NOT_OURS} ${Prepare.Nope.output.x}
          arguments: [
            ]
          environmentVariables: {
            }
      Front node two:
        type: PowerShell
        preCondition: ${Prepare.Call.output.responseBody.totalElements} > 0
        input: {script: "${var.x}"}
      Front node three:
        type: vRO
        preCondition: not a condition
  Prepare:
    taskOrder:
    - Ask
    - Call
    - Machine
    tasks:
      Machine:
        type: Blueprint
        input: {action: CreateDeployment, version: '1'}
      Call:
        type: REST
        input:
          action: get
          url: https://example.com/deployments?$filter=(name eq 'web')
          headers: {Accept: application/json}
          payload: ''
      Ask:
        type: UserOperation
        preCondition: ${requestBy} != "admin"
        input:
          approvers: [ann]
          approverGroups: [
            ]
          summary: Started by ${requestBy} for ${input.GIT_COMMIT_ID}
          sendemail: false
          expiration: 3
          expirationUnit: DAYS
          pipelineName: ${name}
          cancelPreviousPendingUserOp: false
"""


def test_an_export_with_task_types_that_do_not_run_here_comes_in_whole_with_warnings() -> None:
    found = examined(EXPORT, task_schemas=SCHEMAS)
    assert found.flaws == []
    told = [(flaw.path.removeprefix("stages."), flaw.message.partition(":")[0]) for flaw in found.warnings]
    assert ("Prepare.tasks.Machine.type", "tasks of type Blueprint do not run here") in told
    assert ("Roll out.tasks.Front node one.input.script", "stage Prepare has no task Nope") in told
    assert ("Roll out.tasks.Front node three.preCondition", "the condition cannot be read") in told
    assert all(flaw.line for flaw in found.warnings)


def test_an_export_survives_being_written_out_again() -> None:
    (document,) = load_yaml(EXPORT)
    (again,) = load_yaml(to_yaml(document.tree))
    assert again.tree == document.tree
    assert list(again.tree) == list(document.tree)
    (group,) = read_pipeline(again.tree).stages["Roll out"].task_order
    assert split_group(group) == ("Front node one", "Front node two", "Front node three")


SCHEMAS: dict[str, dict[str, Any]] = {
    "REST": {"properties": {"action": {"type": "string"}, "url": {}, "headers": {"type": "object"}, "payload": {}}},
    "UserOperation": {"additionalProperties": True, "properties": {"approvers": {"type": "array"}}},
}
"""As if only these types ran, so that the rest is foreign whatever is added."""


def test_a_task_that_says_it_is_unfinished_is_only_warned_of() -> None:
    text = changed("          action: APPLY\n", "").replace("type: K8S", "type: K8S\n        _configured: false")
    found = examined(text)
    assert found.flaws == []
    assert any("needs input.action" in flaw.message for flaw in found.warnings)


@pytest.mark.parametrize(
    "broken", [{}, {"name": None}, {"name": 3, "stages": 4, "stageOrder": "x", "input": "y", "options": 5}]
)
def test_a_tree_of_any_shape_gives_flaws_and_no_exception(broken: dict[str, Any]) -> None:
    assert examine_pipeline(broken).flaws


@pytest.mark.parametrize(
    "path", ["name", "stages", "stageOrder", "input", "notifications", "rollbacks", "output", "options"]
)
@pytest.mark.parametrize("value", [3, "x", True, [1], {"a": 1}, [[]], [{}], {"a": {"b": [None]}}])
def test_any_value_in_any_field_is_checked_without_an_exception(path: str, value: Any) -> None:
    (document,) = load_yaml(GOOD)
    found = examine_pipeline({**document.tree, path: value}, position=document.position)
    assert isinstance(found, Findings)


def test_a_tree_nested_without_end_is_refused_and_harms_nothing() -> None:
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": [deep]}
    (flaw,) = examine_pipeline({"name": "x", "input": deep}).flaws
    assert "nested deeper" in flaw.message
