"""A Helm chart as the source of a manifest, rendered by `helm template` without network and cluster.

Facts about the program: https://helm.sh/docs/helm/helm_template and https://helm.sh/docs/topics/charts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from services.runner.task_protocol import TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml

from . import chart_files
from .programs import ProgramFailed, render


@dataclass(frozen=True, slots=True)
class ChartFolder:
    """A chart with all that it depends on, and the values files beside it."""

    chart: Path
    values_files: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What the chart learns of its cluster and of its release."""

    release: str
    kube_version: str = ""
    """By default Helm's own."""
    api_versions: tuple[str, ...] = ()
    namespace: str = "default"
    upgrade: bool = False


def metadata(chart: Path, name: str = "Chart.yaml") -> Json:
    """The chart's `Chart.yaml`, or another file of that shape. Raises TaskFailed."""
    file = chart / name
    if not file.is_file():
        raise TaskFailed(f"{chart.name} has no {name}: name the folder of a chart.")
    try:
        tree = parse_one_yaml(file.read_text("utf-8"), MANIFESTS)
    except (Malformed, UnicodeDecodeError) as error:
        words = error.described if isinstance(error, Malformed) else ": not UTF-8"
        raise TaskFailed(f"The {name} of {chart.name} cannot be read{words}.") from None
    if not isinstance(tree, dict):
        raise TaskFailed(f"The {name} of {chart.name} is not a map.")
    return tree


def values(request: TaskRequest) -> Json:
    """The task's own values. Raises TaskFailed."""
    source_values = request.input.get("values")
    try:
        tree = parse_one_yaml(source_values, MANIFESTS) if isinstance(source_values, str) else source_values
    except Malformed as error:
        raise TaskFailed(f"`values` cannot be read{error.described}.") from None
    if tree is None or tree == "":
        return {}
    if not isinstance(tree, dict):
        raise TaskFailed(f"`values` must be a map, as in a chart's values.yaml, not {type(tree).__name__}.")
    return tree


def build(request: TaskRequest, folder: ChartFolder, work: Path, context: RenderContext) -> str:
    """The manifest that a task's chart renders, hooks included. Raises TaskFailed with template and line."""
    return manifest_of(folder, values(request), work, context, with_tests=request.flag("runTests"))


def manifest_of(
    folder: ChartFolder, own_values: Json, work: Path, context: RenderContext, *, with_tests: bool = False
) -> str:
    """The manifest that a chart renders with these values over those of its files. Raises TaskFailed likewise."""
    chart = folder.chart
    metadata(chart)
    own_file = work.parent / "values.json"
    own_file.write_text(json.dumps(own_values), "utf-8")
    arguments = [
        *("template", context.release, str(chart), "--namespace", context.namespace, "--include-crds"),
        *(("--kube-version", context.kube_version) if context.kube_version else ()),
        *(("--is-upgrade",) if context.upgrade else ()),
        *(() if with_tests else ("--skip-tests",)),
        *(part for version in context.api_versions for part in ("--api-versions", version)),
        *(part for file in (*folder.values_files, own_file) for part in ("--values", str(file))),
    ]
    try:
        _refuse_lookup_in_texts(arguments, work, (*chart_files.texts(chart), *folder.values_files, own_file))
        rendering = render("helm", arguments, work)
    except ProgramFailed as failed:
        words = failure(str(failed).replace(f"{chart.parent}/", "").replace(f"{work}/", ""))
        raise TaskFailed(f"Chart {chart.name}: {words}") from None
    if left_out := _UNKNOWN_HOOK.search(rendering.notes):
        raise TaskFailed(
            f"Chart {chart.name} has hooks of the kind {left_out[1]}, which helm leaves out: move definitions of kinds "
            "into the chart's folder crds, and give other hooks a kind that helm knows."
        )
    return rendering.text


def _refuse_lookup_in_texts(arguments: list[str], work: Path, files: Iterable[Path]) -> None:
    """Raise what helm complains of where a template hands a value that calls `lookup` to `tpl`.

    Known only once it is rendered: elsewhere such a text is one as any other, and goes into the manifest as it is.
    """
    before = chart_files.mark(files)
    if not before:
        return
    try:
        render("helm", arguments, work)
    except ProgramFailed as failed:
        if _in_text(str(failed)):
            raise
    finally:
        for file, content in before.items():
            file.write_bytes(content)


_PLACE = re.compile(r"template: ([^\s:]+):(\d+):\d+: ")
_TPL = re.compile(r"at <(tpl [^<>]*)>")
_INDEX = re.compile(r"at <(index [^<>]*)>: error calling index: cannot index")
_UNKNOWN_HOOK = re.compile(r'skipping unknown hooks?[^\w]+(?:hookTypes=)?"?([\w,-]+)')
_NOISE = re.compile(r"^(?:Use --debug flag.*|level=\w+ msg=.*|)$")


def failure(printed: str) -> str:
    """What helm complains of, in one line that names template and line."""
    lines = [line.strip() for line in printed.splitlines() if not _NOISE.fullmatch(line.strip())]
    text = " ".join(lines).removeprefix("Error: ")
    place = _PLACE.search(text)
    if place and (calls := list(_INDEX.finditer(text, place.end()))):
        return f"{place[1]}:{place[2]} calls {calls[-1][1].replace('index', 'lookup', 1)}, {_WHY_REFUSED}"
    return _in_text(text) or text


def _in_text(text: str) -> str:
    """Which template hands a text that calls `lookup` to `tpl`; empty where helm complains of something else."""
    place = _PLACE.search(text)
    call = _TPL.search(text, place.end()) if place else None
    if place is None or call is None or f'function "{chart_files.MARK}" not defined' not in text[call.end() :]:
        return ""
    return f"{place[1]}:{place[2]} renders a text by {call[1].strip()} that calls lookup, {_WHY_REFUSED}"


_WHY_REFUSED = (
    "which reads the cluster while the chart is rendered, and a diff could not show what it makes of that: give the "
    "chart the value instead."
)
