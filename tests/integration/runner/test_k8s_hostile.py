"""An API server that floods, drips, unpacks into far more than it sends, or leads elsewhere."""

from __future__ import annotations

import resource
import socket
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from services.runner.task_protocol import OpenEndpoint
from services.runner.tasks.k8s import client
from services.runner.tasks.k8s import cluster as cluster_module
from services.runner.tasks.k8s.cluster import ClusterConnection
from services.runner.tasks.k8s.errors import ClusterError
from tests.support.hostile import Answer, drip, flood, hostile_server, reply
from tests.support.outbound import LOOPBACK
from tests.support.patience import PATIENCE_S

MIB = 1024 * 1024
OPEN_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
CALLS: dict[str, Callable[[ClusterConnection], object]] = {
    "reads": lambda cluster: cluster.version(),
    "a log": lambda cluster: cluster.pod_log("apps", "web", "web", previous=False, lines=10),
}


def bomb() -> Answer:
    """300 kB that are 300 MiB; never whole in this process, whose memory is measured."""
    packer = zlib.compressobj(9, wbits=31)
    body = b"".join([*(packer.compress(bytes(MIB)) for _ in range(300)), packer.flush()])
    return reply(body=body, Content_Encoding="gzip", Content_Type="application/json")


def refused(answer: Answer, call: Callable[[ClusterConnection], object]) -> ClusterError:
    with hostile_server(answer) as server:
        endpoint = OpenEndpoint("prod", "k8s", {"kubernetesURL": server.url, "token": "t0ken", "authType": "token"})
        with closing(ClusterConnection(endpoint, LOOPBACK.guard)) as cluster:
            with pytest.raises(ClusterError) as raised:
                call(cluster)
    assert "t0ken" not in str(raised.value)
    return raised.value


def peak_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_body_without_an_end_is_refused_before_it_fills_the_memory(
    call: Callable[[ClusterConnection], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "LIMITS", replace(client.LIMITS, body_bytes=4 * MIB))
    before = peak_mib()
    error = refused(flood(OPEN_HEAD, 400 * MIB), call)
    assert error.reason == "too-large" and "more than 4 MiB" in str(error) and not error.passing
    assert peak_mib() - before < 100


def test_a_small_body_that_unpacks_into_a_large_one_is_refused() -> None:
    hostile = bomb()
    before = peak_mib()
    error = refused(hostile, CALLS["reads"])
    assert error.reason == "too-large" and "more than 64 MiB" in str(error)
    assert peak_mib() - before < 250


@pytest.mark.parametrize("head", [OPEN_HEAD, b"HTTP/1.1 200 OK\r\nX-A: ", b""], ids=["body", "head", "nothing"])
def test_a_byte_now_and_then_ends_by_the_overall_deadline(head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "LIMITS", replace(client.LIMITS, overall_s=0.5))
    began = time.monotonic()
    error = refused(drip(head=head), CALLS["a log"])
    assert error.reason == "too-slow" and "within 0.5 s" in str(error) and error.passing
    assert time.monotonic() - began < PATIENCE_S


def test_a_redirect_is_not_followed_and_is_named() -> None:
    with hostile_server(reply(body=b"{}")) as elsewhere:
        error = refused(reply(status="307 Temporary Redirect", Location=f"{elsewhere.url}/?x=secret"), CALLS["reads"])
        assert elsewhere.heads == []
    assert f"redirects to {elsewhere.url}/, and" in str(error) and "secret" not in str(error)
    assert error.status == 307 and not error.passing


def test_an_error_of_many_megabytes_is_cut() -> None:
    error = refused(flood(OPEN_HEAD.replace(b"200 OK", b"500 Oops"), 70 * MIB, b"x" * 65536), CALLS["a log"])
    assert len(str(error)) < 1000


def test_a_list_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    page = b'{"metadata": {"continue": "more"}, "items": [], "fill": "%s"}' % (b"x" * MIB)
    kinds = b'{"resources": [{"name": "pods", "kind": "Pod", "namespaced": true, "verbs": ["list"]}]}'

    def answer(connection: socket.socket, head: str) -> None:
        reply(body=page if "/pods?" in head else kinds, Content_Type="application/json")(connection, head)

    for bound, number in (("_MAX_PAGES", 3), ("_MAX_LIST_BYTES", 2 * MIB)):
        monkeypatch.setattr(cluster_module, bound, number)
        error = refused(answer, lambda cluster: cluster.find("v1", "Pod", "apps"))
        assert error.reason == "too-large" and "lists more than" in str(error)


def test_json_that_is_not_an_object_is_an_answer_in_words() -> None:
    error = refused(reply(body=b"[1, 2]", Content_Type="application/json"), CALLS["reads"])
    assert "is it an API server's address?" in str(error)
