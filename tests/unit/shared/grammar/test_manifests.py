"""What is shown of Secrets in a task's input."""

from __future__ import annotations

import base64
import json

import pytest
import yaml

from shared.grammar.manifests import NOT_SHOWN, secrets_in, shown_input, shown_pipeline

ENCODED = base64.b64encode(b"swordfish").decode()

TEXT = f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: web}}
data: {{colour: blue}}
---
apiVersion: v1
kind: Secret   # of the web
metadata:
  name: web
data:
  password: {ENCODED}
stringData:
  user: "ann-of-acme"
  file: |
    one-secret-line
    two

  late: ${{var.later}}
type: Opaque
"""


def shown(text: str) -> str:
    return str(shown_input("K8S", {"yaml": text})["yaml"])


def test_a_secret_is_shown_as_the_names_of_its_keys_and_every_line_stays_where_it_was() -> None:
    hidden = shown(TEXT)
    for value in (ENCODED, "ann-of-acme", "one-secret-line", "two"):
        assert value not in hidden
    assert hidden.count("\n") == TEXT.count("\n")
    assert hidden.splitlines()[-1] == "type: Opaque"
    config, secret = yaml.safe_load_all(hidden)
    assert config["data"] == {"colour": "blue"}
    assert secret["data"] == {"password": "*****"}
    assert secret["stringData"] == {"user": "*****", "file": "*****", "late": "${var.later}"}


@pytest.mark.parametrize(
    "text",
    [
        "kind: List\nitems:\n- {kind: Secret, stringData: {a: swordfish}}\n",
        "x: &it swordfish\nkind: Secret\nstringData: {a: *it}\n",
        "base: &base {a: swordfish}\nkind: Secret\nstringData: {<<: *base}\n",
        "kind: Secret\nstringData:\n  a: &it swordfish\n  b: *it\n",
        '"kind" : "Secret"\n"data": {"a": "swordfish"}\n',
        "kind: ${input.kind}\nstringData: {a: swordfish}\n",
        "kind: Secret\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: swordfish\n",
        json.dumps({"kind": "Secret", "stringData": {"a": "swordfish"}}),
        "kind: Secret\nstringData: swordfish\n",
        "kind: Secret\nstringData: {a: [swordfish, {b: swordfish}]}\n",
    ],
)
def test_a_secret_is_found_however_it_is_written(text: str) -> None:
    assert "swordfish" not in shown(text)
    assert "swordfish" in secrets_in("K8S", {"yaml": text})


def test_what_cannot_be_read_and_may_be_a_secret_is_not_shown_at_all() -> None:
    assert shown("kind: Secret\nstringData: {a: swordfish\n") == NOT_SHOWN
    assert shown("kind: Deployment\nspec: {a: b\n") == "kind: Deployment\nspec: {a: b\n"


@pytest.mark.parametrize(
    "patch",
    [
        {"stringData": {"a": "swordfish"}},
        "stringData: {a: swordfish}",
        [{"op": "add", "path": "/data/a", "value": "swordfish"}],
        '[{"op": "replace", "path": "", "value": {"stringData": {"a": "swordfish"}}}]',
        "{stringData: {a: swordfish}",
    ],
)
def test_a_patch_of_a_secret_shows_no_value(patch: object) -> None:
    given = {"kind": "Secret", "name": "web", "patch": patch}
    assert "swordfish" not in json.dumps(shown_input("K8S", given))
    assert shown_input("K8S", {**given, "kind": "ConfigMap"})["patch"] == patch


def test_a_secrets_values_are_known_as_written_and_decoded() -> None:
    assert {ENCODED, "swordfish", "ann-of-acme"} <= secrets_in("K8S", {"yaml": TEXT})


def test_other_tasks_and_other_kinds_are_shown_as_they_are() -> None:
    assert shown_input("REST", {"yaml": TEXT}) == {"yaml": TEXT}
    text = "kind: Deployment\nspec: {imagePullSecrets: [{name: Secret}]}\ndata: {a: b}\n"
    assert shown(text) == text
    assert secrets_in("K8S", {"yaml": text}) == frozenset()


def test_a_pipelines_document_masks_the_secrets_in_its_tasks() -> None:
    task = {"type": "K8S", "input": {"action": "APPLY", "yaml": TEXT}}
    tree = {"name": "web", "stages": {"Deploy": {"taskOrder": ["Apply"], "tasks": {"Apply": task}}}}
    shown_tree = shown_pipeline(tree)
    assert ENCODED not in json.dumps(shown_tree)
    assert shown_tree["stages"]["Deploy"]["taskOrder"] == ["Apply"]
    assert shown_pipeline({"name": "web"}) == {"name": "web"}
    assert shown_pipeline({"stages": {"Deploy": "not a map"}}) == {"stages": {"Deploy": "not a map"}}
