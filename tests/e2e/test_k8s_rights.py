"""What an endpoint of a cluster may do: what is missing, the manifest that grants it, and that it is enough."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.runner.requests.checks.k8s_rights import manifest
from services.runner.requests.validate import Validator
from services.runner.tasks.k8s.client import quiet_insecure_warnings
from shared.contracts.catalog import ValidateAsk, Validated
from shared.contracts.history import Status
from shared.contracts.runs import ResolvedEndpoint
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.outbound import LOOPBACK

from .k8s import Kube, Runs, deployment, namespace

pytestmark = pytest.mark.cluster

PATHS = {
    "ServiceAccount": "/api/v1/namespaces/{0}/serviceaccounts",
    "Secret": "/api/v1/namespaces/{0}/secrets",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{0}/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/{0}/rolebindings",
}


def apply(kube: Kube, place: str, *documents: Any) -> None:
    for one in documents:
        kube.call("POST", PATHS[one["kind"]].format(place), one)


def new_account(kube: Kube, place: str) -> str:
    """A ServiceAccount without any right; its token."""
    meta = {"name": "deployer"}
    note = {"name": "deployer-token", "annotations": {"kubernetes.io/service-account.name": "deployer"}}
    token = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token", "metadata": note}
    apply(kube, place, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}, token)
    until = time.monotonic() + 20
    while time.monotonic() < until:
        made = kube.call("GET", f"/api/v1/namespaces/{place}/secrets/deployer-token")
        if data := (made.get("data") or {}).get("token"):
            return base64.b64decode(data).decode()
        time.sleep(0.2)
    raise AssertionError("the cluster made no token")


def test_the_manifest_that_is_offered_is_enough_to_deploy(kube: Kube, tmp_path: Path) -> None:
    quiet_insecure_warnings()
    create_keys(tmp_path)
    sealer, opener = Sealer.load(tmp_path), Opener.load(tmp_path)
    with namespace(kube, "rights") as place:
        properties = {
            "kubernetesURL": kube.server,
            "authType": "token",
            "insecureSkipTLSVerify": True,
            "namespace": place,
        }
        sealed = {"token": sealer.seal(new_account(kube, place))}
        endpoint = ResolvedEndpoint(name="cluster", type="k8s", properties=properties, secrets=sealed)

        def tried() -> Validated:
            return Validator(opener, LOOPBACK)(ValidateAsk(endpoint=endpoint))

        before = tried()
        assert (before.ok, before.code) == (False, "no-right")
        assert before.details["user"] == f"system:serviceaccount:{place}:deployer"
        assert "create deployments.apps" in before.details["missing"] and f"namespace {place}" in before.message
        apply(kube, place, *yaml.safe_load_all(before.details["yaml"]))
        after = tried()
        assert after.ok and after.details["missing"] == [], after.message
        runs = Runs(sealer, opener, {"cluster": endpoint})
        try:
            done = runs.run(yaml=deployment("web", os.environ.get("TEST_BASE_IMAGE", "local/pause:1")), namespace=place)
            assert done.state.status is Status.COMPLETED, done.state.message
        finally:
            runs.clusters.close()


def test_without_a_name_for_the_user_the_manifest_makes_an_account_with_a_token(kube: Kube) -> None:
    with namespace(kube, "rights") as place:
        apply(kube, place, *yaml.safe_load_all(manifest(place, "")))
        bound = kube.call("GET", f"{PATHS['RoleBinding'].format(place)}/portside")
        assert bound["subjects"] == [{"kind": "ServiceAccount", "name": "portside", "namespace": place}]
        assert kube.call("GET", f"{PATHS['Secret'].format(place)}/portside-token") is not None
