"""Values on a real cluster: whatever an input holds, the cluster gets the objects of the manifest and no others."""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from typing import Any

import pytest

from shared.contracts.history import Status
from tests.support.patience import until

from .k8s import Kube, Runs

pytestmark = pytest.mark.cluster

ATTACK = "x\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: stolen}\n---\n'\"`id` $(id) {{ ${input.y} }}"
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  annotations: {by: '${input.x}'}
data:
  plain: ${input.x}
  quoted: "by ${input.x}"
  block: |
    first
    ${input.x}
  number: "${input.n}"
"""


def test_an_input_adds_no_object_and_arrives_as_it_is(runs: Runs, kube: Kube, space: str) -> None:
    done = runs.run(yaml=MANIFEST, namespace=space, inputs={"x": ATTACK, "n": 3})
    assert done.state.status is Status.COMPLETED, done.state.message
    objects = done.state.task("Deploy", "Apply").output.view["response"]
    assert list(objects["configmaps"]) == ["settings"]
    config = objects["configmaps"]["settings"]
    assert config["data"] == {
        "plain": ATTACK,
        "quoted": f"by {ATTACK}",
        "block": f"first\n{ATTACK}\n",
        "number": "3",
    }
    assert config["metadata"]["annotations"]["by"] == ATTACK
    missing = runs.run(action="GET", kind="ConfigMap", name="stolen", namespace=space)
    assert "does not exist" in missing.state.message


SCALARS = """\
open: 22:30
close: 6:15
map: 2222:22
mode: 0o644
old: 0440
ver: 1.10
power: 1e3
parts: 1_000
day: 2026-01-01
sign: =
y: on
off: [no, y, off, .5, 0x1F, 0b11, +7]
1.0: one
"""


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl (Debian: apt-get install kubernetes-client)")
def test_each_action_reads_scalars_as_kubectl_does(runs: Runs, kube: Kube, space: str) -> None:
    group = f"{space}.example.com"
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "windows", "kind": "Window", "singular": "window"}
    spec = {"group": group, "scope": "Namespaced", "names": names, "versions": [version]}
    body = {"metadata": {"name": f"windows.{group}"}, "spec": spec}
    kube.call("POST", definitions, body)

    def window(name: str) -> str:
        head = f"apiVersion: {group}/v1\nkind: Window\nmetadata: {{name: {name}}}\nspec:\n"
        return head + textwrap.indent(SCALARS, "  ")

    def live(name: str) -> dict[str, Any]:
        return dict(kube.call("GET", f"/apis/{group}/v1/namespaces/{space}/windows/{name}")["spec"])

    try:
        until(lambda: kube.call("GET", f"/apis/{group}/v1/namespaces/{space}/windows") is not None)
        command = ["kubectl", "create", "--validate=false", "-n", space, "-f", "-"]
        made = subprocess.run(command, input=window("theirs"), text=True, timeout=60, capture_output=True)
        assert made.returncode == 0, made.stderr
        patch = f"spec:\n{textwrap.indent(SCALARS, '  ')}"
        kube.call("POST", f"/apis/{group}/v1/namespaces/{space}/windows", empty(group, "patched"))
        done = [
            runs.run(yaml=window("applied"), namespace=space),
            runs.run(action="CREATE", yaml=window("created"), namespace=space),
            runs.run(
                action="PATCH", apiVersion=f"{group}/v1", kind="Window", name="patched", namespace=space, patch=patch
            ),
        ]
        assert [one.state.message for one in done if one.state.status is not Status.COMPLETED] == []
        assert live("applied") == live("created") == live("patched") == live("theirs")
        assert live("theirs")["mode"] == 420 and live("theirs")["open"] == "22:30"
        same = runs.run(action="DIFF", yaml=window("theirs"), namespace=space)
        shown = same.state.task("Deploy", "Apply").output.view["diff"]
        assert not [line for line in shown.splitlines() if line[:1] in "+-" and "spec" in line], shown
        gone = runs.run(action="DELETE", yaml=window("applied"), namespace=space)
        assert gone.state.status is Status.COMPLETED, gone.state.message
        assert kube.call("GET", f"/apis/{group}/v1/namespaces/{space}/windows/applied") is None
    finally:
        kube.call("DELETE", f"{definitions}/windows.{group}")


def empty(group: str, name: str) -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1", "kind": "Window", "metadata": {"name": name}, "spec": {}}


SECRET = """\
apiVersion: v1
kind: Secret
metadata: {name: odd-keys}
stringData:
  on: hidden-one
  0o17: hidden-two
  1e3: hidden-three
"""


def test_a_secret_is_masked_under_the_keys_that_kubectl_sends(runs: Runs, kube: Kube, space: str) -> None:
    planned = runs.run(action="DIFF", yaml=SECRET, namespace=space)
    done = runs.run(yaml=SECRET, namespace=space)
    assert done.state.status is Status.COMPLETED, done.state.message
    stored = kube.call("GET", f"/api/v1/namespaces/{space}/secrets/odd-keys")["data"]
    assert sorted(stored) == ["1000", "15", "true"]
    diff = planned.state.task("Deploy", "Apply").output.view["diff"]
    assert [key for key in stored if f"{key}: " not in diff.replace("'", "")] == []
    shown = done.state.task("Deploy", "Apply").output.view
    assert sorted(shown["response"]["secrets"]["odd-keys"]["data"]) == sorted(stored)
    assert "hidden-" not in f"{diff}{shown}{planned.lines}{done.lines}"
    assert not any(value in f"{diff}{shown}{planned.lines}{done.lines}" for value in stored.values())
