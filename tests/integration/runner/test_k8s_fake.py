"""K8S tasks and k8s endpoints over HTTP against the demo cluster: what needs no real pods."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from demo.cluster.server import FakeCluster
from services.runner.requests.inspect import OutsideInspector
from services.runner.requests.validate import Validator
from shared.contracts.catalog import Inspect, ValidateAsk
from shared.contracts.history import Status
from shared.contracts.pushes import Push
from shared.contracts.runs import ResolvedEndpoint
from shared.process.secrets import Opener, Sealer, create_keys
from tests.e2e.k8s import Kube, Runs, deployment
from tests.support.gitserver import GitServer
from tests.support.outbound import LOOPBACK

DIGEST = "sha256:" + "b" * 64


@pytest.fixture
def cluster() -> Iterator[FakeCluster]:
    served = FakeCluster(pace_s=0.1)
    yield served
    served.close()


@pytest.fixture
def kube(cluster: FakeCluster) -> Kube:
    return Kube(cluster.url, cluster.token)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Sealer, Opener]:
    create_keys(tmp_path)
    return Sealer.load(tmp_path), Opener.load(tmp_path)


def endpoint(cluster: FakeCluster, sealer: Sealer, token: str = "") -> ResolvedEndpoint:
    return ResolvedEndpoint(
        name="cluster",
        type="k8s",
        properties={"kubernetesURL": cluster.url, "authType": "token"},
        secrets={"token": sealer.seal(token or cluster.token)},
    )


@pytest.fixture
def runs(cluster: FakeCluster, keys: tuple[Sealer, Opener]) -> Iterator[Runs]:
    made = Runs(*keys, {"cluster": endpoint(cluster, keys[0])})
    yield made
    made.clusters.close()


def image(kube: Kube) -> str:
    return str(kube.deployment("apps", "web")["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_push_rolls_out_by_digest_and_a_broken_one_is_put_back(runs: Runs, kube: Kube) -> None:
    good = Push(provider="dockerhub", registry_host="docker.io", repository="acme/web", tag="1.4.0", digest=DIGEST)
    done = runs.run(good, yaml=deployment("web", "acme/web:1.4.0", replicas=2), namespace="apps")
    assert done.state.status is Status.COMPLETED, done.state.message
    assert image(kube) == f"acme/web:1.4.0@{DIGEST}"
    broken = runs.run(yaml=deployment("web", "acme/web:broken"), namespace="apps", rollbackOnFailure=True)
    assert broken.state.status is Status.FAILED
    assert "will not become ready: cannot pull image acme/web:broken" in broken.state.message
    assert f"Put back: Deployment web runs acme/web:1.4.0@{DIGEST} again" in broken.state.message
    assert image(kube) == f"acme/web:1.4.0@{DIGEST}"


def test_a_cancelled_roll_out_is_put_back_where_that_is_wanted(runs: Runs, kube: Kube) -> None:
    from services.config.model.claims import Intent, State
    from tests.support.patience import until

    assert runs.run(yaml=deployment("web", "acme/web:1"), namespace="apps").state.status is Status.COMPLETED
    text = deployment("web", "acme/web:2", readinessProbe={"httpGet": {"path": "/", "port": 80}})
    ledger, holder = runs.begin(yaml=text, namespace="apps", rollbackOnFailure=True)
    until(lambda: any("applied" in line for line in ledger.lines))
    ledger.intend(Intent.CANCEL)
    holder.look_now(ledger.holding.execution_id)
    until(lambda: ledger.holding.state is State.ENDED)
    holder.close(3)
    if ledger.state.status is Status.CANCELED:
        assert image(kube) == "acme/web:1"
    else:
        assert ledger.state.status is Status.COMPLETED  # the roll-out was faster than the cancel


NEW_KIND = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, kind: Widget, singular: widget}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""


def settings(value: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings}}\ndata: {{a: '{value}'}}\n"


def test_a_manifest_that_is_refused_half_way_is_put_back(runs: Runs, kube: Kube) -> None:
    assert runs.run(yaml=settings("1"), namespace="apps").state.status is Status.COMPLETED
    # What is of a kind that comes with the manifest can be tried only when that kind is there.
    refused = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: NO_NAME}\n"
    text = "---\n".join((settings("2"), NEW_KIND, refused))
    failed = runs.run(yaml=text, namespace="apps", rollbackOnFailure=True)
    assert failed.state.status is Status.FAILED
    assert "Cannot apply Widget apps/NO_NAME" in failed.state.message
    assert "Put back: the objects are as they were" in failed.state.message
    assert kube.call("GET", "/api/v1/namespaces/apps/configmaps/settings")["data"] == {"a": "1"}


def test_an_apply_takes_over_what_a_patch_of_ours_has_set(runs: Runs, kube: Kube) -> None:
    assert runs.run(yaml=deployment("web", "acme/web:1"), namespace="apps").state.status is Status.COMPLETED
    patched = runs.run(action="PATCH", kind="Deployment", name="web", namespace="apps", patch="spec: {replicas: 3}")
    assert "Patched Deployment apps/web." in patched.state.task("Deploy", "Apply").message
    done = runs.run(yaml=deployment("web", "acme/web:1", replicas=2), namespace="apps")
    assert done.state.status is Status.COMPLETED, done.state.message
    assert kube.deployment("apps", "web")["spec"]["replicas"] == 2


def test_create_makes_a_new_kind_with_an_object_of_it_and_says_what_stayed(runs: Runs, kube: Kube) -> None:
    widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: w}\n"
    assert runs.run(yaml=settings("1"), namespace="apps").state.status is Status.COMPLETED
    text = "---\n".join((settings("2"), widget, NEW_KIND))
    done = runs.run(action="CREATE", continueOnConflict=True, yaml=text, namespace="apps")
    assert done.state.status is Status.COMPLETED, done.state.message
    told = done.state.task("Deploy", "Apply").message
    assert told == "Created 2 objects. 1 object existed already and stayed as is."
    assert kube.call("GET", "/api/v1/namespaces/apps/configmaps/settings")["data"] == {"a": "1"}


def test_a_push_whose_digest_nobody_knows_is_pulled_again_under_its_known_tag(runs: Runs, kube: Kube) -> None:
    push = Push(provider="dockerhub", registry_host="docker.io", repository="acme/web", tag="1.4.0", digest=None)
    for _ in range(2):
        done = runs.run(push, yaml=deployment("web", "acme/web:1.4.0"), namespace="apps")
        assert done.state.status is Status.COMPLETED, done.state.message
    template = kube.deployment("apps", "web")["spec"]["template"]
    assert template["spec"]["containers"][0]["imagePullPolicy"] == "Always"
    assert template["metadata"]["annotations"]["portside.dev/restarted-for"] == "e2"
    job = yaml.safe_dump(
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "migrate"},
            "spec": {
                "template": {
                    "spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "acme/web:1.4.0"}]}
                }
            },
        }
    )
    for _ in range(2):
        done = runs.run(push, yaml=job, namespace="apps")
        assert done.state.status is Status.COMPLETED, done.state.message


@pytest.mark.parametrize(("tag", "status"), [("1.4.0", Status.COMPLETED), ("fail", Status.FAILED)])
def test_a_job_that_its_ttl_removed_ended_as_its_events_say(runs: Runs, tag: str, status: Status) -> None:
    pods = {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": f"acme/web:{tag}"}]}}
    spec = {"ttlSecondsAfterFinished": 0, "backoffLimit": 0, "template": pods}
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": f"migrate-{tag.replace('.', '-')}"},
        "spec": spec,
    }
    done = runs.run(yaml=yaml.safe_dump(job), namespace="apps")
    assert done.state.status is status, done.state.message


def test_a_job_that_fails_quotes_the_last_line_that_it_printed(runs: Runs) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "acme/migrate:fail"}]}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate"}}
    text = yaml.safe_dump(job | {"spec": {"backoffLimit": 0, "template": {"spec": pod}}})
    done = runs.run(yaml=text, namespace="apps")
    assert done.state.status is Status.FAILED
    assert done.state.message.endswith("container main: ended (exit code 1) [Error]. Last log line: main: exit code 1")


def test_what_was_not_there_is_not_said_to_be_removed(runs: Runs) -> None:
    assert runs.run(yaml=settings("1"), namespace="apps").state.status is Status.COMPLETED
    text = "---\n".join((settings("1"), deployment("ghost", "acme/web:1")))
    done = runs.run(action="DELETE", yaml=text, namespace="apps")
    told = done.state.task("Deploy", "Apply").message
    assert told == "Removed 1 object. Not there before: Deployment apps/ghost."


def test_an_endpoint_that_works_is_said_to_work(cluster: FakeCluster, keys: tuple[Sealer, Opener]) -> None:
    answer = Validator(keys[1], LOOPBACK)(ValidateAsk(endpoint=endpoint(cluster, keys[0])))
    assert answer.ok, answer.message
    assert "allows deploying to default" in answer.message


def test_a_wrong_token_and_an_address_where_nothing_is_are_told_apart(
    cluster: FakeCluster, keys: tuple[Sealer, Opener]
) -> None:
    validator = Validator(keys[1], LOOPBACK)
    wrong = validator(ValidateAsk(endpoint=endpoint(cluster, keys[0], "no-such-token")))
    assert (wrong.ok, wrong.code) == (False, "wrong-password")
    assert "no-such-token" not in wrong.message
    nowhere = endpoint(cluster, keys[0]).model_copy(update={"properties": {"kubernetesURL": "https://127.0.0.1:1"}})
    away = validator(ValidateAsk(endpoint=nowhere))
    assert (away.ok, away.code) == (False, "unreachable")
    assert "connection refused" in away.message


SECRET = """\
apiVersion: v1
kind: Secret
metadata: {{name: web-secret}}
stringData:
  password: "{value}"
