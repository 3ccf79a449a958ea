"""What a chart's `dependencies` name and its folder `charts` lacks: fetched, or copied from the same commit.

Source: https://helm.sh/docs/helm/helm_dependency. A version in Chart.lock counts before the range in Chart.yaml.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from services.runner.clients.chart_repositories import ChartProblem, ChartRepositories
from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json

from . import charts

_MOST = 50


class Dependencies:
    """Completes the charts of one rendering; `within` is the folder that nothing may be copied from outside of."""

    def __init__(self, repositories: ChartRepositories, within: Path, log: Callable[[str], None]) -> None:
        self._repositories = repositories
        self._within = within
        self._log = log
        self._fetched = 0

    def complete(self, chart: Path) -> None:
        """Put what is missing into the chart's folder `charts`. Raises TaskFailed."""
        tree = charts.metadata(chart)
        locked = charts.metadata(chart, "Chart.lock") if (chart / "Chart.lock").is_file() else {}
        pinned = {(entry.get("name"), entry.get("repository")): entry.get("version") for entry in _entries(locked)}
        for entry in _entries(tree):
            name, repository = str(entry.get("name") or ""), str(entry.get("repository") or "")
            if not repository or _is_present(chart / "charts", name):
                continue
            self._fetched += 1
            if self._fetched > _MOST:
                raise TaskFailed(f"Chart {chart.name} needs more than {_MOST} other charts.")
            version = str(pinned.get((name, entry.get("repository"))) or entry.get("version") or "")
            self._add(chart, name, repository, version)

    def _add(self, chart: Path, name: str, repository: str, version: str) -> None:
        folder = chart / "charts"
        folder.mkdir(exist_ok=True)
        if repository.startswith("file://"):
            source = (chart / repository.removeprefix("file://")).resolve()
            if not source.is_relative_to(self._within) or not (source / "Chart.yaml").is_file():
                raise TaskFailed(f"Chart {chart.name} needs {name} from {repository}, which is not in the repository.")
            if chart.resolve().is_relative_to(source):
                raise TaskFailed(f"Chart {chart.name} needs {name} from {repository}, which holds the chart itself.")
            shutil.copytree(source, folder / source.name, symlinks=True)
            return
        try:
            fetched = self._repositories.fetch(repository, name, version, folder)
        except ChartProblem as problem:
            raise TaskFailed(f"Chart {chart.name} needs {name}. {problem}") from None
        self._log(f"Chart {name} {fetched.version}, which {chart.name} needs, is fetched from {repository}")


def _entries(tree: Json) -> list[Json]:
    listed = tree.get("dependencies")
    return [entry for entry in (listed if isinstance(listed, list) else ()) if isinstance(entry, dict)]


def _is_present(folder: Path, name: str) -> bool:
    if not folder.is_dir():
        return False
    if (folder / name / "Chart.yaml").is_file() or any(folder.glob(f"{name}-[0-9v]*.tgz")):
        return True
    return any(charts.metadata(file.parent).get("name") == name for file in folder.glob("*/Chart.yaml"))
