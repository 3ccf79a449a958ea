"""Runs K8S tasks against a cluster through the engine, with the ledger in memory."""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.config.model.claims import State
from services.runner.engine.executor import Holder
from services.runner.task_protocol import TaskType
from services.runner.tasks.condition import Condition
from services.runner.tasks.k8s.client import quiet_insecure_warnings
from services.runner.tasks.k8s.cluster import Clusters
from services.runner.tasks.k8s.task import K8S
from shared.contracts.pushes import Push
from shared.contracts.runs import ResolvedEndpoint, Take
from shared.process.secrets import Opener, Sealer
from tests.support.outbound import LOOPBACK
from tests.unit.runner.ledger import MemoryLedger


def kubeconfig_endpoint(sealer: Sealer, path: str | None = None) -> ResolvedEndpoint:
    """A k8s endpoint from a kubeconfig's current context."""
    config = yaml.safe_load(Path(path or os.environ["KUBECONFIG"]).read_text())
    context = next(one["context"] for one in config["contexts"] if one["name"] == config["current-context"])
    cluster = next(one["cluster"] for one in config["clusters"] if one["name"] == context["cluster"])
    user = next(one["user"] for one in config["users"] if one["name"] == context["user"])
    properties = {
        "kubernetesURL": cluster["server"],
        "insecureSkipTLSVerify": bool(cluster.get("insecure-skip-tls-verify")),
        "certAuthorityData": cluster.get("certificate-authority-data", ""),
        "certData": user.get("client-certificate-data", ""),
    }
    secrets = {"token": user.get("token"), "certKeyData": user.get("client-key-data")}
    return ResolvedEndpoint(
        name="cluster",
        type="k8s",
        properties={key: value for key, value in properties.items() if value},
        secrets={key: sealer.seal(value) for key, value in secrets.items() if value},
    )


@dataclass
class Kube:
    """What tests do with the cluster beside the product: plain requests, so that nothing of it is trusted."""

    server: str
    token: str

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """One request; None for 404."""
        request = urllib.request.Request(f"{self.server}{path}", method=method)
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", kind)
        data = json.dumps(body).encode() if body is not None else None
        context = ssl._create_unverified_context() if self.server.startswith("https") else None
        try:
            with urllib.request.urlopen(request, data, timeout=30, context=context) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise AssertionError(f"{method} {path}: {error.code} {error.read().decode()}") from None

    def deployment(self, namespace: str, name: str) -> Any:
        return self.call("GET", f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")


@contextmanager
def namespace(kube: Kube, name: str) -> Iterator[str]:
    """A namespace that is there for one test."""
    name = f"{name}-{int(time.time() * 1000) % 10_000_000}"
    kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    until = time.monotonic() + 20
    while kube.server.startswith("https") and time.monotonic() < until:
        if kube.call("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default"):
            break
        time.sleep(0.2)
    try:
        yield name
    finally:
        kube.call("DELETE", f"/api/v1/namespaces/{name}")


class Runs:
    """Runs one K8S task at a time, as executions of one pipeline with growing starts."""

    def __init__(self, sealer: Sealer, opener: Opener, endpoints: dict[str, ResolvedEndpoint]) -> None:
        self.sealer, self.opener, self.endpoints = sealer, opener, endpoints
        self.starts = 0
        self.clusters = Clusters(LOOPBACK.guard)
        quiet_insecure_warnings()

    def begin(
        self,
        push: Push | None = None,
        *,
        start: int | None = None,
        inputs: dict[str, Any] | None = None,
        roles: dict[str, str] | None = None,
        **given: Any,
    ) -> tuple[MemoryLedger, Holder]:
        """Start a run and hand it over."""
        self.starts += 1
        number = start or self.starts
        endpoints = {"kubernetesServer": "cluster", **(roles or {})}
        task = {"type": "K8S", "endpoints": endpoints, "input": {"action": "APPLY", **given}}
        tree = {"stageOrder": ["Deploy"], "stages": {"Deploy": {"taskOrder": ["Apply"], "tasks": {"Apply": task}}}}
        about = {"push": push, "execution_id": f"e{number}", "index": number}
        ledger = MemoryLedger(tree, inputs=inputs, endpoints=self.endpoints, about=about, start=number)
        types: dict[str, TaskType] = {"K8S": K8S(self.clusters, LOOPBACK), "Condition": Condition()}
        holder = Holder(ledger, types, sealer=self.sealer, opener=self.opener, runner="r1")
        holder.start()
        ask = Take(execution_id=f"e{number}", dispatch=ledger.holding.dispatch, runner="r1", take_id="t1")
        assert holder.reserve(1)
        holder.hold(ledger.take(ask).result())
        return ledger, holder

    def run(self, push: Push | None = None, *, start: int | None = None, timeout_s: float = 90, **given: Any) -> Any:
        """Run to its end: the ledger that has it on record."""
        ledger, holder = self.begin(push, start=start, **given)
        until = time.monotonic() + timeout_s
        try:
            while ledger.holding.state is not State.ENDED:
                assert time.monotonic() < until, f"not over: {ledger.state.message}\n" + "\n".join(ledger.lines)
                time.sleep(0.05)
        finally:
            holder.close(3)
        return ledger


def deployment(name: str, image: str, *, replicas: int = 1, ready_after_s: int = 0, **spec: Any) -> str:
    """A Deployment's YAML; its pods count as available once they have been ready for that long."""
    labels = {"app": name}
    container = {"name": "main", "image": image, **spec}
    # Without a volume for a token a pod is gone, and another in its place, in a fraction of the time.
    spec_of_pods = {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec_of_pods}}
    readiness = {"minReadySeconds": ready_after_s} if ready_after_s else {}
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": replicas, **readiness, "selector": {"matchLabels": labels}, "template": pods},
    }
    return yaml.safe_dump(body)


def basic(user: str, password: str) -> str:
    """A Basic authorization value."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def docker(*arguments: str) -> str:
    """Run the docker command."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()
