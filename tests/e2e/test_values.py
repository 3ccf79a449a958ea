"""Values on a real cluster: whatever an input holds, the cluster gets the objects of the manifest and no others."""

from __future__ import annotations

import pytest

from shared.contracts.history import Status

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
