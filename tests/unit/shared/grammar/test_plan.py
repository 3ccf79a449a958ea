"""A pipeline compiled into a plan: order, parallel groups, times, needs, and the way through JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared.grammar.malformed import Malformed
from shared.grammar.pipelines import read_pipeline
from shared.grammar.plan import Plan, Retries, compile_plan, supersede_of
from shared.grammar.spec import Supersede

TREE: dict[str, Any] = {
    "project": "p",
    "kind": "PIPELINE",
    "name": "Deploy web",
    "concurrency": "10",
    "timeoutMinutes": 90,
    "options": ["DOCKER_TRIGGER"],
    "input": [{"CLUSTER": "dev"}],
    "_inputMeta": None,
    "output": {"url": "${Prod.Apply.output.url} ${var.domain}"},
    "workspace": {"endpoint": "docker-host", "image": "${var.image}"},
    "stageOrder": ["Dev", "Prod"],
    "stages": {
        "Prod": {
            "taskOrder": ["Apply"],
            "tasks": {"Apply": {"type": "K8S", "endpoints": {"kubernetesServer": "prod"}}},
        },
        "Dev": {
            "timeoutMinutes": 1.5,
            "taskOrder": ["Get it,Test\n  one", "Apply"],
            "tasks": {
                "Apply": {
                    "type": "K8S",
                    "preCondition": True,
                    "ignoreFailure": True,
                    "endpoints": {"kubernetesServer": "${input.CLUSTER}", "scm": ""},
                    "input": {"yaml": "token: ${var.api-token}"},
                    "retries": {"attempts": 3, "delaySeconds": 2, "backoff": 2},
                    "timeoutMinutes": 10,
                },
                "Get it": {"type": "REST", "preCondition": ' ${input.CLUSTER} == "dev" '},
                "Test one": {"type": "REST"},
            },
        },
    },
    "rollbacks": [{"name": "Undo", "stage": "Dev", "inputs": {"x": "${var.old}"}}],
    "notifications": {"email": [{"event": "failure", "endpoint": "mail", "to": ["ann"], "stage": "Dev"}], "jira": None},
}


def compiled(**changes: Any) -> Plan:
    return compile_plan(read_pipeline({**TREE, **changes}))


def test_stages_and_tasks_are_in_their_orders_and_groups() -> None:
    plan = compiled()
    assert [stage.name for stage in plan.stages] == ["Dev", "Prod"]
    assert [[task.name for task in group] for group in plan.stages[0].groups] == [["Get it", "Test one"], ["Apply"]]
    assert [(task.name, task.index) for task in plan.stages[0].tasks] == [("Get it", 0), ("Test one", 1), ("Apply", 2)]


def test_a_task_carries_what_is_needed_to_run_it() -> None:
    task = compiled().task("Dev", "Apply")
    assert (task.type, task.pre_condition, task.ignore_failure, task.timeout_s) == ("K8S", "true", True, 600.0)
    assert task.endpoints == {"kubernetesServer": "${input.CLUSTER}"}
    assert task.retries == Retries(attempts=3, delay_s=2, backoff=2)
    assert compiled().task("Dev", "Get it").pre_condition == '${input.CLUSTER} == "dev"'
    assert compiled().task("Dev", "Get it").retries.attempts == 1


def test_the_wait_before_a_try_grows_by_the_backoff() -> None:
    retries = Retries(attempts=5, delay_s=2, backoff=3)
    assert [retries.delay_before(number) for number in (2, 3, 4)] == [2, 6, 18]
    assert Retries(attempts=100, delay_s=3600, backoff=10).delay_before(50) == 30 * 86_400


def test_stage_run_rollbacks_and_notifications_are_compiled_too() -> None:
    plan = compiled()
    assert (plan.timeout_s, plan.stages[0].timeout_s) == (5400.0, 90.0)
    assert [(one.name, one.stage, one.task, one.inputs) for one in plan.rollbacks] == [
        ("Undo", "Dev", "", {"x": "${var.old}"})
    ]
    (told,) = plan.notifications
    assert (told.kind, told.event, told.stage, told.endpoint, told.body["to"]) == (
        "email",
        "FAILURE",
        "Dev",
        "mail",
        ["ann"],
    )


def test_a_plan_survives_json() -> None:
    plan = compiled()
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_plan_of_a_later_version_can_still_be_read() -> None:
    tree = {**compiled().to_json(), "later": 1}
    assert Plan.from_json(tree) == compiled()


def test_needs_are_the_endpoints_and_variables_that_are_named() -> None:
    assert compiled().needs({"CLUSTER": "dev"}) == (
        ("dev", "docker-host", "mail", "prod"),
        ("api-token", "domain", "image", "old"),
    )


def test_an_endpoint_named_by_an_expression_that_is_not_known_yet_is_left_out() -> None:
    assert compiled().needs().endpoints == ("docker-host", "mail", "prod")


def test_the_policy_is_the_documents_own_else_by_where_it_comes_from() -> None:
    assert supersede_of(read_pipeline({**TREE, "supersede": "cancel-older"})) is Supersede.CANCEL_OLDER
    assert supersede_of(read_pipeline(TREE)) is Supersede.PARALLEL


def test_a_pipeline_of_the_wrong_shape_is_refused_with_the_places() -> None:
    with pytest.raises(Malformed) as error:
        read_pipeline({**TREE, "stages": {"Dev": {"tasks": {"A": {"input": 3}}}}, "concurrency": "many"})
    assert [flaw.path for flaw in error.value.flaws] == [
        "concurrency",
        "stages.Dev.tasks.A.type",
        "stages.Dev.tasks.A.input",
    ]


def test_unknown_fields_are_kept() -> None:
    spec = read_pipeline({**TREE, "iteration": "3"})
    assert spec.model_dump(by_alias=True)["iteration"] == "3"


def test_what_the_orders_do_not_name_or_name_twice_is_left_out() -> None:
    plan = compiled(
        stageOrder=["Dev", "Nope"],
        stages={
            "Dev": {
                "taskOrder": ["A,A", "A", "B,C"],
                "tasks": {"A": {"type": "Log"}, "C": {"type": "Log"}, "D": {"type": "Log"}},
            }
        },
    )
    assert [[task.name for task in group] for group in plan.stages[0].groups] == [["A"], ["C"]]
