"""CI on a real cluster: steps in real pods."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.runner.engine.executor import Holder
from services.runner.tasks.ci.task import CI
from services.runner.tasks.k8s.client import quiet_insecure_warnings
from services.runner.tasks.k8s.cluster import Clusters
from shared.contracts.history import Status
from shared.grammar.resolving import Scope, resolve
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.outbound import LOOPBACK
from tests.support.patience import until
from tests.support.runs import OneTask, output

from .k8s import Kube, kubeconfig_endpoint

pytestmark = pytest.mark.cluster
Steps = Callable[..., Any]


@pytest.fixture
def runs(tmp_path: Path) -> OneTask:
    create_keys(tmp_path)
    quiet_insecure_warnings()
    made = OneTask(CI(Clusters(LOOPBACK.guard)), (Sealer.load(tmp_path), Opener.load(tmp_path)))
    made.endpoints["cluster"] = kubeconfig_endpoint(made.sealer)
    return made


def workspace(space: str, **more: Any) -> dict[str, Any]:
    return {
        "image": "busybox:1.36",
        "endpoint": "cluster",
        "customProperties": {"namespace": space},
        "limits": {"cpu": 0.5, "memory": 64},
        **more,
    }


def message(ledger: Any) -> str:
    return str(ledger.state.task("S", "T").message)


@pytest.fixture
def readable(runs: OneTask, space: str) -> None:
    """Some API servers cannot reach their nodes by name, and then nobody can read a log."""
    probe = runs.run({"steps": ["echo readable"]}, {}, workspace=workspace(space))
    if "readable" not in probe.lines:
        pytest.skip(f"needs a cluster whose logs can be read: {probe.lines[-1]}")


def nothing_left(kube: Kube, space: str) -> None:
    """Its Job, its pods and its Secret are gone, or on their way."""
    assert kube.call("GET", f"/apis/batch/v1/namespaces/{space}/jobs")["items"] == []
    until(lambda: not kube.call("GET", f"/api/v1/namespaces/{space}/pods")["items"], 90)
    names = [one["metadata"]["name"] for one in kube.call("GET", f"/api/v1/namespaces/{space}/secrets")["items"]]
    assert [name for name in names if name.startswith("portside-ci")] == []


def test_steps_share_a_shell_and_their_environment_and_bring_back_what_they_export(
    runs: OneTask, kube: Kube, space: str
) -> None:
    steps = ["export WHO=world", 'HELLO="$GREETING\n$WHO"', 'test "$(pwd)" = /workspace/src']
    place = workspace(space, path="src", environmentVariables={"GREETING": "hello 'you'"})
    done = runs.run({"steps": steps, "export": ["HELLO", "NOTHING"]}, {}, workspace=place)
    assert done.state.status is Status.COMPLETED, message(done) + "\n".join(done.lines)
    assert output(done)["exports"] == {"HELLO": "hello 'you'\nworld", "NOTHING": ""}
    nothing_left(kube, space)


def test_the_log_comes_live_and_files_are_kept(readable: None, runs: OneTask, kube: Kube, space: str) -> None:
    steps = ["mkdir out; echo kept | tee out/a.txt", "printf '\\377\\001' > out/b.bin"]
    done = runs.run({"steps": steps, "artifacts": ["out/*"]}, {}, workspace=workspace(space))
    assert done.state.status is Status.COMPLETED, message(done)
    assert done.lines[1:] == ["$ mkdir out; echo kept | tee out/a.txt", "kept", f"$ {steps[1]}"]
    assert [one["path"] for one in output(done)["artifacts"]] == ["out/a.txt", "out/b.bin"]


def test_a_step_that_fails_is_named_with_its_last_words(runs: OneTask, kube: Kube, space: str) -> None:
    given = {"steps": ["echo fine", "echo no such file >&2; exit 3", "echo never"], "artifacts": ["*.txt"]}
    done = runs.run(given, {}, workspace=workspace(space))
    assert message(done) == (
        "Step 2 of 3 (echo no such file >&2; exit 3) ended with exit code 3. Last log line: no such file"
    )
    assert "never" not in done.lines
    nothing_left(kube, space)


def running(kube: Kube, space: str) -> bool:
    pods = kube.call("GET", f"/api/v1/namespaces/{space}/pods")["items"]
    return any(pod["status"].get("phase") == "Running" for pod in pods)


def test_a_cancel_takes_the_job_away(runs: OneTask, kube: Kube, space: str) -> None:
    ledger, holder = runs.begin({"steps": ["sleep 600"]}, {}, workspace=workspace(space))
    until(lambda: running(kube, space))
    runs.cancel(ledger, holder)
    runs.until_over(ledger)
    holder.close(3)
    assert ledger.state.status is Status.CANCELED
    nothing_left(kube, space)


def test_an_image_that_is_not_there_fails_early(runs: OneTask, kube: Kube, space: str) -> None:
    done = runs.run({"steps": ["true"]}, {}, workspace=workspace(space, image="127.0.0.1:5001/no/such:1"))
    assert done.state.status is Status.FAILED
    assert "It does not start" in message(done)
    assert "cannot pull image 127.0.0.1:5001/no/such:1" in message(done)
    nothing_left(kube, space)


def test_a_successor_goes_on_with_the_same_job(runs: OneTask, kube: Kube, space: str) -> None:
    given = {"steps": ["sleep 3", "export A=b"], "export": ["A"]}
    ledger, holder = runs.begin(given, {}, workspace=workspace(space))
    until(lambda: running(kube, space))
    holder.close(3)
    heir = Holder(ledger, {"CI": runs.kind}, sealer=runs.sealer, opener=runs.opener, runner="r2")
    heir.start()
    runs.take(ledger, heir)
    runs.until_over(ledger)
    heir.close(3)
    assert ledger.state.status is Status.COMPLETED, message(ledger)
    assert output(ledger)["exports"] == {"A": "b"}
    nothing_left(kube, space)


def test_a_step_that_wants_too_much_memory_is_told_so(runs: OneTask, space: str) -> None:
    given = {"steps": ["tail /dev/zero"]}
    done = runs.run(given, {}, workspace=workspace(space, limits={"memory": 16}))
    assert done.state.status is Status.FAILED
    assert "memory" in message(done) or "exit code 137" in message(done)


def test_the_example_of_the_documentation_runs(runs: OneTask, space: str) -> None:
    page = Path("docs/reference/tasks/ci.md").read_text(encoding="utf-8")
    tree = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    given = resolve(tree["stages"]["Test"]["tasks"]["Smoke"]["input"], Scope(tree["input"]))
    place = {**tree["workspace"], "customProperties": {"namespace": space}}
    done = runs.run(given, {}, workspace=place)
    assert done.state.status is Status.COMPLETED, message(done)
    assert output(done)["exports"] == {"VERSION": "1.4.1"}
