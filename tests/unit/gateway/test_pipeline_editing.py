"""The forms beside the editor: what they make of a pipeline, and how little of its text they touch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.pages import pipeline_edits as edits
from services.gateway.pages import task_form
from services.gateway.pages.pipeline_template import template
from services.gateway.pages.yaml_edit import rewritten
from shared.contracts.base import Json
from shared.grammar.documents import load_yaml
from shared.grammar.export import plain_yaml
from shared.grammar.inputs import DOCKER, GIT
from shared.grammar.task_schemas import TASK_SCHEMAS

EXAMPLE = (Path(__file__).parents[3] / "demo" / "deploy-web.yaml").read_text()
_NAMES = st.text("abcdef", min_size=1, max_size=3)
_LEAVES = st.none() | st.booleans() | st.integers(-9, 99) | st.text("ab: #\n-'\"{}[]", max_size=8)
_TREES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_NAMES, inner, max_size=3))


def tree_of(text: str) -> Json:
    return load_yaml(text)[0].tree


@given(st.dictionaries(_NAMES, _TREES, min_size=1, max_size=4), st.dictionaries(_NAMES, _TREES, min_size=1, max_size=4))
def test_a_text_that_was_changed_reads_as_what_was_meant(before: Any, after: Any) -> None:
    assert tree_of(rewritten(plain_yaml(before), after)) == after


def test_a_change_leaves_every_other_line_and_comment_alone() -> None:
    text = (
        "# ours\nname: a  # the name\ninput:\n  ONE: 1\n\n  # about two\n"
        "  TWO: |\n    x\n    # no comment\n\n# end\nlast: [1,\n  2]\n"
    )
    tree = tree_of(text)
    tree["input"]["ONE"] = "uno"
    assert rewritten(text, tree) == text.replace("ONE: 1", "ONE: uno")
    tree["input"]["THREE"] = ""
    added = rewritten(text, tree)
    assert added == text.replace("ONE: 1", "ONE: uno").replace("# no comment\n", "# no comment\n  THREE: ''\n")
    del tree["input"]["TWO"]
    assert "# about two" in rewritten(added, tree) and "TWO" not in rewritten(added, tree)


def test_flow_style_is_written_anew_rather_than_mended() -> None:
    assert tree_of(rewritten("{a: 1, b: {c: 2}}", {"a": 1, "b": {"c": 3}})) == {"a": 1, "b": {"c": 3}}


def test_docker_inputs_come_and_go_with_the_choice_and_values_stay() -> None:
    tree: Json = {"name": "p", "input": {"NAMESPACE": "apps"}}
    docker = edits.with_injection(tree, "Docker")
    assert edits.injection(docker) == "Docker" and set(docker["input"]) == {"NAMESPACE", *DOCKER}
    assert docker["_inputMeta"]["DOCKER_TAG"] == {"description": DOCKER["DOCKER_TAG"], "mandatory": False}
    docker["input"]["DOCKER_TAG"] = "latest"
    git = edits.with_injection(docker, "Git")
    assert set(git["input"]) == {"NAMESPACE", "DOCKER_TAG", *GIT} and git["options"] == ["GIT_TRIGGER"]
    assert set(edits.with_injection(git, "None")["input"]) == {"NAMESPACE", "DOCKER_TAG"}


def test_the_last_star_that_was_clicked_is_the_one() -> None:
    tree: Json = {"input": {"A": "1", "B": "2"}, "starred": {"input": "A"}}
    rows = [{**row, "starred": True} for row in edits.input_rows(tree)]
    assert edits.with_inputs(tree, rows)["starred"] == {"input": "B"}
    assert edits.with_inputs(tree, [{**row, "starred": False} for row in rows])["starred"] == {}


def test_stages_and_tasks_are_added_renamed_and_removed_with_their_order() -> None:
    tree, stage = edits.with_stage({"name": "p"})
    tree, task = edits.with_task(tree, stage, "K8S")
    assert (stage, task, tree["stages"][stage]["taskOrder"]) == ("Stage 1", "Deploy", ["Deploy"])
    tree = edits.with_task_changed(tree, stage, task, "Apply it", {"type": "K8S"})
    assert tree["stages"][stage]["taskOrder"] == ["Apply it"] and "Deploy" not in tree["stages"][stage]["tasks"]
    assert edits.without_task(tree, stage, "Apply it") == {"name": "p", "stageOrder": [], "stages": {}}


def test_a_task_is_found_in_an_order_that_is_written_with_blanks() -> None:
    tree = {"stages": {"S": {"taskOrder": ["A, B", "C"], "tasks": {"A": {}, "B": {}, "C": {}}}}}
    assert edits.without_task(tree, "S", "B")["stages"]["S"]["taskOrder"] == ["A", "C"]
    renamed = edits.with_task_changed(tree, "S", "B", "D", {"type": "REST"})
    assert renamed["stages"]["S"]["taskOrder"] == ["A,D", "C"]


def test_a_panel_that_is_sent_unchanged_changes_nothing() -> None:
    task = tree_of(EXAMPLE)["stages"]["Deploy"]["tasks"]["Apply"]
    schema = TASK_SCHEMAS["K8S"]
    form = {one.name: one.value for one in task_form.fields(schema, task) if one.kind != "flag" or one.value}
    form |= {"e.kubernetesServer": "cluster", "source": task_form.source_of(task)}
    assert task_form.read(schema, task, form) == task


def test_a_panel_says_action_cluster_and_payload_and_turns_numbers_and_flags_into_their_types() -> None:
    form = {"i.action": "DELETE", "i.timeout": "7", "i.yaml": "kind: Pod\r\n", "i.pinDigest": "yes"}
    form["e.kubernetesServer"] = "prod"
    read = task_form.read(TASK_SCHEMAS["K8S"], {"type": "K8S"}, {**form, "source": "Local Definition"})
    assert read["input"] == {"action": "DELETE", "timeout": 7, "yaml": "kind: Pod\n"}
    assert read["endpoints"] == {"kubernetesServer": "prod"}
    from_git = {**form, "source": "Source Control", "i.filePath": "k8s/web.yaml", "e.scm": "repo"}
    read = task_form.read(TASK_SCHEMAS["K8S"], read, from_git)
    assert "yaml" not in read["input"] and read["endpoints"] == {"kubernetesServer": "prod", "scm": "repo"}
    assert task_form.source_of(read) == "Source Control"


@pytest.mark.parametrize(
    ("source", "own", "kept"),
    [
        ("Kustomize", {"i.kustomization": "overlays/prod", "i.images": "acme/web: acme/web:1", "i.prune": "yes"}, {}),
        ("Helm chart", {"i.chart": "charts/web", "i.values": "image: {tag: 1}", "i.takeOver": "yes"}, {"prune": False}),
    ],
)
def test_a_panel_keeps_what_goes_with_its_payload_source(
    source: str, own: dict[str, str], kept: dict[str, Any]
) -> None:
    before = {"type": "K8S", "input": {"yaml": "kind: Pod", "filePath": "a.yaml"}, "endpoints": {"scm": "repo"}}
    form = {"i.action": "APPLY", "i.pinDigest": "yes", "source": source, "e.scm": "repo", **own}
    read = task_form.read(TASK_SCHEMAS["K8S"], before, form)
    assert set(read["input"]) == {"action", *(name[2:] for name in own if name != "i.prune"), *kept}
    assert read["endpoints"] == {"scm": "repo"}
    assert task_form.source_of(read) == source
    local = task_form.read(TASK_SCHEMAS["K8S"], read, {**form, "source": "Local Definition", "i.yaml": "kind: Job"})
    assert local["input"] == {"action": "APPLY", "yaml": "kind: Job"} and "endpoints" not in local


@pytest.mark.parametrize("kind", TASK_SCHEMAS)
def test_every_type_of_task_has_a_panel(kind: str) -> None:
    schema = TASK_SCHEMAS[kind]
    assert [one.name for one in task_form.fields(schema, {})] == [f"i.{name}" for name in schema["properties"]]


def test_the_template_is_mended_and_not_written_anew_when_its_task_changes() -> None:
    text = template("default", "New", "Docker")
    tree = tree_of(text)
    task = dict(tree["stages"]["Deploy"]["tasks"]["Apply"])
    changed = edits.with_task_changed(
        tree, "Deploy", "Apply", "Apply", {**task, "endpoints": {"kubernetesServer": "x"}}
    )
    assert "# The name of a Kubernetes endpoint" in rewritten(text, changed)
