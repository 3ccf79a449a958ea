"""A Helm chart as the source of a manifest, rendered by `helm template` without network and cluster.

Facts about the program: https://helm.sh/docs/helm/helm_template and https://helm.sh/docs/topics/charts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from services.runner.task_protocol import Asked, TaskFailed
from shared.contracts.base import Json
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml

from .programs import ProgramFailed, render


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What the chart learns of its cluster and of its release."""

    release: str
    kube_version: str
    api_versions: tuple[str, ...]
    namespace: str
    upgrade: bool


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


def values(request: Asked) -> Json:
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


def build(request: Asked, chart: Path, work: Path, values_files: Iterable[Path], context: RenderContext) -> str:
    """The manifest that a prepared chart renders, hooks included. Raises TaskFailed with template and line."""
    metadata(chart)
    own_values = work.parent / "values.json"
    own_values.write_text(json.dumps(values(request)), "utf-8")
    files = [*values_files, own_values]
    arguments = [
        *("template", context.release, str(chart), "--namespace", context.namespace, "--include-crds"),
        *("--kube-version", context.kube_version),
        *(("--is-upgrade",) if context.upgrade else ()),
        *(() if request.flag("runTests") else ("--skip-tests",)),
        *(part for version in context.api_versions for part in ("--api-versions", version)),
        *(part for file in files for part in ("--values", str(file))),
    ]
    try:
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


_LOOKUP = re.compile(r"template: (\S+?):(\d+):\d+: .*at <(index [^>]*)>: error calling index: cannot index", re.DOTALL)
_UNKNOWN_HOOK = re.compile(r'skipping unknown hooks?[^\w]+(?:hookTypes=)?"?([\w,-]+)')
_NOISE = re.compile(r"^(?:Use --debug flag.*|level=\w+ msg=.*|)$")


def failure(printed: str) -> str:
    """What helm complains of, in one line that names template and line."""
    lines = [line.strip() for line in printed.splitlines() if not _NOISE.fullmatch(line.strip())]
    text = " ".join(lines).removeprefix("Error: ")
    if call := _LOOKUP.search(text):
        return (
            f"{call[1]}:{call[2]} calls {call[3].replace('index', 'lookup', 1)}, which reads the cluster while the "
            "chart is rendered, and a diff could not show what it makes of that: give the chart the value instead."
        )
    return text
