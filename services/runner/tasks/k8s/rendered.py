"""From a K8S task's Git folder to the text that helm or kustomize renders of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from services.runner.task_protocol import TaskFailed, TaskRequest
from shared.outbound.http import HttpClient

from . import charts, inventory, kustomize
from .chart_source import ChartSource, folder_of, lay_out, write_commit
from .cluster import ClusterConnection


def fetch(request: TaskRequest, client: HttpClient, cluster: ClusterConnection) -> str:
    """The manifest of the task's overlay or chart, as one text. Raises TaskFailed."""
    with tempfile.TemporaryDirectory(prefix="portside-render-") as work:
        checkout = Path(work).resolve() / "repository"
        checkout.mkdir()
        if request.text("kustomization").strip():
            return _kustomize(request, client, checkout)
        return _chart(request, client, cluster, checkout)


def _kustomize(request: TaskRequest, client: HttpClient, checkout: Path) -> str:
    write_commit(request.endpoint("scm"), request.text("branch").strip(), client, checkout, request.tools.log)
    return kustomize.build(request, folder_of(checkout, request.text("kustomization")), checkout)


def _chart(request: TaskRequest, client: HttpClient, cluster: ClusterConnection, checkout: Path) -> str:
    source = ChartSource(
        request.text("chart").strip(),
        git=lambda: request.endpoint("scm"),
        repository=request.text("chartRepository").strip(),
        version=request.text("chartVersion"),
        branch=request.text("branch").strip(),
        values_files=_names(request),
        sign_in=request.endpoint("charts") if request.roles.get("charts") else None,
    )
    folder = lay_out(source, client, cluster.logins, checkout, request.tools.log)
    return charts.build(request, folder, checkout, _context(request, cluster))


def _context(request: TaskRequest, cluster: ClusterConnection) -> charts.RenderContext:
    release = inventory.release_name(request)
    before = inventory.read(request, cluster, release)
    return charts.RenderContext(
        release=release,
        kube_version=str(cluster.version().get("gitVersion") or ""),
        api_versions=cluster.api_versions(),
        namespace=request.text("namespace").strip() or cluster.namespace,
        upgrade=inventory.is_upgrade(request, cluster, before),
    )


def _names(request: TaskRequest) -> tuple[str, ...]:
    listed_files = request.input.get("valuesFiles") or []
    names = listed_files.split("\n") if isinstance(listed_files, str) else listed_files
    if not isinstance(names, list):
        raise TaskFailed("`valuesFiles` must be a list of files at the Git endpoint.")
    return tuple(str(name).strip() for name in names if str(name).strip())