data: {{key: {encoded}}}
"""


@pytest.mark.parametrize("action", ["APPLY", "CREATE", "DIFF"])
def test_what_stands_in_a_secret_of_the_manifest_is_told_nowhere(runs: Runs, action: str) -> None:
    encoded = base64.b64encode(b"key-of-the-safe").decode()
    text = SECRET.format(value="correct-horse", encoded=encoded)
    if action == "DIFF":
        runs.run(yaml=SECRET.format(value="wrong-horse", encoded=encoded), namespace="apps")
    done = runs.run(action=action, yaml=text, namespace="apps")
    assert done.state.status is Status.COMPLETED, done.state.message
    said = "".join(report.model_dump_json() for report in done.reports) + "".join(done.lines)
    for secret in ("correct-horse", "wrong-horse", encoded, "key-of-the-safe"):
        assert secret not in said
    (task,) = [one for _, one in done.state.tasks]
    shown = yaml.safe_load(task.input["yaml"])
    assert shown["stringData"]["password"].startswith("hash:")
    assert shown["data"]["key"].startswith("hash:")
    other = runs.run(action="DIFF", yaml=text.replace("correct", "another"), namespace="apps")
    (again,) = [one for _, one in other.state.tasks]
    assert yaml.safe_load(again.input["yaml"])["stringData"] != shown["stringData"]


def test_a_page_sees_what_a_workload_runs(runs: Runs, cluster: FakeCluster, keys: tuple[Sealer, Opener]) -> None:
    assert runs.run(yaml=deployment("web", "acme/web:1"), namespace="apps").state.status is Status.COMPLETED
    inspector = OutsideInspector(Validator(keys[1], LOOPBACK), LOOPBACK)
    options = {"kind": "Deployment", "name": "web", "namespace": "apps"}
    asked = Inspect(what="workload", endpoint=endpoint(cluster, keys[0]), options=options)
    seen = inspector(asked).document
    assert (seen["found"], seen["images"], seen["ready"]) == (True, ["acme/web:1"], True)


def test_the_example_of_the_documentation_runs(runs: Runs, kube: Kube) -> None:
    page = Path("docs/reference/tasks/k8s.md").read_text(encoding="utf-8")
    tree = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    given = tree["stages"]["Deploy"]["tasks"]["Apply"]["input"]
    push = Push(provider="dockerhub", registry_host="docker.io", repository="acme/web", tag="latest", digest=DIGEST)
    done = runs.run(push, inputs=tree["input"], **given)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert image(kube) == f"acme/web:latest@{DIGEST}"


def test_a_manifest_from_git_is_filled_in_and_stays_the_one_that_was_checked(
    runs: Runs, kube: Kube, keys: tuple[Sealer, Opener], tmp_path: Path
) -> None:
    server = GitServer(tmp_path / "git", "ann", "s3cret-password")
    try:
        text = deployment("web", "$${IMAGE}:$${TAG}").replace("'", "")
        server.commit("acme/web", {"deploy/web.yaml": text})
        runs.endpoints["source"] = ResolvedEndpoint(
            name="source",
            type="git",
            properties={"repoURL": f"{server.url}/acme/web.git", "username": "ann"},
            secrets={"password": keys[0].seal("s3cret-password")},
        )
        given: dict[str, Any] = {"filePath": "deploy/web.yaml", "namespace": "apps", "roles": {"scm": "source"}}
        missing = runs.run(scmConstants={"IMAGE": "acme/web"}, **given)
        assert "In deploy/web.yaml: ${TAG} in scmConstants cannot be resolved" in missing.state.message
        done = runs.run(scmConstants={"IMAGE": "acme/web", "TAG": "1.5"}, **given)
        assert done.state.status is Status.COMPLETED, done.state.message
        assert image(kube) == "acme/web:1.5"
        assert any(line.startswith("deploy/web.yaml is taken from commit") for line in done.lines)
        assert "acme/web:1.5" not in str([one.event for one in done.history if one.event.type == "task.handle"])
    finally:
        server.close()


def test_private_images_are_pulled_with_the_sign_in_of_an_endpoint(
    runs: Runs, kube: Kube, keys: tuple[Sealer, Opener]
) -> None:
    runs.endpoints["hub"] = ResolvedEndpoint(
        name="Hub of acme",
        type="docker",
        properties={"serverType": "DockerHub", "repoURL": "acme/web", "username": "ann"},
        secrets={"password": keys[0].seal("s3cret-password")},
    )
    for action, name in (("CREATE", "web"), ("CREATE", "api"), ("APPLY", "web")):
        given: dict[str, Any] = {"namespace": "apps", "imagePullSecretFrom": "hub"}
        done = runs.run(action=action, yaml=deployment(name, f"acme/{name}:1"), **given)
        assert done.state.status is Status.COMPLETED, done.state.message
        assert "s3cret-password" not in str(done.history) + str(done.lines)
        pods = kube.deployment("apps", name)["spec"]["template"]["spec"]
        assert pods["imagePullSecrets"] == [{"name": "portside-pull-hub-of-acme"}]
    secret = kube.call("GET", "/api/v1/namespaces/apps/secrets/portside-pull-hub-of-acme")
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    document = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    entry = document["auths"]["https://index.docker.io/v1/"]
    assert (entry["username"], entry["password"]) == ("ann", "s3cret-password")
    assert entry["auth"] == base64.b64encode(b"ann:s3cret-password").decode()


def test_several_clusters_in_one_pipeline(runs: Runs, kube: Kube, keys: tuple[Sealer, Opener]) -> None:
    second = FakeCluster(pace_s=0.1)
    try:
        runs.endpoints["second"] = endpoint(second, keys[0]).model_copy(update={"name": "second"})
        for tag, roles in (("1", {}), ("2", {"kubernetesServer": "second"})):
            done = runs.run(yaml=deployment("web", f"acme/web:{tag}"), namespace="apps", roles=roles)
            assert done.state.status is Status.COMPLETED, done.state.message
        assert image(kube) == "acme/web:1"
        assert image(Kube(second.url, second.token)) == "acme/web:2"
    finally:
        second.close()
