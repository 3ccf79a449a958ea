"""From a K8S task's Git folder to the text that helm or kustomize renders of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from services.runner.clients.chart_repositories import ChartProblem, ChartRepositories
from services.runner.clients.git import GitProblem
from services.runner.clients.git_folder import check_out
from services.runner.task_protocol import Asked, OpenEndpoint, TaskFailed
from shared.outbound.http import HttpClient

from . import charts, inventory, kustomize
from .chart_dependencies import Dependencies
from .chart_files import expand, prepare
from .cluster import ClusterConnection


def fetch(request: Asked, client: HttpClient, cluster: ClusterConnection) -> str:
    """The manifest of the task's overlay or chart, as one text. Raises TaskFailed."""
    with tempfile.TemporaryDirectory(prefix="portside-render-") as work:
        checkout = Path(work).resolve() / "repository"
        checkout.mkdir()
        if request.text("kustomization").strip():
            return _kustomize(request, client, checkout)
        return _chart(request, client, cluster, checkout)


def _kustomize(request: Asked, client: HttpClient, checkout: Path) -> str:
    _check_out(request, client, checkout)
    return kustomize.build(request, _folder(checkout, request.text("kustomization")), checkout)


def _chart(request: Asked, client: HttpClient, cluster: ClusterConnection, checkout: Path) -> str:
    repositories = ChartRepositories(client, _chart_endpoint(request), cluster.logins)
    files = _names(request)
    repository, name = _location(request)
    if not repository or files:
        _check_out(request, client, checkout)
    if repository:
        chart = _fetched(request, repositories, repository, name, checkout.parent)
        within = chart.parent
    else:
        chart, within = _folder(checkout, name), checkout
    prepare(chart, Dependencies(repositories, within, request.tools.log).complete)
    values_files = [_file(checkout, file) for file in files]
    return charts.build(request, chart, checkout, values_files, _context(request, cluster))


def _location(request: Asked) -> tuple[str, str]:
    """Repository and name of the chart; without a repository, its folder in Git."""
    chart, repository = request.text("chart").strip(), request.text("chartRepository").strip()
    if chart.startswith("oci://"):
        repository, _, chart = chart.rstrip("/").rpartition("/")
    return repository, chart


def _chart_endpoint(request: Asked) -> OpenEndpoint | None:
    return request.endpoint("charts") if request.roles.get("charts") else None


def _fetched(request: Asked, repositories: ChartRepositories, repository: str, name: str, work: Path) -> Path:
    """The folder of a chart that is fetched: what its archive holds."""
    folder = work / "chart"
    folder.mkdir()
    try:
        fetched = repositories.fetch(repository, name, request.text("chartVersion"), work)
    except ChartProblem as problem:
        raise TaskFailed(str(problem)) from None
    expand(fetched.archive, folder)
    request.tools.log(f"Chart {name} {fetched.version} of {repository} is rendered")
    roots = [entry for entry in folder.iterdir() if (entry / "Chart.yaml").is_file()]
    if len(roots) != 1:
        raise TaskFailed(f"The archive of chart {name} {fetched.version} does not hold one chart.")
    return roots[0]


def _check_out(request: Asked, client: HttpClient, checkout: Path) -> None:
    endpoint = request.endpoint("scm")
    if endpoint.type != "git":
        raise TaskFailed(f"Endpoint {endpoint.name} is of type {endpoint.type}; `endpoints.scm` needs one of type git.")
    try:
        source = check_out(client, endpoint, checkout, request.tools.log, request.text("branch").strip())
    except GitProblem as problem:
        raise TaskFailed(problem.message) from None
    request.tools.log(f"Commit {source.commit[:12]} of {source.branch}, endpoint {endpoint.name}, is rendered")


def _context(request: Asked, cluster: ClusterConnection) -> charts.RenderContext:
    release = inventory.release_name(request)
    before = inventory.read(request, cluster, release)
    return charts.RenderContext(
        release=release,
        kube_version=str(cluster.version().get("gitVersion") or ""),
        api_versions=cluster.api_versions(),
        namespace=request.text("namespace").strip() or cluster.namespace,
        upgrade=inventory.is_upgrade(request, cluster, before),
    )


def _names(request: Asked) -> list[str]:
    listed_files = request.input.get("valuesFiles") or []
    names = listed_files.split("\n") if isinstance(listed_files, str) else listed_files
    if not isinstance(names, list):
        raise TaskFailed("`valuesFiles` must be a list of files at the Git endpoint.")
    return [str(name).strip() for name in names if str(name).strip()]


def _folder(checkout: Path, name: str) -> Path:
    place = _within(checkout, name)
    if not place.is_dir():
        listed = ", ".join(sorted(entry.name for entry in checkout.iterdir())[:20]) or "no files"
        raise TaskFailed(f"There is no folder {name.strip()} at this commit; at its top are: {listed}.")
    return place


def _file(checkout: Path, name: str) -> Path:
    place = _within(checkout, name)
    if not place.is_file():
        raise TaskFailed(f"`valuesFiles` names {name}, which is not a file at this commit.")
    return place


def _within(checkout: Path, name: str) -> Path:
    place = (checkout / name.strip().strip("/")).resolve()
    if not place.is_relative_to(checkout):
        raise TaskFailed(f"{name.strip()} leads out of the repository.")
    return place
