"""Custom integrations on a real cluster: code that a real catalog keeps, run in real pods."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services.runner.tasks.ci.custom import Custom
from services.runner.tasks.k8s.client import quiet_insecure_warnings
from services.runner.tasks.k8s.cluster import Clusters
from shared.contracts.catalog import Act, Document, Kind
from shared.contracts.envelope import Caller
from shared.contracts.history import Status
from shared.process.secrets import Opener, Sealer, create_keys
from tests.integration.config.office import Office
from tests.support.outbound import LOOPBACK
from tests.support.runs import OneTask, output

from .k8s import Kube, kubeconfig_endpoint
from .test_ci import message, nothing_left, workspace

pytestmark = pytest.mark.cluster
SHELL = """\
runtime: shell
code: |
  export greeting="$word $who"
  printf '%s' "$greeting" | wc -c > length
  export length="$(cat length)"
inputProperties:
  - {name: who, type: text, required: true}
  - {name: word, type: text, defaultValue: hello}
outputProperties:
  - {name: greeting, type: label}
  - {name: length, type: label}
"""


@pytest.fixture
def office(tmp_path: Path) -> Office:
    folder = tmp_path / "office"
    folder.mkdir()
    return Office(folder)


@pytest.fixture
def runs(tmp_path: Path, office: Office) -> OneTask:
    create_keys(tmp_path)
    quiet_insecure_warnings()
    made = OneTask(Custom(Clusters(LOOPBACK.guard)), (Sealer.load(tmp_path), Opener.load(tmp_path)))
    made.endpoints["cluster"] = kubeconfig_endpoint(made.sealer)

    def ask(act: Act) -> Document:
        return office.desk.act(act.model_copy(update={"project": "default"}), Caller(user="admin"), None)

    made.answer_act = ask
    return made


def released(office: Office, yaml: str, *labels: str) -> None:
    """A custom integration `greet` with these versions released."""
    body = {"project": "default", "name": "greet", "yaml": yaml}
    id = office.act(Kind.CUSTOM_INTEGRATIONS, "create", body)["id"]
    for label in labels:
        office.act(Kind.CUSTOM_INTEGRATIONS, "version", {"version": label}, id=id)
        office.act(Kind.CUSTOM_INTEGRATIONS, "release", id=id, options={"version": label})


def greet(**more: Any) -> dict[str, Any]:
    return {"name": "greet", "properties": {"who": "w'or\"ld"}, **more}


def test_inputs_reach_the_code_and_its_outputs_come_back(runs: OneTask, office: Office, kube: Kube, space: str) -> None:
    released(office, SHELL, "1.0")
    done = runs.run(greet(version="1.0"), {}, workspace=workspace(space))
    assert done.state.status is Status.COMPLETED, message(done) + "\n".join(done.lines)
    assert output(done) == {"properties": {"greeting": "hello w'or\"ld", "length": "13"}}
    assert "Custom integration greet, version 1.0" in done.lines
    nothing_left(kube, space)


def test_code_that_fails_fails_the_task_with_its_exit_code(
    runs: OneTask, office: Office, kube: Kube, space: str
) -> None:
    released(office, "runtime: shell\ncode: |\n  echo no such ticket\n  exit 4\n", "1.0")
    done = runs.run({"name": "greet"}, {}, workspace=workspace(space))
    assert done.state.status is Status.FAILED
    assert "exit code 4" in message(done)
    nothing_left(kube, space)
