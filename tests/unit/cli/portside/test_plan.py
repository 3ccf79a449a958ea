"""What `apply` and `diff` say of files beside what the server exports."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from cli.portside.ending import CommandFailed, ExitCode
from cli.portside.plan import MAX_FILE_BYTES, Definition, definitions, in_projects, plan, read_files
from shared.grammar.yaml_parser import parse_yaml

TYPES = frozenset({"Log", "K8S"})
STORED: dict[str, Any] = {
    "project": "default", "kind": "PIPELINE", "name": "web", "icon": "rocket", "enabled": True, "concurrency": 10,
    "description": "deploys", "stageOrder": ["Only"],
    "stages": {"Only": {"taskOrder": ["Say"], "tasks": {"Say": {"type": "Log", "input": {"message": "hello"}}}}},
}  # fmt: skip
ENDPOINT: dict[str, Any] = {
    "project": "default", "kind": "ENDPOINT", "name": "cluster", "type": "k8s", "isRestricted": False,
    "properties": {"kubernetesURL": "https://cluster.example.com", "token": "*****"},
}  # fmt: skip

SERVER = {("pipelines", "default", "web"): STORED, ("endpoints", "default", "cluster"): ENDPOINT}


def verbs(*documents: dict[str, Any]) -> list[str]:
    desired = [Definition(document, "f.yaml") for document in documents]
    return [step.verb for step in plan(in_projects(desired, ["default"], "default"), SERVER, TYPES)]


def without(document: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key not in keys}


def test_what_the_server_fills_in_is_not_a_change() -> None:
    assert verbs(STORED, without(STORED, "icon", "enabled", "concurrency"), ENDPOINT) == ["leave"] * 3


def test_what_a_pipeline_leaves_out_is_cleared_and_so_a_change() -> None:
    (step,) = plan([Definition(without(STORED, "description"), "f.yaml", "default")], SERVER, TYPES)
    assert step.verb == "change" and "-description: deploys" in step.difference


def test_a_new_object_is_created_and_another_value_a_change() -> None:
    other = {**ENDPOINT, "properties": {"kubernetesURL": "https://other.example.com"}}
    assert verbs({**STORED, "name": "shop"}, other) == ["create", "change"]


def test_a_secret_is_neither_compared_nor_shown() -> None:
    changed = {**ENDPOINT, "properties": {"kubernetesURL": "https://other.example.com", "token": "very-secret"}}
    (step,) = plan([Definition(changed, "f.yaml", "default")], SERVER, TYPES)
    assert step.verb == "change" and "very-secret" not in step.difference and "*****" not in step.difference
    assert verbs({**ENDPOINT, "properties": {**ENDPOINT["properties"], "token": "very-secret"}}) == ["leave"]


def test_a_task_of_an_unknown_type_will_not_run() -> None:
    stages = {"Only": {"taskOrder": ["Build"], "tasks": {"Build": {"type": "Jenkins"}}}}
    (step,) = plan([Definition({**STORED, "stages": stages}, "f.yaml")], {}, TYPES)
    assert step.row()["willNotRun"] == ["Only.Build: tasks of type Jenkins do not run here"]


@pytest.mark.parametrize("text", ["a: [", "a: &a [*a]\nb: *c\n", "x: !!python/name:os.system"])
def test_what_is_not_yaml_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(CommandFailed, match=r"^f\.yaml:\d+:\d+: not YAML") as failure:
        definitions([("f.yaml", text)])
    assert failure.value.exit_code is ExitCode.USAGE


def test_a_folder_is_read_in_order_and_only_its_yaml(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "notes.md"):
        (tmp_path / name).write_text(f"name: {name}")
    assert [Path(name).name for name, _ in read_files([tmp_path])] == ["a.yml", "b.yaml"]
    (tmp_path / "none").mkdir()
    with pytest.raises(CommandFailed, match=r"no \.yaml file"):
        read_files([tmp_path / "none"])


def test_objects_of_one_name_in_two_projects_are_two() -> None:
    documents = [{**ENDPOINT, "project": project} for project in ("default", "shop")]
    desired = in_projects([Definition(document, "f.yaml") for document in documents], ["default", "shop"], "default")
    assert [step.verb for step in plan(desired, SERVER, TYPES)] == ["leave", "create"]


def test_an_object_goes_into_its_project_if_the_server_or_a_file_has_it_and_else_into_the_default_one() -> None:
    documents = [
        {"kind": "PROJECT", "name": "new"},
        *({"kind": "VARIABLE", "name": "x", "project": project} for project in ("new", "old", "nowhere")),
        {"kind": "VARIABLE", "name": "x"},
    ]
    desired = in_projects([Definition(document, "f.yaml") for document in documents], ["old"], "default")
    assert [definition.project for definition in desired] == ["", "new", "old", "default", "default"]
    assert [definition.missing_project for definition in desired] == ["", "", "", "nowhere", ""]
    assert [step.row()["project"] for step in plan(desired, {}, TYPES)] == ["", "new", "old", "default", "default"]


def test_a_project_that_the_server_has_is_left() -> None:
    stored = {("projects", "", "shop"): {"kind": "PROJECT", "name": "shop", "description": "", "members": []}}
    (step,) = plan([Definition({"kind": "PROJECT", "name": "shop"}, "f.yaml")], stored, TYPES)
    assert step.verb == "leave"


SCALARS = "input: {on: yes, mode: 0644, version: 1.10, day: 2026-01-01, at: 22:30, sum: 1_000, y: n, note: what?}"


def test_a_file_is_read_as_the_server_reads_it() -> None:
    (definition,) = definitions([("f.yaml", f"kind: PIPELINE\nname: web\n{SCALARS}\n")])
    assert [definition.document["input"]] == [parse_yaml(SCALARS)[0]["input"]]
    assert list(definition.document["input"]) == ["on", "mode", "version", "day", "at", "sum", "y", "note"]


def test_more_than_is_read_of_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"#" * (MAX_FILE_BYTES + 1))))
    with pytest.raises(CommandFailed, match="standard input is larger than 8 MiB"):
        read_files([Path("-")])
