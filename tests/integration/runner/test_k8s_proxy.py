"""A cluster behind an HTTP proxy: the one that the endpoint names, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from demo.cluster.server import FakeCluster
from services.runner.task_protocol import OpenEndpoint, TaskFailed
from services.runner.tasks.k8s.cluster import ClusterConnection
from services.runner.tasks.k8s.errors import ClusterError
from shared.outbound.guard import Guard
from shared.process.addresses import read_network
from tests.support.connect_proxy import connect_proxy
from tests.support.outbound import LOOPBACK
from tests.support.tls import Door, certificate


@pytest.fixture
def door(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """A cluster that speaks TLS, as an endpoint's properties."""
    with closing(FakeCluster(pace_s=0.1)) as real:
        signed = certificate("localhost", authority=True)
        place = urlsplit(real.url)
        with closing(Door(tmp_path, signed, (str(place.hostname), int(place.port or 0)))) as opened:
            url = opened.url.replace("127.0.0.1", "localhost")
            yield {"kubernetesURL": url, "token": real.token, "certAuthorityData": signed.pem}


def version(properties: dict[str, Any], guard: Guard = LOOPBACK.guard) -> Any:
    with closing(ClusterConnection(OpenEndpoint("cluster", "k8s", properties), guard)) as cluster:
        return cluster.version()


def test_the_cluster_is_reached_through_the_proxy_and_its_certificate_is_checked(door: dict[str, Any]) -> None:
    with connect_proxy() as proxy:
        assert version({**door, "proxyURL": proxy.url})["major"]
        assert proxy.targets == [urlsplit(door["kubernetesURL"]).netloc]
        with pytest.raises(ClusterError, match="certificate is not trusted"):
            version({**door, "proxyURL": proxy.url, "certAuthorityData": certificate("other", authority=True).pem})


def test_a_proxy_that_wants_a_sign_in_gets_it_or_says_what_is_missing(door: dict[str, Any]) -> None:
    with connect_proxy("ann:s3cret") as proxy:
        assert version({**door, "proxyURL": proxy.url, "proxyUser": "ann", "proxyPassword": "s3cret"})["major"]
        with pytest.raises(ClusterError, match="into the endpoint's proxyUser and proxyPassword"):
            version({**door, "proxyURL": proxy.url})


def test_the_environments_proxy_is_not_used(door: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with connect_proxy() as proxy:
        for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert version(door)["major"]
        assert proxy.targets == []


def test_what_may_not_be_called_is_not_called_through_a_proxy_either(door: dict[str, Any]) -> None:
    guard = Guard(allow_local=True, deny=[read_network("127.0.0.2/32")])
    with connect_proxy() as proxy:
        with pytest.raises(
            ClusterError, match=r"may not be called: 127\.0\.0\.2 is in a network that OUTGOING_DENY names"
        ):
            version({**door, "proxyURL": proxy.url, "kubernetesURL": "https://127.0.0.2:6443"}, guard)
        assert proxy.targets == []


def test_a_proxy_that_is_away_is_told_from_a_cluster_that_is(door: dict[str, Any]) -> None:
    # A port that holds the number of another trouble, which is not the one here.
    for url in (door["kubernetesURL"], "https://localhost:40727"):
        with pytest.raises(ClusterError, match="through the endpoint's proxy: connection refused"):
            version({**door, "kubernetesURL": url, "proxyURL": "http://127.0.0.1:9"})


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"proxyURL": "socks5://proxy:1080"}, "must look like"),
        ({"proxyURL": "http://ann:s3cret@proxy:3128"}, "must look like"),
        ({"proxyURL": "http://proxy:3128", "kubernetesURL": "http://127.0.0.1:8001"}, "must begin with https://"),
    ],
)
def test_a_proxy_that_could_read_along_is_refused(properties: dict[str, str], words: str) -> None:
    endpoint = OpenEndpoint("cluster", "k8s", {"kubernetesURL": "https://k8s.example.com", **properties})
    with pytest.raises(TaskFailed, match=words):
        ClusterConnection(endpoint, LOOPBACK.guard)
