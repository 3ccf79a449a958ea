"""Overlays and charts from a Git server, rendered by the real programs and applied to the real cluster."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.config.catalog.pipelines.templates import filled, template
from shared.contracts.history import Status
from shared.contracts.pushes import Push
from shared.contracts.runs import ResolvedEndpoint
from tests.support.gitserver import GitServer
from tests.support.patience import until

from .k8s import Kube, Runs, deployment
from .test_k8s_actions import PAUSE
from .test_k8s_apply import push_image, pushed

pytestmark = [pytest.mark.cluster, pytest.mark.helm]

ROLES = {"scm": "source"}


@pytest.fixture
def git(tmp_path: Path, runs: Runs) -> Iterator[GitServer]:
    server = GitServer(tmp_path / "git", "ann", "s3cret-password")
    runs.endpoints["source"] = ResolvedEndpoint(
        name="source",
        type="git",
        properties={"repoURL": f"{server.url}/acme/deploy.git", "username": "ann"},
        secrets={"password": runs.sealer.seal("s3cret-password")},
    )
    yield server
    server.close()


def overlay(**more: str) -> dict[str, str]:
    return {
        "base/kustomization.yaml": "resources: [web.yaml, settings.yaml]\n",
        "base/web.yaml": deployment("web", "acme/web:1"),
        "base/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: base}\n",
        "overlays/test/kustomization.yaml": "resources: [../../base]\n",
        **more,
    }


def chart(**more: str) -> dict[str, str]:
    template = deployment("web", "IMAGE").replace("name: web", "name: {{ .Release.Name }}-web")
    return {
        "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.1.0\nkubeVersion: '>=1.16.0-0'\n",
        "charts/web/values.yaml": f"image: {{repository: {PAUSE.rpartition(':')[0]}, tag: none}}\nmode: plain\n",
        "charts/web/templates/web.yaml": template.replace(
            "IMAGE", "{{ .Values.image.repository }}:{{ .Values.image.tag }}"
        ),
        "charts/web/templates/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
        'data: {mode: {{ required "mode is needed" .Values.mode | quote }}}\n',
        "values/test.yaml": "mode: from-file\n",
        **more,
    }


def config_map(kube: Kube, space: str, name: str) -> Any:
    return kube.call("GET", f"/api/v1/namespaces/{space}/configmaps/{name}")


def test_an_overlay_is_built_changed_and_rolled_out(runs: Runs, kube: Kube, space: str, git: GitServer) -> None:
    git.commit("acme/deploy", overlay())
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"mode": "patched"}}
    done = runs.run(
        kustomization="overlays/test", images={"acme/web": PAUSE}, namePrefix="a-", patches=[patch], namespace=space,
        roles=ROLES,
    )  # fmt: skip
    assert done.state.status is Status.COMPLETED, done.state.message
    assert kube.deployment(space, "a-web")["spec"]["template"]["spec"]["containers"][0]["image"] == PAUSE
    assert config_map(kube, space, "a-settings")["data"] == {"mode": "patched"}


def test_a_chart_is_rendered_with_its_values_and_rolled_out(runs: Runs, kube: Kube, space: str, git: GitServer) -> None:
    git.commit("acme/deploy", chart())
    values = {"image": {"tag": PAUSE.rpartition(":")[2]}}
    done = runs.run(
        chart="charts/web", values=values, valuesFiles=["values/test.yaml"], releaseName="shop", namespace=space,
        roles=ROLES,
    )  # fmt: skip
    assert done.state.status is Status.COMPLETED, done.state.message
    assert kube.deployment(space, "shop-web")["spec"]["template"]["spec"]["containers"][0]["image"] == PAUSE
    assert config_map(kube, space, "settings")["data"] == {"mode": "from-file"}


def job(name: str, event: str, command: str, *, weight: int = 0, policy: str = "before-hook-creation") -> str:
    return f"""
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
  annotations: {{helm.sh/hook: "{event}", helm.sh/hook-weight: "{weight}", helm.sh/hook-delete-policy: "{policy}"}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      containers: [{{name: main, image: "busybox:1.36", command: [sh, -c, "{command}"]}}]
"""


def release(tag: str = PAUSE.rpartition(":")[2], **more: Any) -> dict[str, Any]:
    return {"chart": "charts/web", "releaseName": "shop", "roles": ROLES, "values": {"image": {"tag": tag}}, **more}


def lines_about(ledger: Any, word: str) -> list[str]:
    return [line for line in ledger.lines if word in line]


def test_hooks_run_in_their_order_and_tests_by_choice(runs: Runs, kube: Kube, space: str, git: GitServer) -> None:
    hooks = {
        "charts/web/templates/late.yaml": job("late", "pre-install", "true", weight=5, policy="hook-succeeded"),
        "charts/web/templates/early.yaml": job("early", "pre-install,pre-upgrade", "true", weight=-5),
        "charts/web/templates/after.yaml": job("after", "post-install", "true"),
        "charts/web/templates/upgrade.yaml": job("upgrade", "post-upgrade", "true"),
        "charts/web/templates/check.yaml": job("check", "test", "true"),
        "charts/web/templates/gone.yaml": job("gone", "pre-delete", "true"),
    }
    git.commit("acme/deploy", chart(**hooks))
    done = runs.run(namespace=space, **release(runTests=True))
    assert done.state.status is Status.COMPLETED, done.state.message
    finished = [line.split(" succeeded")[0].split()[-3:] for line in lines_about(done, " succeeded")]
    ran = [" ".join(words) for words in finished if words[1:2] == ["Job"] or "Job" in words]
    assert [words.rsplit(" ", 1)[-1] for words in ran] == ["early", "late", "after", "check"], done.lines
    assert lines_about(done, "Job gone (pre-delete)"), done.lines
    jobs = f"/apis/batch/v1/namespaces/{space}/jobs"
    assert kube.call("GET", f"{jobs}/late") is None or kube.call("GET", f"{jobs}/late")["metadata"]["deletionTimestamp"]
    first_early = kube.call("GET", f"{jobs}/early")["metadata"]["uid"]
    again = runs.run(namespace=space, **release())
    assert again.state.status is Status.COMPLETED, again.state.message
    assert lines_about(again, "post-upgrade hook Job upgrade succeeded"), again.lines
    assert kube.call("GET", f"{jobs}/early")["metadata"]["uid"] != first_early
    assert not lines_about(again, "check succeeded")


def test_a_hook_that_fails_before_changes_nothing_and_one_after_is_put_back(
    runs: Runs, kube: Kube, space: str, git: GitServer
) -> None:
    git.commit("acme/deploy", chart())
    assert runs.run(namespace=space, **release()).state.status is Status.COMPLETED
    git.commit("acme/deploy", {"charts/web/templates/hook.yaml": job("migrate", "pre-upgrade", "exit 3")})
    changed: dict[str, Any] = {"values": {"image": {"tag": "1"}, "mode": "new"}}
    failed = runs.run(namespace=space, **release(**changed))
    assert failed.state.status is Status.FAILED
    assert "The pre-upgrade hook Job migrate failed: " in failed.state.message
    assert failed.state.message.endswith("Nothing of the release was changed.")
    assert config_map(kube, space, "settings")["data"] == {"mode": "plain"}
    git.commit("acme/deploy", {"charts/web/templates/hook.yaml": job("migrate", "post-upgrade", "exit 3")})
    failed = runs.run(namespace=space, **release(**changed, rollbackOnFailure=True))
    assert failed.state.status is Status.FAILED
    assert "The post-upgrade hook Job migrate failed: " in failed.state.message
    assert "Put back: Deployment shop-web runs" in failed.state.message
    assert config_map(kube, space, "settings")["data"] == {"mode": "plain"}


@pytest.mark.outer
def test_a_release_is_created_once_and_deleted_with_all_that_it_made(
    runs: Runs, kube: Kube, space: str, git: GitServer
) -> None:
    kept = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept, annotations: {helm.sh/resource-policy: keep}}\n"
    crd = f"""apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{space}.example.com}}
