"""What a cluster serves is remembered for a while, and a group that is away takes only its own kinds along."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.tasks.k8s.discovery import Discovery, may_be_custom
from services.runner.tasks.k8s.errors import ClusterError


class ApiServer:
    """Paths with their answers, and a clock that sleeping moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.reads: list[str] = []
        self.paths: dict[str, Any] = {
            "/api/v1": resources("ConfigMap"),
            "/apis": {"groups": [group("apps/v1"), group("metrics.example.com/v1")]},
            "/apis/apps/v1": resources("Deployment"),
        }
        self.away: set[str] = set()
        self.discovery = Discovery(self.read, lambda: self.now)

    def read(self, path: str) -> Any:
        self.reads.append(path)
        if path in self.away:
            raise ClusterError("no answer", status=503, passing=True)
        if path not in self.paths:
            raise ClusterError("not found", status=404)
        return self.paths[path]

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def group(api_version: str) -> dict[str, Any]:
    return {"name": "", "versions": [{"groupVersion": api_version}], "preferredVersion": {"groupVersion": api_version}}


def resources(*kinds: str) -> dict[str, Any]:
    rows = [{"kind": kind, "name": f"{kind.lower()}s", "namespaced": True} for kind in kinds]
    return {"resources": [*rows, *({**row, "name": f"{row['name']}/status"} for row in rows)]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> ApiServer:
    api_server = ApiServer()
    monkeypatch.setattr("time.sleep", api_server.sleep)
    return api_server


def test_a_kind_has_its_path_and_is_read_once(server: ApiServer) -> None:
    assert all(server.discovery.find("apps/v1", "Deployment") for _ in range(3))
    served = server.discovery.find("apps/v1", "Deployment")
    assert served is not None
    assert served.path("web", "apps") == "/apis/apps/v1/namespaces/apps/deployments/web"
    assert served.path() == "/apis/apps/v1/deployments"
    assert server.reads == ["/apis/apps/v1"]


def test_a_kind_that_has_gone_is_not_remembered_for_ever(server: ApiServer) -> None:
    assert server.discovery.find("apps/v1", "Deployment")
    del server.paths["/apis/apps/v1"]
    server.now += 121
    assert server.discovery.find("apps/v1", "Deployment") is None


def test_a_kind_that_came_to_a_known_group_is_found_at_once(server: ApiServer) -> None:
    assert server.discovery.find("apps/v1", "Deployment")
    server.paths["/apis/apps/v1"] = resources("Deployment", "Widget")
    assert server.discovery.find("apps/v1", "Widget")


def test_a_definition_made_a_moment_ago_is_waited_for_and_a_built_in_group_is_not(server: ApiServer) -> None:
    assert server.discovery.await_kind("apps/v1", "Widget") is None
    assert server.now == 1000.0
    assert server.discovery.await_kind("example.com/v1", "Widget") is None
    assert 1004.0 <= server.now < 1005.0
    before = len(server.reads)
    assert server.discovery.await_kind("example.com/v1", "Widget") is None
    assert len(server.reads) == before
    server.now += 3
    read = server.read

    def made_meanwhile(path: str) -> Any:
        if server.now > 1009:
            server.paths["/apis/example.com/v1"] = resources("Widget")
        return read(path)

    server.discovery = Discovery(made_meanwhile, lambda: server.now)
    assert server.discovery.await_kind("example.com/v1", "Widget")


def test_a_group_that_is_away_is_left_out_of_the_list_and_named_where_it_is_needed(server: ApiServer) -> None:
    server.away.add("/apis/metrics.example.com/v1")
    assert [kind.kind for kind in server.discovery.all()] == ["ConfigMap", "Deployment"]
    with pytest.raises(ClusterError):
        server.discovery.find("metrics.example.com/v1", "Sample")
    server.away.clear()
    server.paths["/apis/metrics.example.com/v1"] = resources("Sample")
    assert server.discovery.find("metrics.example.com/v1", "Sample")


def test_only_a_definition_makes_kinds_of_other_groups() -> None:
    custom = ["example.com/v1", "gateway.networking.k8s.io/v1", "monitoring.coreos.com/v1"]
    assert all(may_be_custom(api_version) for api_version in custom)
    assert not any(may_be_custom(api_version) for api_version in ("v1", "apps/v1", "networking.k8s.io/v1"))
