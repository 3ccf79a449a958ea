"""Pods pull from a private registry with the sign-in of its endpoint, on a real cluster and a real registry."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contracts.history import Status
from shared.contracts.runs import ResolvedEndpoint
from tests.support.registry import PASSWORD, USER, docker_registry

from .k8s import Kube, Runs, deployment, docker

pytestmark = [pytest.mark.cluster, pytest.mark.registry]


@pytest.fixture
def private(tmp_path: Path) -> Iterator[str]:
    """Host and port of a registry that shows nothing to nobody, with acme/web:1.0 in it and on no node."""
    with docker_registry(tmp_path) as port:
        host = f"127.0.0.1:{port}"
        config = ("--config", str(tmp_path / "docker"))
        docker(*config, "login", "--username", USER, "--password", PASSWORD, host)
        docker("tag", "local/pause:1", f"{host}/acme/web:1.0")
        docker(*config, "push", f"{host}/acme/web:1.0")
        docker("rmi", f"{host}/acme/web:1.0")
        yield host


def test_pods_pull_from_a_private_registry_with_its_endpoints_sign_in(
    runs: Runs, kube: Kube, space: str, private: str
) -> None:
    runs.endpoints["oci1"] = ResolvedEndpoint(
        name="oci1",
        type="docker",
        properties={"serverType": "OCI", "repoURL": f"http://{private}/acme/web", "username": USER},
        secrets={"password": runs.sealer.seal(PASSWORD)},
    )
    manifest = deployment("web", f"{private}/acme/web:1.0", imagePullPolicy="Always")
    without = runs.run(yaml=manifest, namespace=space, timeout_s=180)
    assert without.state.status is Status.FAILED
    done = runs.run(yaml=manifest, namespace=space, imagePullSecretFrom="oci1", timeout_s=180)
    assert done.state.status is Status.COMPLETED, done.state.message
    secret = kube.call("GET", f"/api/v1/namespaces/{space}/secrets/portside-pull-oci1")
    document = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))
    assert list(document["auths"]) == [private]