spec:
  group: {space}.example.com
  scope: Namespaced
  names: {{plural: widgets, singular: widget, kind: Widget}}
  versions:
  - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}
"""
    hooks = {
        "charts/web/templates/first.yaml": job("first", "pre-install", "true"),
        "charts/web/templates/leave.yaml": job("leave", "pre-delete", "true", policy="hook-succeeded"),
        "charts/web/templates/left.yaml": job("left", "post-delete", "true", policy="hook-succeeded"),
        "charts/web/templates/kept.yaml": kept,
        "charts/web/crds/widget.yaml": crd,
    }
    git.commit("acme/deploy", chart(**hooks))
    definition = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{space}.example.com"
    try:
        nothing = runs.run(namespace=space, **release(action="DELETE"))
        assert "has no record of release shop" in nothing.state.task("Deploy", "Apply").message
        created = runs.run(namespace=space, **release(action="CREATE"))
        assert created.state.status is Status.COMPLETED, created.state.message
        assert lines_about(created, "pre-install hook Job first succeeded")
        again = runs.run(namespace=space, **release(action="CREATE"))
        assert "Release shop exists: choose Apply to upgrade it" in again.state.message
        stays = runs.run(namespace=space, **release(action="CREATE", continueOnConflict=True))
        assert stays.state.status is Status.COMPLETED and kube.deployment(space, "shop-web")
        deleted = runs.run(namespace=space, **release(action="DELETE"))
        assert deleted.state.status is Status.COMPLETED, deleted.state.message
        for words in (
            "pre-delete hook Job leave succeeded",
            "post-delete hook Job left succeeded",
            "kept is not deleted: it says",
            "with it every object of its kind would go",
        ):
            assert lines_about(deleted, words), deleted.lines
        assert kube.deployment(space, "shop-web") is None and config_map(kube, space, "settings") is None
        assert config_map(kube, space, "kept") and kube.call("GET", definition)
        assert config_map(kube, space, "portside-release-shop") is None
        assert runs.run(namespace=space, **release(action="CREATE")).state.message, "what stayed is not of the release"
    finally:
        kube.call("DELETE", definition)


def test_an_overlay_is_created_and_deleted_too(runs: Runs, kube: Kube, space: str, git: GitServer) -> None:
    git.commit("acme/deploy", overlay())
    given: dict[str, Any] = {"kustomization": "overlays/test", "namespace": space, "roles": ROLES, "releaseName": "o"}
    created = runs.run(action="CREATE", images={"acme/web": PAUSE}, **given)
    assert created.state.status is Status.COMPLETED, created.state.message
    deleted = runs.run(action="DELETE", **given)
    assert deleted.state.status is Status.COMPLETED, deleted.state.message
    assert deleted.state.task("Deploy", "Apply").message == "Removed 2 objects."
    assert kube.deployment(space, "web") is None and config_map(kube, space, "settings") is None


@pytest.mark.outer
def test_a_hook_that_fails_before_a_deletion_keeps_the_release(
    runs: Runs, kube: Kube, space: str, git: GitServer
) -> None:
    git.commit("acme/deploy", chart(**{"charts/web/templates/stop.yaml": job("stop", "pre-delete", "exit 3")}))
    assert runs.run(namespace=space, **release()).state.status is Status.COMPLETED
    failed = runs.run(namespace=space, **release(action="DELETE"))
    assert "The pre-delete hook Job stop failed: " in failed.state.message
    assert failed.state.message.endswith("Nothing of the release was deleted.")
    assert kube.deployment(space, "shop-web")


def test_what_the_release_no_longer_has_is_shown_and_then_deleted(
    runs: Runs, kube: Kube, space: str, git: GitServer
) -> None:
    extra = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, annotations: {notes}}}\ndata: {{a: b}}\n"
    there_before = {"metadata": {"name": "ours-already"}, "data": {"a": "b"}}
    kube.call("POST", f"/api/v1/namespaces/{space}/configmaps", there_before)
    more = {
        "charts/web/templates/extra.yaml": "{{- if .Values.extra }}\n"
        + extra.format(name="extra", notes="{}")
        + "---\n"
        + extra.format(name="kept", notes="{helm.sh/resource-policy: keep}")
        + "---\n"
        + extra.format(name="ours-already", notes="{}")
        + "{{- end }}\n"
    }
    git.commit("acme/deploy", chart(**more))
    with_extra: dict[str, Any] = {"values": {"image": {"tag": "1"}, "extra": True}}
    assert runs.run(namespace=space, **release(**with_extra)).state.status is Status.COMPLETED
    assert config_map(kube, space, "extra")
    shown = runs.run(action="DIFF", namespace=space, **release())
    assert shown.state.status is Status.COMPLETED, shown.state.message
    output = shown.state.task("Deploy", "Apply").output.view
    assert output["changed"] and f"-ConfigMap {space}/extra (deleted" in output["diff"]
    assert "kept" not in output["diff"] and "ours-already" not in output["diff"]
    assert config_map(kube, space, "extra")
    left = runs.run(namespace=space, **release(prune=False))
    assert left.state.status is Status.COMPLETED and config_map(kube, space, "extra")
    pruned = runs.run(namespace=space, **release())
    assert pruned.state.status is Status.COMPLETED, pruned.state.message
    assert config_map(kube, space, "extra") is None
    assert config_map(kube, space, "kept") and config_map(kube, space, "ours-already")
    again = runs.run(namespace=space, **release())
    assert again.state.task("Deploy", "Apply").message == "Already live, nothing to do."


def test_the_pushed_image_goes_out_by_digest_and_a_broken_one_is_put_back(
    runs: Runs, kube: Kube, space: str, git: GitServer
) -> None:
    git.commit("acme/deploy", overlay())
    given: dict[str, Any] = {"kustomization": "overlays/test", "namespace": space, "roles": ROLES}
    assert runs.run(images={"acme/web": PAUSE}, **given).state.status is Status.COMPLETED
    digest = "sha256:" + "b" * 64
    push = Push(provider="dockerhub", registry_host="127.0.0.1:1", repository="acme/web", tag="2", digest=digest)
    failed = runs.run(push, images={"acme/web": "127.0.0.1:1/acme/web:2"}, rollbackOnFailure=True, **given)
    assert failed.state.status is Status.FAILED
    assert lines_about(failed, f"is deployed as 127.0.0.1:1/acme/web:2@{digest}")
    assert f"Put back: Deployment web runs {PAUSE} again" in failed.state.message
    assert kube.deployment(space, "web")["spec"]["template"]["spec"]["containers"][0]["image"] == PAUSE


def test_a_live_release_keeps_running_through_a_broken_values_file_and_a_roll_out_that_fails(
    runs: Runs, kube: Kube, space: str, git: GitServer
) -> None:
    git.commit("acme/deploy", chart())
    given: dict[str, Any] = {"namespace": space, "rollbackOnFailure": True, "valuesFiles": ["values/test.yaml"]}
    assert runs.run(**release(**given)).state.status is Status.COMPLETED
    spec = kube.deployment(space, "shop-web")["spec"]
    git.commit("acme/deploy", {"values/test.yaml": "mode: [a\n"})
    broken = runs.run(**release(**given))
    assert broken.state.status is Status.FAILED and "values/test.yaml: " in broken.state.message
    assert kube.deployment(space, "shop-web")["spec"] == spec
    git.commit("acme/deploy", {"values/test.yaml": "mode: new\n"})
    unreachable = {"image": {"repository": "127.0.0.1:1/acme/web", "tag": "2"}}
    failed = runs.run(**release(**given, values=unreachable))
    assert failed.state.status is Status.FAILED
    assert f"Put back: Deployment shop-web runs {PAUSE} again" in failed.state.message
    assert kube.deployment(space, "shop-web")["spec"]["template"] == spec["template"]
    assert config_map(kube, space, "settings")["data"] == {"mode": "from-file"}


@pytest.mark.parametrize(
    ("files", "given", "words"),
    [
        ({}, {"values": {"mode": None}}, "web/templates/settings.yaml:4:16): mode is needed"),
        ({"charts/web/templates/bad.yaml": "a: {{ .Values.x }\n"}, {}, "web/templates/bad.yaml:1"),
        ({"charts/web/templates/bad.yaml": "a: b: c\n"}, {}, "YAML parse error on web/templates/bad.yaml"),
        (
            {"charts/web/templates/look.yaml": 'a: {{ lookup "v1" "Secret" "apps" "db" | toJson }}\n'},
            {},
            'web/templates/look.yaml:1 calls lookup "v1" "Secret" "apps" "db", which reads the cluster',
        ),
        (
            {"charts/web/templates/old.yaml": job("old", "crd-install", "true")},
            {},
            "has hooks of the kind crd-install, which helm leaves out",
        ),
        ({"charts/web/values.schema.json": '{"properties": {"mode": {"type": "integer"}}}'}, {}, "/mode"),
        ({"charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\nkubeVersion: '>=99'\n"}, {}, ">=99"),
        ({"values/test.yaml": "mode: [a\n"}, {"valuesFiles": ["values/test.yaml"]}, "values/test.yaml: "),
        ({}, {"valuesFiles": ["values/none.yaml"]}, "`valuesFiles` names values/none.yaml, which is not a file"),
        ({}, {"valuesFiles": ["../../etc/passwd"]}, "leads out of the repository"),
        ({}, {"chart": "charts/none"}, "There is no folder charts/none at this commit; at its top are: charts"),
        ({}, {"yaml": "a: b"}, "names more than one source of its manifest: yaml, chart"),
        ({}, {"action": "PATCH"}, "can be used with APPLY, CREATE, DELETE, DIFF, GET, WAIT, not with PATCH"),
    ],
)
def test_what_is_wrong_with_a_chart_is_told_with_its_place(
    runs: Runs, git: GitServer, files: dict[str, str], given: dict[str, Any], words: str
) -> None:
    git.commit("acme/deploy", chart(**files))
    failed = runs.run(namespace="default", **release(**given))
    assert failed.state.status is Status.FAILED
    assert words in failed.state.message


@pytest.mark.parametrize(
    ("resources", "given", "words"),
    [
        (
            "https://example.com/a.yaml",
            {},
            "kustomization.yaml names https://example.com/a.yaml, which is at",
        ),
        ("github.com/acme/base?ref=v1", {}, "names github.com/acme/base?ref=v1, which is at another server"),
        ("../none", {}, "kustomize cannot build overlays/test: "),
        ("../../base", {"images": "acme/web"}, "`images` must be a map"),
        ("../../base", {"kustomization": "base/web.yaml"}, "There is no folder base/web.yaml"),
        ("../../base", {"kustomization": "values"}, "values has no kustomization.yaml"),
    ],
)
def test_what_is_wrong_with_an_overlay_is_told_with_its_place(
    runs: Runs, git: GitServer, resources: str, given: dict[str, Any], words: str
) -> None:
    changed = {"overlays/test/kustomization.yaml": f"resources: ['{resources}']\n", "values/a.txt": "a"}
    git.commit("acme/deploy", overlay(**changed))
    task = {"kustomization": "overlays/test", "releaseName": "shop", "roles": ROLES, "namespace": "default", **given}
    failed = runs.run(**task)
    assert failed.state.status is Status.FAILED
    assert words in failed.state.message and "/tmp/" not in failed.state.message


def test_a_helm_release_is_taken_over_without_a_restart_of_its_pods(
    runs: Runs, kube: Kube, space: str, git: GitServer, tmp_path: Path
) -> None:
    git.commit("acme/deploy", chart())
    work = git.folder / "work/acme/deploy"
    flags = ["--namespace", space, "--set", "image.tag=1"]
    done = subprocess.run(
        ["helm", "install", "shop", str(work / "charts/web"), *flags], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    before = until_ready(kube, space)
    refused = runs.run(namespace=space, **release())
    assert "belongs to the Helm release shop: set `takeOver`" in refused.state.message
    taken = runs.run(namespace=space, **release(takeOver=True, values={"image": {"tag": "1"}, "mode": "taken"}))
    assert taken.state.status is Status.COMPLETED, taken.state.message
    assert pods(kube, space) == before
    assert config_map(kube, space, "settings")["data"] == {"mode": "taken"}
    managers = {entry["manager"] for entry in kube.deployment(space, "shop-web")["metadata"]["managedFields"]}
    assert "helm" not in managers and "portside" in managers
    listed = subprocess.run(["helm", "list", "-q", "-n", space], capture_output=True, text=True, timeout=60)
    assert listed.stdout.split() == ["shop"]


def pods(kube: Kube, space: str) -> set[str]:
    return {pod["metadata"]["uid"] for pod in kube.call("GET", f"/api/v1/namespaces/{space}/pods")["items"]}


def until_ready(kube: Kube, space: str) -> set[str]:
    until(lambda: (kube.deployment(space, "shop-web").get("status") or {}).get("readyReplicas") == 1)
    return pods(kube, space)


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("deploy-helm-chart", {"chart": "charts/web"}),
        ("deploy-with-kustomize", {"folder": "overlays/test", "image": "acme/web"}),
    ],
)
def test_a_filled_in_template_deploys_what_is_pushed(
    runs: Runs, kube: Kube, space: str, git: GitServer, name: str, answers: dict[str, str]
) -> None:
    git.commit("acme/deploy", {**overlay(), **chart()})
    endpoints = {"registry": "hub", "cluster": "cluster", "git": "source"}
    answers = {"project": "default", "namespace": space, "release": "shop", **endpoints, **answers}
    tasks = filled(template(name), answers)[0]["stages"]["Deploy"]["tasks"]
    image = f"{os.environ['TEST_REGISTRY']}/acme/web"
    for content in (f"{space}-first", f"{space}-second"):
        push = pushed(image, "latest", push_image(image, "latest", content))
        for task in (tasks["Diff"], tasks["Apply"]):
            given = {**task["input"], "roles": task["endpoints"]}
            done = runs.run(push, inputs={"DOCKER_IMAGE": image, "DOCKER_TAG": "latest"}, **given)
            assert done.state.status is Status.COMPLETED, done.state.message
        deployed = kube.deployment(space, "shop-web" if "chart" in answers else "web")
        container = deployed["spec"]["template"]["spec"]["containers"][0]
        assert container["image"] == f"{image}:latest@{push.digest}"
        assert deployed["status"]["readyReplicas"] == 1


def helm(*arguments: str) -> str:
    done = subprocess.run(["helm", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def chart_folder(tmp_path: Path) -> Path:
    for name, content in chart().items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(content)
    return tmp_path / "charts/web"


def test_a_chart_of_a_registry_is_chosen_by_a_range(runs: Runs, kube: Kube, space: str, chart_folder: Path) -> None:
    host = os.environ["TEST_REGISTRY"]
    for version in ("0.1.0", "0.1.7", "0.2.0"):
        helm("package", str(chart_folder), "--version", version, "-d", str(chart_folder.parent))
        helm("push", str(chart_folder.parent / f"web-{version}.tgz"), f"oci://{host}/{space}", "--plain-http")
    runs.endpoints["registry"] = ResolvedEndpoint(
        name="registry", type="docker", properties={"registryURL": f"http://{host}", "repoURL": f"{host}/acme/web"},
        secrets={},
    )  # fmt: skip
    given = release(roles={"charts": "registry"}, chart=f"oci://{host}/{space}/web", chartVersion="~0.1")
    done = runs.run(namespace=space, **given)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert lines_about(done, "Chart web 0.1.7 of oci://"), done.lines
    assert kube.deployment(space, "shop-web")
    missing = runs.run(namespace=space, **{**given, "chartVersion": "^9"})
    assert "has no version ^9; its newest: 0.2.0, 0.1.7, 0.1.0" in missing.state.message


def test_a_chart_of_a_repository_and_what_it_needs_are_fetched(
    runs: Runs, kube: Kube, space: str, git: GitServer, chart_folder: Path
) -> None:
    served = chart_folder.parent / "served"
    served.mkdir()
    helm("package", str(chart_folder), "-d", str(served))
    helm("repo", "index", str(served))
    handler = partial(SimpleHTTPRequestHandler, directory=str(served))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        done = runs.run(namespace=space, **release(chart="web", chartRepository=url, roles={}))
        assert done.state.status is Status.COMPLETED, done.state.message
        assert lines_about(done, f"Chart web 0.1.0 of {url} is rendered")
        needs = f"[{{name: web, version: ^0.1, repository: '{url}'}}, {{name: extra, repository: 'file://../extra'}}]"
        umbrella = {
            "charts/all/Chart.yaml": f"apiVersion: v2\nname: all\nversion: 0.1.0\ndependencies: {needs}\n",
            "charts/extra/Chart.yaml": "apiVersion: v2\nname: extra\nversion: 0.1.0\n",
            "charts/extra/templates/extra.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n",
        }
        git.commit("acme/deploy", umbrella)
        below: dict[str, Any] = {"values": {"web": {"image": {"tag": "1"}, "mode": "below"}}, "chart": "charts/all"}
        done = runs.run(namespace=space, **release(**below))
        assert done.state.status is Status.COMPLETED, done.state.message
        assert config_map(kube, space, "settings")["data"] == {"mode": "below"} and config_map(kube, space, "extra")
    finally:
        server.shutdown()
        server.server_close()
