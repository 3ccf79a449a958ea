"""Pull secrets made of a cloud's token: written with their end, warned of, and renewed within a long roll-out."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from demo.cluster.server import FakeCluster
from services.runner.tasks.k8s import pull_secrets
from shared.contracts.history import Status
from shared.contracts.runs import ResolvedEndpoint
from shared.process.secrets import Opener, Sealer, create_keys
from tests.e2e.k8s import Kube, Runs, deployment
from tests.support.clouds import Clouds, clouds_on_loopback

from .test_clouds import AWS, registry_endpoint

SECRET = "/api/v1/namespaces/apps/secrets/portside-pull-reg"


class Deploying:
    """A cluster whose roll-outs take so long, and a registry of ECR."""

    def __init__(self, clouds: Clouds, folder: Path, pace_s: float) -> None:
        create_keys(folder)
        sealer = Sealer.load(folder)
        self.cluster = FakeCluster(pace_s=pace_s)
        self.kube = Kube(self.cluster.url, self.cluster.token)
        properties = dict(registry_endpoint(clouds, "aws").properties)
        secrets = {"awsSecretAccessKey": sealer.seal(str(properties.pop("awsSecretAccessKey")))}
        registry = ResolvedEndpoint(name="reg", type="docker", properties=properties, secrets=secrets)
        access = {"kubernetesURL": self.cluster.url, "authType": "token"}
        cluster = ResolvedEndpoint(
            name="cluster", type="k8s", properties=access, secrets={"token": sealer.seal(self.cluster.token)}
        )
        self.runs = Runs(sealer, Opener.load(folder), {"cluster": cluster, "reg": registry})

    def run(self, **task: Any) -> Any:
        given = {"yaml": deployment("web", "acme/web:1"), "namespace": "apps", "imagePullSecretFrom": "reg"}
        return self.runs.run(**{**given, **task})

    def secret(self) -> tuple[str, float]:
        """The password that pods pull with, and when it ends."""
        live = self.kube.call("GET", SECRET)
        (entry,) = json.loads(base64.b64decode(live["data"][".dockerconfigjson"]))["auths"].values()
        end = live["metadata"]["annotations"][pull_secrets.ENDS_AT]
        return str(entry["password"]), datetime.fromisoformat(end).timestamp()

    def close(self) -> None:
        self.runs.clusters.close()
        self.cluster.close()


@pytest.fixture
def clouds() -> Iterator[Clouds]:
    with clouds_on_loopback() as served:
        yield served


def test_a_pull_secret_says_when_it_ends_and_the_log_warns_of_it(clouds: Clouds, tmp_path: Path) -> None:
    with closing(Deploying(clouds, tmp_path, 0.1)) as deploying:
        done = deploying.run()
        assert done.state.status is Status.COMPLETED, done.state.message
        password, ends_at = deploying.secret()
    assert clouds.handed_out[password] == pytest.approx(ends_at, abs=1)
    (warning,) = [line for line in done.lines if "The pull secret portside-pull-reg ends at" in line]
    assert "Pods that start later on a node without the image cannot pull it" in warning
    assert not [line for line in done.lines if password in line or str(AWS["awsSecretAccessKey"]) in line]
    assert not [line for line in done.lines if "renewed" in line], "it is good for longer than the roll-out takes"


def test_a_roll_out_that_outlasts_its_pull_secret_renews_it(
    clouds: Clouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clouds.life_s = 2.0
    monkeypatch.setattr(pull_secrets, "_EARLY_S", 0.3)
    monkeypatch.setattr(pull_secrets, "_AGAIN_S", 0.2)
    with closing(Deploying(clouds, tmp_path, 3.0)) as deploying:
        done = deploying.run()
        password, ends_at = deploying.secret()
    assert done.state.status is Status.COMPLETED, done.state.message
    assert [line for line in done.lines if "portside-pull-reg renewed; it ends at" in line], done.lines
    first, *later = clouds.handed_out
    assert password in later and ends_at > clouds.handed_out[first]
