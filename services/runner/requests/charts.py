"""Looking at a chart for the form of a task: its values and schema, and which of its values hold an image."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.runner.clients.clouds import CloudLogins
from services.runner.task_protocol import OpenEndpoint, TaskFailed
from services.runner.tasks.k8s import charts
from services.runner.tasks.k8s.chart_images import (
    Form,
    ImageText,
    ImageValue,
    image_values,
    is_rendered,
    merged,
    written,
)
from services.runner.tasks.k8s.chart_source import ChartSource, lay_out
from services.runner.tasks.k8s.charts import ChartFolder, RenderContext
from services.runner.tasks.references import parse
from shared.contracts.base import Json
from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml
from shared.outbound.http import HttpClient

_MOST_TEXT = 256 * 1024
_MOST_FORMS = 3
_MOST_ALONE = 8
"""Places that are probed one by one where the chart cannot be rendered with all at once."""
_IMAGE, _TAG, _DIGEST = "${input.DOCKER_IMAGE}", "${input.DOCKER_TAG}", "${input.DOCKER_DIGEST}"
_PROBE_HOST, _PROBE_DIGEST = "probe.invalid", "sha256:" + "0" * 64


def inspect_chart(endpoints: Mapping[str, OpenEndpoint], options: Json, client: HttpClient) -> Json:
    """What a task's chart is made of. Raises TaskFailed.

    `endpoints` are those of the task's roles, `options` its fields, with `image`: which one the pipeline deploys.
    """
    with tempfile.TemporaryDirectory(prefix="portside-look-") as work:
        checkout = Path(work).resolve() / "repository"
        checkout.mkdir()
        folder = lay_out(_source(endpoints, options), client, CloudLogins(client), checkout, lambda _: None)
        about = charts.metadata(folder.chart)
        own_values = options.get("values")
        own_values = own_values if isinstance(own_values, dict) else {}
        places = image_values(merged(default_values(folder.chart), own_values))
        rendered, problem = _tried(places, folder, own_values, checkout, str(options.get("releaseName") or "release"))
        pushed = _pushed(str(options.get("image") or ""))
        images = [_described(place, rendered.get(place.path), pushed, own_values) for place in places]
        return {
            "name": str(about.get("name") or ""),
            "version": str(about.get("version") or ""),
            "values": _text(folder.chart / "values.yaml"),
            "schema": _text(folder.chart / "values.schema.json"),
            "images": sorted((image for image in images if image["values"]), key=lambda image: not image["rendered"]),
            "problem": problem,
        }


def default_values(chart: Path, depth: int = 0) -> Json:
    """The values of a chart, its subcharts' under the names that it calls them by. Raises TaskFailed."""
    own_values = _values_of(chart)
    below: Json = {}
    listed = charts.metadata(chart).get("dependencies")
    names: dict[str, list[str]] = {}
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict):
            name = str(entry.get("name") or "")
            names.setdefault(name, []).append(str(entry.get("alias") or name))
    for file in sorted(chart.glob("charts/*/Chart.yaml")) if depth < 5 else ():
        name = str(charts.metadata(file.parent).get("name") or file.parent.name)
        for alias in names.get(name, [name]):
            below[alias] = default_values(file.parent, depth + 1)
    return merged(below, own_values)


def _source(endpoints: Mapping[str, OpenEndpoint], options: Json) -> ChartSource:
    def git() -> OpenEndpoint:
        if "scm" not in endpoints:
            raise TaskFailed("Choose the Git repository that holds the chart.")
        return endpoints["scm"]

    def text(name: str) -> str:
        return str(options.get(name) or "").strip()

    if not text("chart"):
        raise TaskFailed("Name the chart.")
    return ChartSource(
        text("chart"), git, text("chartRepository"), text("chartVersion"), text("branch"),
        _lines(options.get("valuesFiles")), endpoints.get("charts"),
    )  # fmt: skip


def _tried(
    places: list[ImageValue], folder: ChartFolder, own_values: Json, checkout: Path, release: str
) -> tuple[dict[tuple[str, ...], Form], str]:
    """For each place the form that reaches the manifest when the chart is rendered, and why it cannot be rendered."""

    def render(values: Json) -> str:
        return charts.manifest_of(folder, values, checkout, RenderContext(release))

    def reach(probes: list[Probe]) -> dict[tuple[str, ...], Form]:
        values = own_values
        for probe in probes:
            values = merged(values, written(probe.place, probe.form, probe.text) or {})
        manifest = render(values)
        return {
            probe.place.path: probe.form
            for probe in probes
            if is_rendered(probe.place, probe.form, probe.text, manifest)
        }

    reached: dict[tuple[str, ...], Form] = {}
    for position in range(_MOST_FORMS):
        probes = [
            Probe(place, place.forms[position], _probe(index))
            for index, place in enumerate(places)
            if place.path not in reached and position < len(place.forms)
        ]
        if not probes:
            break
        try:
            reached |= reach(probes)
        except TaskFailed:
            try:
                render(own_values)
            except TaskFailed as failed:
                return reached, failed.message
            # The chart refuses one of them, by its schema or its templates.
            for probe in probes[:_MOST_ALONE]:
                with suppress(TaskFailed):
                    reached |= reach([probe])
    return reached, ""


@dataclass(frozen=True, slots=True)
class Probe:
    """A text that is written into one place, to see whether it comes out in the manifest."""

    place: ImageValue
    form: Form
    text: ImageText


def _probe(index: int) -> ImageText:
    repository = f"acme/probe-{index}-end"
    return ImageText(f"{_PROBE_HOST}/{repository}", f"probe-{index}-tag", _PROBE_DIGEST, _PROBE_HOST, repository)


def _pushed(image: str) -> ImageText:
    """The pushed image by references; its registry and repository apart only where the pipeline names them."""
    if not image or "${" in image:
        return ImageText(_IMAGE, _TAG, _DIGEST)
    reference = parse(image)
    return ImageText(_IMAGE, _TAG, _DIGEST, reference.host, reference.repository)


def _described(place: ImageValue, form: Form | None, pushed: ImageText, own_values: Json) -> Json:
    chosen = form or place.forms[0]
    values = written(place, chosen, pushed)
    if values is None and Form.TAG in place.forms:
        chosen, values = Form.TAG, written(place, Form.TAG, pushed)
    return {
        "path": ".".join(place.path),
        "current": place.current,
        "form": chosen.value,
        "rendered": form is not None,
        "values": values,
        "filledIn": merged(own_values, values or {}),
    }


def _lines(names: Any) -> tuple[str, ...]:
    listed = names.split("\n") if isinstance(names, str) else names
    return tuple(str(name).strip() for name in listed or () if str(name).strip()) if isinstance(listed, list) else ()


def _text(file: Path) -> str:
    text = file.read_text("utf-8", "replace") if file.is_file() else ""
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "\n… longer than is shown here\n"


def _values_of(chart: Path) -> Json:
    try:
        tree = parse_one_yaml(_text(chart / "values.yaml"), MANIFESTS)
    except Malformed as error:
        raise TaskFailed(f"The values.yaml of {chart.name} cannot be read{error.described}.") from None
    return tree if isinstance(tree, dict) else {}
