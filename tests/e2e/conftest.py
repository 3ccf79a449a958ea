"""The cluster that KUBECONFIG names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from shared.process.secrets import Opener, Sealer, create_keys

from .k8s import Kube, Runs, kubeconfig_endpoint, namespace


@pytest.fixture
def kube() -> Kube:
    config = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    return Kube(config["clusters"][0]["cluster"]["server"], config["users"][0]["user"].get("token", ""))


@pytest.fixture
def space(kube: Kube) -> Iterator[str]:
    with namespace(kube, "portside-test") as name:
        yield name


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Runs]:
    create_keys(tmp_path)
    sealer = Sealer.load(tmp_path)
    made = Runs(sealer, Opener.load(tmp_path), {"cluster": kubeconfig_endpoint(sealer)})
    yield made
    made.clusters.close()
