"""What a cluster runs now beside what a run of ours left there."""

from __future__ import annotations

from dataclasses import dataclass

from services.gateway.config_client import ConfigClient
from shared.contracts.base import Json
from shared.contracts.catalog import Get, Inspect, Kind
from shared.contracts.envelope import Caller
from shared.contracts.runs import ResolvedEndpoint

EXECUTION = "portside.dev/execution"
"""The annotation by which a runner marks what it applied."""


@dataclass(frozen=True, slots=True)
class LiveWorkload:
    """One workload, read back from its cluster."""

    state: str
    """`same`, `differs` or `gone`."""
    images: tuple[str, ...] = ()
    ready: bool = False
    message: str = ""

    def to_json(self) -> Json:
        """As the API answers it."""
        return {"state": self.state, "images": list(self.images), "ready": self.ready, "message": self.message}


def read_live_workload(config: ConfigClient, caller: Caller, id: str) -> LiveWorkload:
    """Read the workload of a deployment back. Raises `Refused` when its cluster cannot be asked."""
    deployment = config.get(caller, Get(kind=Kind.DEPLOYMENTS, id=id, options={"look": True})).document
    options = {key: deployment[key] for key in ("apiVersion", "namespace", "name")} | {
        "kind": deployment["workloadKind"]
    }
    endpoint = ResolvedEndpoint.model_validate(deployment["lookAt"])
    workload = config.inspect(caller, Inspect(what="workload", endpoint=endpoint, options=options)).document
    if not workload.get("found"):
        return LiveWorkload("gone", message=f"{deployment['workloadKind']} {deployment['name']} no longer exists")
    images = tuple(dict.fromkeys(map(str, workload.get("images") or ())))
    same = images == tuple(deployment["images"])
    return LiveWorkload(
        "same" if same else "differs",
        images,
        bool(workload.get("ready")),
        str(workload.get("message") or ""),
    )
