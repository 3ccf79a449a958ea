"""Inputs: what triggers inject, what a push fills in, and how a run's inputs come together."""

from __future__ import annotations

from typing import Any

import pytest

from shared.contracts.pushes import Push
from shared.grammar.inputs import DOCKER, GERRIT, GIT, docker_inputs, inject, left_blank, run_inputs
from shared.grammar.spec import IMPORTED, PipelineSpec

DIGEST = "sha256:" + "a" * 64
PUSH = Push(
    provider="dockerhub",
    registry_host="docker.io",
    repository="acme/web",
    tag="1.4.1",
    digest=DIGEST,
    pushed_at=1.417566161e9,
    pusher="ann",
)


def test_a_push_at_docker_hub_fills_all_names() -> None:
    assert docker_inputs(PUSH) == {
        "DOCKER_EVENT_OWNER_NAME": "ann",
        "DOCKER_IMAGE": "acme/web",
        "DOCKER_REPO_NAME": "web",
        "DOCKER_REPO_NAMESPACE": "acme",
        "DOCKER_TAG": "1.4.1",
        "DOCKER_DIGEST": DIGEST,
        "DOCKER_IMAGE_REF": f"acme/web:1.4.1@{DIGEST}",
        "DOCKER_PUSHED_AT": "2014-12-03T00:22:41Z",
        "DOCKER_TAGS": "1.4.1",
    }


def test_another_registry_stands_in_the_image_and_not_in_the_namespace() -> None:
    push = PUSH.model_copy(update={"registry_host": "ghcr.io", "repository": "acme/team/web", "digest": None})
    filled = docker_inputs(push, tags=["1.4.1", "latest"])
    assert filled["DOCKER_IMAGE"] == "ghcr.io/acme/team/web"
    assert filled["DOCKER_IMAGE_REF"] == "ghcr.io/acme/team/web:1.4.1"
    assert (filled["DOCKER_REPO_NAMESPACE"], filled["DOCKER_REPO_NAME"]) == ("acme/team", "web")
    assert filled["DOCKER_TAGS"] == "1.4.1,latest"


def test_what_a_push_does_not_say_is_blank() -> None:
    filled = docker_inputs(Push(provider="generic", registry_host="docker.io", repository="web", digest=DIGEST))
    assert filled["DOCKER_IMAGE_REF"] == f"web@{DIGEST}"
    assert {name for name, value in filled.items() if value == ""} == {
        "DOCKER_EVENT_OWNER_NAME",
        "DOCKER_REPO_NAMESPACE",
        "DOCKER_TAG",
        "DOCKER_PUSHED_AT",
        "DOCKER_TAGS",
    }
    assert filled.keys() == DOCKER.keys()


@pytest.mark.parametrize(
    ("option", "names"), [("DOCKER_TRIGGER", DOCKER), ("GIT_TRIGGER", GIT), ("gerrit_trigger", GERRIT)]
)
def test_an_option_injects_its_names_blank_and_described(option: str, names: dict[str, str]) -> None:
    values, meta = inject({"OWN": "1"}, {}, [option])
    assert values == {"OWN": "1", **dict.fromkeys(names, "")}
    assert {name: about["description"] for name, about in meta.items()} == names


def test_what_the_author_wrote_is_not_injected_over() -> None:
    values, meta = inject({"DOCKER_TAG": "latest"}, {"DOCKER_TAG": {"mandatory": True}}, ["DOCKER_TRIGGER"])
    assert (values["DOCKER_TAG"], meta["DOCKER_TAG"]) == ("latest", {"mandatory": True})


def pipeline(input: dict[str, Any], *, mandatory: str = "", imported: bool = False) -> PipelineSpec:
    meta = {name: {"mandatory": True} for name in mandatory.split()}
    return PipelineSpec.model_validate({"name": "web", "input": input, "_inputMeta": meta, IMPORTED: imported})


def test_a_value_given_wins_and_blank_takes_the_default() -> None:
    values, flaws = run_inputs(pipeline({"a": "1", "b": "2", "c": ""}), {"a": "9", "b": " ", "c": None})
    assert (values, flaws) == ({"a": "9", "b": "2", "c": ""}, [])


def test_a_mandatory_input_without_a_value_is_a_flaw() -> None:
    _, flaws = run_inputs(pipeline({"a": "", "b": "x"}, mandatory="a b"), {})
    assert [flaw.path for flaw in flaws] == ["input.a"]


def test_an_imported_pipeline_starts_with_a_mandatory_input_blank_and_names_it() -> None:
    exported = pipeline({"method": "", "size": "2"}, mandatory="method size", imported=True)
    values, flaws = run_inputs(exported, {})
    assert (values, flaws) == ({"method": "", "size": "2"}, [])
    assert left_blank(exported, values) == ["method"]
    assert left_blank(exported, {**values, "method": "apply"}) == []
    assert left_blank(pipeline({"method": ""}, mandatory="method"), {}) == []


def test_zero_and_false_are_values() -> None:
    values, flaws = run_inputs(pipeline({"a": "1"}, mandatory="a"), {"a": 0})
    assert (values, flaws) == ({"a": 0}, [])


def test_an_input_that_the_pipeline_does_not_have_is_a_flaw_with_the_nearest_name() -> None:
    _, flaws = run_inputs(pipeline({"REPLICAS": "1"}), {"REPLICA": "2"})
    assert [(flaw.path, flaw.hint) for flaw in flaws] == [("input.REPLICA", "did you mean REPLICAS?")]


def test_a_webhook_may_pass_on_more_than_the_pipeline_asks_for() -> None:
    assert run_inputs(pipeline({}), {"DOCKER_TAG": "1"}, strict=False) == ({"DOCKER_TAG": "1"}, [])
