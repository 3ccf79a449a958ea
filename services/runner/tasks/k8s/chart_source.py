"""A chart from where a task or a form says that it is: fetched, or taken from a commit, and made ready for helm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from services.runner.clients.chart_repositories import ChartProblem, ChartRepositories
from services.runner.clients.clouds import CloudLogins
from services.runner.clients.git import GitProblem
from services.runner.clients.git_folder import check_out
from services.runner.task_protocol import OpenEndpoint, TaskFailed
from shared.outbound.http import HttpClient

from .chart_dependencies import Dependencies
from .chart_files import expand, prepare
from .charts import ChartFolder

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class ChartSource:
    """Where a chart is, and as whom to ask for it."""

    chart: str
    """Its folder in Git, its name in the repository, or `oci://…`."""
    git: Callable[[], OpenEndpoint]
    """The endpoint of the commit; asked for only where one is needed. Raises TaskFailed."""
    repository: str = ""
    version: str = ""
    branch: str = ""
    values_files: tuple[str, ...] = ()
    sign_in: OpenEndpoint | None = None
    """For registries and repositories of charts."""


def lay_out(source: ChartSource, client: HttpClient, logins: CloudLogins, checkout: Path, log: Log) -> ChartFolder:
    """Write the chart into `checkout`, or beside it where it is fetched. Raises TaskFailed."""
    repositories = ChartRepositories(client, source.sign_in, logins)
    repository, name = _location(source)
    if not repository or source.values_files:
        write_commit(source.git(), source.branch, client, checkout, log)
    if repository:
        chart = _fetched(source, repositories, repository, name, checkout.parent, log)
        within = chart.parent
    else:
        chart, within = folder_of(checkout, name), checkout
    prepare(chart, Dependencies(repositories, within, log).complete)
    return ChartFolder(chart, tuple(_file(checkout, file) for file in source.values_files))


def write_commit(endpoint: OpenEndpoint, branch: str, client: HttpClient, checkout: Path, log: Log) -> None:
    """Write a commit's files into a folder. Raises TaskFailed."""
    if endpoint.type != "git":
        raise TaskFailed(f"Endpoint {endpoint.name} is of type {endpoint.type}; `endpoints.scm` needs one of type git.")
    try:
        source = check_out(client, endpoint, checkout, log, branch)
    except GitProblem as problem:
        raise TaskFailed(problem.message) from None
    log(f"Commit {source.commit[:12]} of {source.branch}, endpoint {endpoint.name}, is rendered")


def folder_of(checkout: Path, name: str) -> Path:
    """A folder of the commit. Raises TaskFailed."""
    place = _within(checkout, name)
    if not place.is_dir():
        listed = ", ".join(sorted(entry.name for entry in checkout.iterdir())[:20]) or "no files"
        raise TaskFailed(f"There is no folder {name.strip()} at this commit; at its top are: {listed}.")
    return place


def _location(source: ChartSource) -> tuple[str, str]:
    """Repository and name of the chart; without a repository, its folder in Git."""
    if source.chart.startswith("oci://"):
        repository, _, name = source.chart.rstrip("/").rpartition("/")
        return repository, name
    return source.repository, source.chart


def _fetched(
    source: ChartSource, repositories: ChartRepositories, repository: str, name: str, work: Path, log: Log
) -> Path:
    """The folder of a chart that is fetched: what its archive holds."""
    folder = work / "chart"
    folder.mkdir()
    try:
        fetched = repositories.fetch(repository, name, source.version, work)
    except ChartProblem as problem:
        raise TaskFailed(str(problem)) from None
    expand(fetched.archive, folder)
    log(f"Chart {name} {fetched.version} of {repository} is rendered")
    roots = [entry for entry in folder.iterdir() if (entry / "Chart.yaml").is_file()]
    if len(roots) != 1:
        raise TaskFailed(f"The archive of chart {name} {fetched.version} does not hold one chart.")
    return roots[0]


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
