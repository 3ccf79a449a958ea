"""Readiness, pods' troubles, refusals, images, fences, ownership: the deciding half of the Kubernetes task."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError

from services.runner.task_protocol import TaskFailed
from services.runner.tasks import references
from services.runner.tasks.k8s import (
    conflicts,
    diff,
    fence,
    images,
    managed_fields,
    manifests,
    outputs,
    server_defaults,
    stuck_pods,
)
from services.runner.tasks.k8s.desired import with_restart
from services.runner.tasks.k8s.errors import ClusterError, from_exception
from services.runner.tasks.k8s.pods import describe, troubles
from services.runner.tasks.k8s.rollout import readiness

DIGEST = "sha256:" + "a" * 64


def deployment(status: dict[str, Any], *, replicas: int | None = 2, generation: int = 3) -> dict[str, Any]:
    spec = {} if replicas is None else {"replicas": replicas}
    meta = {"name": "web", "generation": generation}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec, "status": status}


SEEN = {"observedGeneration": 3}
ALL = {**SEEN, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
DEPLOYMENTS = [
    ({}, False, False, "controller"),
    ({**ALL, "observedGeneration": 2}, False, False, "controller"),
    ({**SEEN, "replicas": 2, "updatedReplicas": 1}, False, False, "1 of 2 pods updated"),
    ({**ALL, "replicas": 3}, False, False, "1 pod of an earlier version still running"),
    ({**ALL, "availableReplicas": None}, False, False, "0 of 2 updated pods available"),
    (ALL, True, False, "2 of 2 pods available"),
    (
        {**ALL, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded", "status": "False"}]},
        False,
        True,
        "progressDeadlineSeconds",
    ),
    (
        {**SEEN, "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: q"}]},
        False,
        True,
        "exceeded quota",
    ),
]


@pytest.mark.parametrize(("status", "ready", "failed", "words"), DEPLOYMENTS)
def test_a_deployment_is_ready_as_kubectl_sees_it(
    status: dict[str, Any], ready: bool, failed: bool, words: str
) -> None:
    how = readiness(deployment(status))
    assert (how.ready, how.failed) == (ready, failed)
    assert words in how.message


def test_a_deployment_scaled_to_nothing_is_ready_without_counters() -> None:
    assert readiness(deployment(SEEN, replicas=0)).ready


def workload(kind: str, spec: dict[str, Any], status: dict[str, Any], group: str = "apps/v1") -> dict[str, Any]:
    return {
        "apiVersion": group,
        "kind": kind,
        "metadata": {"name": "x", "generation": 1},
        "spec": spec,
        "status": status,
    }


ONE = {"observedGeneration": 1}
OTHERS = [
    ("StatefulSet", {"replicas": 1}, {}, False),
    ("StatefulSet", {"replicas": 1}, {**ONE, "readyReplicas": 0}, False),
    ("StatefulSet", {"replicas": 1}, {**ONE, "readyReplicas": 1, "updateRevision": "b", "currentRevision": "a"}, False),
    ("StatefulSet", {"replicas": 1}, {**ONE, "readyReplicas": 1, "updateRevision": "b", "currentRevision": "b"}, True),
    (
        "StatefulSet",
        {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
        {**ONE, "readyReplicas": 3, "updatedReplicas": 1, "updateRevision": "b", "currentRevision": "a"},
        True,
    ),
    ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {**ONE, "readyReplicas": 0}, False),
    ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {**ONE, "readyReplicas": 1}, True),
    ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, {**ONE, "desiredNumberScheduled": 1}, False),
    (
        "DaemonSet",
        {"updateStrategy": {"type": "OnDelete"}},
        {**ONE, "desiredNumberScheduled": 1, "numberAvailable": 1},
        True,
    ),
    ("DaemonSet", {}, {**ONE, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1}, False),
    ("DaemonSet", {}, {**ONE, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2}, False),
    ("DaemonSet", {}, {**ONE, "desiredNumberScheduled": 1, "updatedNumberScheduled": 1, "numberAvailable": 1}, True),
]


@pytest.mark.parametrize(("kind", "spec", "status", "ready"), OTHERS)
def test_other_workloads_are_ready_when_their_counters_say_so(
    kind: str, spec: dict[str, Any], status: dict[str, Any], ready: bool
) -> None:
    assert readiness(workload(kind, spec, status)).ready is ready


@pytest.mark.parametrize(
    ("conditions", "ready", "failed"),
    [
        ([], False, False),
        ([{"type": "SuccessCriteriaMet", "status": "True"}], False, False),
        ([{"type": "FailureTarget", "status": "True"}], False, False),
        ([{"type": "Suspended", "status": "True"}], False, False),
        ([{"type": "Complete", "status": "True"}], True, False),
        ([{"type": "Failed", "status": "True", "reason": "DeadlineExceeded"}], False, True),
    ],
)
def test_a_job_ends_by_its_terminal_conditions_alone(
    conditions: list[dict[str, str]], ready: bool, failed: bool
) -> None:
    how = readiness(workload("Job", {}, {"succeeded": 1, "conditions": conditions}, "batch/v1"))
    assert (how.ready, how.failed) == (ready, failed)


def test_what_has_nothing_to_wait_for_is_ready() -> None:
    assert readiness({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}).ready
    foreign = {"apiVersion": "example.com/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    assert readiness(foreign).ready


def pod(waiting: dict[str, str], **status: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "acme/web:2", "state": {"waiting": waiting}, **status}
    return {
        "metadata": {"name": "web-1"},
        "spec": {"containers": [{"name": "main", "image": "acme/web:2"}]},
        "status": {"containerStatuses": [container]},
    }


TROUBLES = [
    ("ImagePullBackOff", "manifest unknown", "no such tag or digest", 0.0),
    ("ErrImagePull", "manifest for acme/web:2 not found: manifest unknown", "no such tag or digest", 0.0),
    ("ErrImagePull", "pull access denied for acme/web, repository does not exist", "imagePullSecrets", 0.0),
    ("ErrImagePull", "dial tcp: lookup registry: no such host", "cannot reach the registry", 45.0),
    ("ImagePullBackOff", "x509: certificate signed by unknown authority", "trust the registry", 0.0),
    ("ImagePullBackOff", "toomanyrequests: You have reached your pull rate limit", "pull limit", 45.0),
    ("CreateContainerConfigError", 'configmap "nowhere" not found', "create it in the same namespace", 45.0),
    ("InvalidImageName", "couldn't parse image reference", "cannot be used", 0.0),
]


@pytest.mark.parametrize(("reason", "said", "words", "patience_s"), TROUBLES)
def test_a_pods_trouble_is_told_with_what_to_do(reason: str, said: str, words: str, patience_s: float) -> None:
    (trouble,) = troubles(pod({"reason": reason, "message": said}))
    assert words in trouble.message
    assert trouble.patience_s == patience_s
    assert describe(trouble).startswith("pod web-1, container main: ")
    assert describe(trouble).endswith(f"[{reason}]")


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ({"exitCode": 3}, "exit code 3"),
        ({"exitCode": 137, "reason": "OOMKilled"}, "raise its memory limit"),
        ({"exitCode": 127}, "its command was not found"),
        ({"exitCode": 1, "message": "no such\nfile"}, "no such file"),
    ],
)
def test_a_crash_is_told_by_how_the_container_ended(ended: dict[str, Any], words: str) -> None:
    (trouble,) = troubles(pod({"reason": "CrashLoopBackOff"}, lastState={"terminated": ended}, restartCount=2))
    assert words in trouble.message
    assert trouble.wants_log


def test_starting_and_leaving_pods_are_no_trouble() -> None:
    assert list(troubles(pod({"reason": "ContainerCreating"}))) == []
    leaving = pod({"reason": "ImagePullBackOff"})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert list(troubles(leaving)) == []


REFERENCES = [
    ("web", "docker.io", "library/web", "latest", ""),
    ("acme/web:1", "docker.io", "acme/web", "1", ""),
    ("docker.io/acme/web", "docker.io", "acme/web", "latest", ""),
    ("index.docker.io/acme/web:1", "docker.io", "acme/web", "1", ""),
    ("ghcr.io/acme/web:1", "ghcr.io", "acme/web", "1", ""),
    ("127.0.0.1:5001/web", "127.0.0.1:5001", "web", "latest", ""),
    ("localhost/web:2", "localhost", "web", "2", ""),
    (f"acme/web:1@{DIGEST}", "docker.io", "acme/web", "1", DIGEST),
    (f"acme/web@{DIGEST}", "docker.io", "acme/web", "", DIGEST),
]


@pytest.mark.parametrize(("text", "host", "repository", "tag", "digest"), REFERENCES)
def test_image_references_are_read_as_a_runtime_reads_them(
    text: str, host: str, repository: str, tag: str, digest: str
) -> None:
    assert references.parse(text) == references.ImageReference(host, repository, tag, digest)


def with_images(*names: str) -> dict[str, Any]:
    pods = {"spec": {"containers": [{"name": f"c{at}", "image": name} for at, name in enumerate(names)]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": pods}}


def test_only_the_pushed_tag_is_pinned() -> None:
    what = references.Pushed(references.parse("acme/web:latest"), DIGEST)
    obj = with_images("acme/web", "docker.io/acme/web:latest", "acme/web:1", "acme/api:latest", f"acme/web@{DIGEST}")
    written = images.pin(obj, what)
    assert written == [f"acme/web:latest@{DIGEST}", f"docker.io/acme/web:latest@{DIGEST}"]
    assert images.running(obj) == [*written, "acme/web:1", "acme/api:latest", f"acme/web@{DIGEST}"]


def test_images_in_custom_resources_are_pinned_too() -> None:
    what = references.Pushed(references.parse("acme/web:1"), DIGEST)
    obj = {
        "apiVersion": "example.com/v1",
        "kind": "App",
        "metadata": {"name": "a"},
        "spec": {"parts": [{"containers": [{"name": "x", "image": "acme/web:1"}]}]},
    }
    assert images.pin(obj, what) == [f"acme/web:1@{DIGEST}"]


def test_a_later_start_of_the_same_pipeline_wins() -> None:
    stamp = fence.Stamp("p1", 5, "e5", 5)
    ref = manifests.Ref("apps/v1", "Deployment", "apps", "web")
    live = with_images("x")
    fence.Stamp("p1", 9, "e9", 9).put_on(live)
    assert "superseded by #9" in str(fence.superseded(live, stamp, ref))
    assert fence.superseded(live, fence.Stamp("p1", 9, "e9", 9), ref) is None
    assert fence.superseded(live, fence.Stamp("p1", 10, "e10", 10), ref) is None
    assert fence.superseded(live, fence.Stamp("p2", 1, "e1", 1), ref) is None
    assert fence.superseded(None, stamp, ref) is None


BAD_YAML = [
    ("a: [", "cannot be read at line"),
    ("kind: A\nkind: B\n", "the key kind is repeated here (first on line 1)"),
    ("- 1\n", "document 1 is list"),
    ("kind: Pod\n", "document 1 has no apiVersion"),
    ("apiVersion: v1\nkind: Pod\n", "has no metadata.name"),
    ("apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: m-}\n", "Apply needs a name"),
    ("# nothing\n", "holds no object"),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: x}\n", "metadata.annotations that is not a map"),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: [x]}\n", "metadata.labels that is not a map"),
    ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n---\n5\n", "document 2 is int"),
]


@pytest.mark.parametrize(("text", "words"), BAD_YAML)
def test_a_bad_manifest_is_refused_with_its_place(text: str, words: str) -> None:
    with pytest.raises(TaskFailed) as failed:
        manifests.read(text)
    assert words in failed.value.message


def test_lists_are_unpacked_and_dates_stay_text() -> None:
    text = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: 2024-01-01}}\n"
    (one,) = manifests.read(text)
    assert one["metadata"]["name"] == "2024-01-01"


def test_namespaces_and_definitions_of_kinds_come_before_what_needs_them() -> None:
    kinds = ["Deployment", "Widget", "CustomResourceDefinition", "Service", "Namespace"]
    text = "---\n".join(f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\n" for kind in kinds)
    ordered = [one["kind"] for one in manifests.in_order(manifests.read(text))]
    assert ordered == ["Namespace", "CustomResourceDefinition", "Deployment", "Widget", "Service"]


def test_a_services_ports_say_their_protocol_as_older_servers_need_it() -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "spec": {"ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]},
    }
    manifests.with_protocols(service)
    assert service["spec"] == {"ports": [{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]}
    nonsense = {"apiVersion": "v1", "kind": "Service", "spec": "ports"}
    manifests.with_protocols(nonsense)
    assert nonsense["spec"] == "ports"


def test_what_stands_where_containers_should_is_left_to_the_server() -> None:
    for spec in ("text", {"containers": 5}, {"containers": ["x"]}, None):
        template = {"metadata": {}, "spec": spec}
        assert list(manifests.containers({"kind": "Deployment", "spec": {"template": template}})) == []


def replica(name: str, revision: str, *, ready: bool = False) -> dict[str, Any]:
    labels = {"controller-revision-hash": revision}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    return {"metadata": {"name": name, "labels": labels}, "status": {"conditions": conditions}}


def stateful_set(**spec: Any) -> dict[str, Any]:
    status = {**SEEN, "updateRevision": "new"}
    return {"kind": "StatefulSet", "metadata": {"generation": 3}, "spec": spec, "status": status}


def test_broken_pods_of_an_earlier_version_hold_a_stateful_set_up() -> None:
    older = [replica("db-0", "old", ready=True), *(replica(f"db-{n}", "old") for n in (1, 2, 3))]
    older[3]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    def names(live: dict[str, Any], *, put_back: bool) -> list[str]:
        found = stuck_pods.of_set(live, older, {"db-2"}, put_back=put_back)
        return [one["metadata"]["name"] for one in found]

    assert names(stateful_set(), put_back=False) == ["db-2"], "what is not ready yet may be on its way"
    assert names(stateful_set(), put_back=True) == ["db-1", "db-2"], "all was ready before the version that failed"
    kept = {"updateStrategy": {"rollingUpdate": {"partition": 1}}}
    assert names(stateful_set(**kept), put_back=True) == [], "a partition keeps older pods on purpose"
    unseen = stateful_set()
    unseen["metadata"]["generation"] = 4
    assert names(unseen, put_back=True) == [], "which version is the newest is not known yet"


def conflict(said: str) -> ClusterError:
    return from_exception(answer(409, said), "https://k", "apply Deployment apps/web")


def test_a_conflict_names_the_others_and_is_none_with_ourselves() -> None:
    ref = manifests.Ref("apps/v1", "Deployment", "apps", "web")
    ours = conflict('Apply failed with 1 conflict: conflict with "portside" using apps/v1: .spec.replicas')
    assert conflicts.ours_alone(ours)
    both = conflict(
        'Apply failed with 2 conflicts: conflicts with "kubectl-set" using apps/v1:\n- .spec.template.x\n'
        'conflicts with "portside" using apps/v1:\n- .spec.replicas'
    )
    assert not conflicts.ours_alone(both)
    assert "partly managed by others: kubectl-set owns .spec.template.x. Take" in conflicts.words(ref, both)
    assert not conflicts.ours_alone(conflict("the object has been modified"))


def test_only_what_we_applied_is_taken_out_of_a_live_object() -> None:
    live = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "namespace": "apps",
            "labels": {"app": "web", "other": "x"},
            "managedFields": [
                {
                    "manager": "portside",
                    "operation": "Apply",
                    "fieldsV1": {
                        "f:metadata": {"f:labels": {"f:app": {}}},
                        "f:spec": {
                            "f:template": {"f:spec": {"f:containers": {'k:{"name":"main"}': {".": {}, "f:image": {}}}}}
                        },
                    },
                }
            ],
        },
        "spec": {
            "replicas": 4,
            "template": {"spec": {"containers": [{"name": "side"}, {"name": "main", "image": "a:1", "tty": False}]}},
        },
    }
    assert managed_fields.applied_by(live) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "apps", "labels": {"app": "web"}},
        "spec": {"template": {"spec": {"containers": [{"name": "main", "image": "a:1"}]}}},
    }
    assert managed_fields.applied_by(live, "kubectl") is None


def test_a_foreign_object_gives_the_live_values_of_what_is_overwritten() -> None:
    live = with_images("a:1")
    live["spec"]["replicas"] = 4
    onto = with_images("a:2")
    assert managed_fields.projected(live, onto)["spec"] == with_images("a:1")["spec"]


def test_a_secret_shows_key_names_and_whether_a_value_changed() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "aHVudGVyMg=="}}
    shown = outputs.hidden(secret, b"key")
    assert "aHVudGVyMg==" not in json.dumps(shown)
    assert list(shown["data"]) == ["a"]
    assert outputs.hidden(secret, b"key") == shown
    assert outputs.hidden({**secret, "data": {"a": "eA=="}}, b"key") != shown


def test_the_diff_leaves_bookkeeping_out() -> None:
    live = with_images("a:1")
    live["metadata"].update(resourceVersion="5", managedFields=[{}], annotations={fence.START: "1"})
    live["status"] = {"replicas": 1}
    ref = manifests.ref_of(live)
    assert diff.unified(ref, live, with_images("a:1"), b"k") == []
    lines = diff.unified(ref, live, with_images("a:2"), b"k")
    assert [line for line in lines if line.startswith(("+", "-")) and "image" in line] == [
        "-      - image: a:1",
        "+      - image: a:2",
    ]


def test_a_restart_is_asked_once_and_kept_afterwards() -> None:
    asked = with_restart(with_images("a:1"), None, "e1")
    template = asked["spec"]["template"]
    assert template["metadata"]["annotations"] == {fence.RESTARTED: "e1"}
    assert with_restart(with_images("a:1"), asked, None) == asked
    assert with_restart(with_images("a:1"), with_images("a:1"), None) == with_images("a:1")


def answer(status: int, message: str) -> ApiException:
    error = ApiException(status=status, reason="x")
    error.body = json.dumps({"message": message})
    return error


ANSWERS = [
    (answer(401, "Unauthorized"), "refused the sign-in"),
    (
        answer(
            403,
            'deployments.apps "web" is forbidden: User "system:serviceaccount:ci:bot" cannot patch resource '
            '"deployments" in API group "apps" in the namespace "prod"',
        ),
        "system:serviceaccount:ci:bot may not patch deployments.apps in the namespace prod; grant that verb",
    ),
    (answer(403, 'pods "x" is forbidden: exceeded quota: q, requested: pods=1'), "quota is exceeded"),
    (answer(404, 'namespaces "prod" not found'), "the namespace prod does not exist"),
    (answer(422, "spec.selector: Invalid value: field is immutable"), "that field cannot change"),
    (
        answer(
            422,
            'Job "j" is invalid: spec.template: Invalid value: core.PodTemplateSpec{A:b.C{D:""}}: field is immutable',
        ),
        "spec.template: field is immutable (that field cannot change",
    ),
    (answer(422, "the server rejected our request due to an error in our request"), "every path of the patch"),
    (answer(422, ".stringData.pin: expected string, got &value.valueUnstructured{Value:4711}"), "(write it in quotes)"),
    (
        answer(
            500,
            "unable to convert unstructured object: illegal base64 data, error found in #10 byte of ...|4711|...",
        ),
        "write clear text into `stringData`",
    ),
    (
        answer(422, 'patch: Invalid value: "{\\"data\\":{\\"pin\\":\\"4711\\"}}": v1.Secret.Data: bad'),
        "v1.Secret.Data: bad",
    ),
    (
        answer(
            422,
            'StatefulSet.apps "db" is invalid: spec: Forbidden: updates to statefulset spec for fields other than '
            "'replicas', 'template', and 'updateStrategy' are forbidden",
        ),
        "--cascade=orphan",
    ),
    (
        answer(500, "failed to create typed patch object: .spec.env: duplicate entries for key [name=A]"),
        "`kubectl apply` lets the last one count, so keep that and remove the other",
    ),
    (answer(407, "Proxy Authentication Required"), "put its user name and password into the endpoint's proxyUser"),
    (
        MaxRetryError(None, "/", ProxyError("", OSError("Tunnel connection failed: 407 Proxy sign-in"))),  # type: ignore[arg-type]
        "Cannot reach https://k: a proxy before the cluster wants a sign-in",
    ),
    (answer(500, "etcdserver: request timed out"), "answered with an error: etcdserver"),
    (
        MaxRetryError(None, "/", NewConnectionError(None, "Connection refused")),  # type: ignore[arg-type]
        "Cannot reach https://k: connection refused; is the cluster up",
    ),
]


@pytest.mark.parametrize(("error", "words"), ANSWERS)
def test_a_clusters_refusal_is_told_in_words(error: Exception, words: str) -> None:
    said = from_exception(error, "https://k", "apply Deployment apps/web").message
    assert words in said
    assert "Traceback" not in said
    assert "4711" not in said, "what the server quotes of an object may be a Secret's value"


def test_maps_of_ours_that_go_are_taken_away_whole() -> None:
    fields = {
        "f:spec": {
            "f:strategy": {"f:type": {}},
            "f:template": {
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"web"}': {"f:name": {}, "f:image": {}, "f:readinessProbe": {"f:exec": {}}}
                    }
                }
            },
        }
    }
    probe = {"exec": {"command": ["x"]}, "periodSeconds": 10}
    containers = [{"name": "web", "image": "acme/web:2", "readinessProbe": probe}, {"name": "other"}]
    live = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "web",
            "managedFields": [{"manager": "portside", "operation": "Apply", "fieldsV1": fields}],
        },
        "spec": {"strategy": {"type": "Recreate"}, "template": {"spec": {"containers": containers}}},
    }
    pods = {"spec": {"containers": [{"name": "web", "image": "acme/web:1"}]}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {"template": pods}}
    patch = server_defaults.clearing(live, body)
    assert patch is not None
    assert patch["spec"]["strategy"] is None
    assert patch["spec"]["template"]["spec"]["containers"] == [
        {"name": "web", "image": "acme/web:1", "readinessProbe": None}
    ]
    assert "readinessProbe" not in pods["spec"]["containers"][0]
    assert server_defaults.clearing(live, {**body, "spec": live["spec"]}) is None
