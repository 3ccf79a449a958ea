"""The pitfalls of the Kubernetes client, each as a test: what a request says, and how often it is made."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from demo.cluster.server import FakeCluster
from services.runner.task_protocol import OpenEndpoint, TaskFailed
from services.runner.tasks.k8s.cluster import ClusterConnection, Clusters
from services.runner.tasks.k8s.errors import ClusterError
from services.runner.tasks.k8s.manifests import Ref
from tests.support.outbound import LOOPBACK
from tests.support.patience import PATIENCE_S
from tests.support.tls import Door, certificate

WIDGET = "widgets.example.com"
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "apps"}, "data": {"a": "1"}}


class Recorder:
    """Stands before a cluster and keeps what is asked; breaks connections when told to."""

    def __init__(self, behind: str) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.identities: list[list[tuple[str, str]]] = []
        """The impersonation headers of each request."""
        self.break_off = 0
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                """Quiet."""

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                said = {name.lower(): value for name, value in self.headers.items()}
                recorder.asked.append((self.command, self.path, said, body))
                identity = [(name, value) for name, value in self.headers.items() if name.startswith("Impersonate-")]
                recorder.identities.append(identity)
                if recorder.break_off > 0:
                    recorder.break_off -= 1
                    self.close_connection = True
                    self.connection.close()
                    return
                kept = {key: value for key, value in self.headers.items() if key.lower() not in ("host", "connection")}
                answer = requests.request(self.command, behind + self.path, headers=kept, data=body, timeout=PATIENCE_S)
                self.send_response(answer.status_code)
                self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = _pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def real() -> Iterator[FakeCluster]:
    served = FakeCluster(pace_s=0.1)
    yield served
    served.close()


@pytest.fixture
def recorder(real: FakeCluster) -> Iterator[Recorder]:
    made = Recorder(real.url)
    yield made
    made.close()


def endpoint(url: str, token: str = "demo-token", **more: Any) -> OpenEndpoint:
    return OpenEndpoint("cluster", "k8s", {"kubernetesURL": url, "token": token, **more})


@pytest.fixture
def cluster(recorder: Recorder) -> Iterator[ClusterConnection]:
    made = ClusterConnection(endpoint(recorder.url), LOOPBACK.guard)
    yield made
    made.close()


REF = Ref("v1", "ConfigMap", "apps", "c")


def test_every_request_is_made_as_the_user_that_the_endpoint_names(recorder: Recorder) -> None:
    acting = {
        "impersonateUser": "deployer",
        "impersonateGroups": "dev\nops",
        "impersonateExtra": "example.com/scope: view",
    }
    with closing(ClusterConnection(endpoint(recorder.url, **acting), LOOPBACK.guard)) as cluster:
        cluster.apply(REF, CONFIG)
        cluster.get(REF)
    assert len(recorder.identities) > 2
    for identity in recorder.identities:
        assert identity == [
            ("Impersonate-User", "deployer"),
            ("Impersonate-Group", "dev"),
            ("Impersonate-Group", "ops"),
            ("Impersonate-Extra-example.com%2Fscope", "view"),
        ]


@pytest.mark.parametrize(
    ("acting", "reason"),
    [
        ({"impersonateGroups": "dev"}, "no impersonateUser"),
        ({"impersonateUser": "a", "impersonateExtra": "view"}, "takes lines of key: value"),
        ({"impersonateUser": "a\u0007b"}, "control characters"),
    ],
)
def test_an_identity_that_is_not_whole_is_refused(acting: dict[str, str], reason: str) -> None:
    with pytest.raises(TaskFailed, match=reason):
        ClusterConnection(endpoint("https://127.0.0.1:1", **acting), LOOPBACK.guard)


def test_the_certificate_is_held_against_the_name_that_the_endpoint_gives(real: FakeCluster, tmp_path: Path) -> None:
    signed = certificate("localhost", authority=True)
    where = urlsplit(real.url)
    with closing(Door(tmp_path, signed, (str(where.hostname), int(where.port or 0)))) as door:
        for name, accepted in (("localhost", True), ("other.example.com", False)):
            named = endpoint(door.url, certAuthorityData=signed.pem, tlsServerName=name)
            with closing(ClusterConnection(named, LOOPBACK.guard)) as cluster:
                if accepted:
                    assert cluster.version()
                else:
                    with pytest.raises(ClusterError, match="certificate"):
                        cluster.version()


def test_an_apply_says_its_manager_its_namespace_and_what_kind_of_patch_it_is(
    cluster: ClusterConnection, recorder: Recorder
) -> None:
    cluster.apply(REF, CONFIG, dry_run=True)
    cluster.apply(REF, CONFIG, force=True)
    (_, dry, headers, body), (_, forced, *_) = [one for one in recorder.asked if one[0] == "PATCH"]
    assert dry.startswith("/api/v1/namespaces/apps/configmaps/c?")
    assert headers["content-type"] == "application/apply-patch+yaml"
    assert {"fieldManager=portside", "dryRun=All"} <= set(dry.partition("?")[2].split("&"))
    assert "force" not in dry
    assert {"fieldManager=portside", "force=true"} <= set(forced.partition("?")[2].split("&"))
    assert json.loads(body) == CONFIG


def widgets() -> dict[str, Any]:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": WIDGET},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "singular": "widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {}}}],
        },
    }


def test_a_kind_that_is_not_there_is_looked_for_once_and_found_after_it_came(
    cluster: ClusterConnection, recorder: Recorder, real: FakeCluster
) -> None:
    def look() -> ClusterError:
        with pytest.raises(ClusterError) as raised:
            cluster.kind("example.com/v1", "Widget")
        return raised.value

    assert "knows no Widget (example.com/v1): if a CustomResourceDefinition makes it, apply that first" in str(look())
    before = len(recorder.asked)
    for _ in range(20):
        look()
    assert len(recorder.asked) == before
    cluster.apply(Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", WIDGET), widgets())
    cluster.forget_kinds()
    assert cluster.kind("example.com/v1", "Widget").name == "widgets"


def test_a_kind_in_its_old_group_is_told_where_it_is_now(cluster: ClusterConnection) -> None:
    with pytest.raises(ClusterError, match=r"write apiVersion apps/v1"):
        cluster.kind("extensions/v1beta1", "Deployment")


def test_a_read_over_a_broken_connection_is_made_again_and_a_change_is_not(
    cluster: ClusterConnection, recorder: Recorder
) -> None:
    cluster.apply(REF, CONFIG)
    recorder.break_off = 1
    found = cluster.get(REF)
    assert found is not None
    assert found["data"] == {"a": "1"}
    recorder.break_off = 1
    with pytest.raises(ClusterError) as raised:
        cluster.apply(REF, CONFIG)
    assert raised.value.passing


def test_a_first_call_that_is_cut_off_is_made_again(cluster: ClusterConnection, recorder: Recorder) -> None:
    recorder.break_off = 1
    assert cluster.get(REF) is None


def test_a_kind_that_has_gone_is_no_object_that_is_not_there(cluster: ClusterConnection, real: FakeCluster) -> None:
    definition = Ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", WIDGET)
    cluster.apply(definition, widgets())
    widget = Ref("example.com/v1", "Widget", "apps", "one")
    assert cluster.get(widget) is None
    cluster.delete(definition)
    with pytest.raises(ClusterError, match="knows no Widget"):
        cluster.get(widget)


def test_clusters_share_neither_settings_nor_files(real: FakeCluster, recorder: Recorder) -> None:
    clusters = Clusters(LOOPBACK.guard)
    try:
        one = clusters.of(endpoint(recorder.url))
        assert clusters.of(endpoint(recorder.url)) is one
        with pytest.raises(ClusterError, match="refused the sign-in"):
            clusters.of(endpoint(real.url, "another-token")).get(REF)
        one.apply(REF, CONFIG)
        assert {headers["authorization"] for _, _, headers, _ in recorder.asked} == {"Bearer demo-token"}
        folders = [made._folder for made in clusters._known.values()]
        assert len(set(folders)) == 2
        assert all(stat.S_IMODE(os.stat(folder).st_mode) == 0o700 for folder in folders)
    finally:
        clusters.close()
    assert not any(folder.exists() for folder in folders)


def test_threads_may_share_a_cluster(cluster: ClusterConnection) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(5):
                name = f"c{number}"
                body = {**CONFIG, "metadata": {"name": name, "namespace": "apps"}}
                cluster.apply(Ref("v1", "ConfigMap", "apps", name), body)
                assert cluster.get(Ref("v1", "ConfigMap", "apps", name)) is not None
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert failures == []


def test_a_delete_takes_its_dependents_and_only_the_object_that_was_meant(
    cluster: ClusterConnection, recorder: Recorder
) -> None:
    made = cluster.apply(REF, CONFIG)
    assert cluster.delete(REF, made["metadata"]["uid"])
    body = json.loads(next(one for one in recorder.asked if one[0] == "DELETE")[3])
    assert body["propagationPolicy"] == "Background"
    assert body["preconditions"] == {"uid": made["metadata"]["uid"]}
    assert not cluster.delete(REF)
