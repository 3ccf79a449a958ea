"""What the real helm and kubectl may do while they render: nothing outside, and no look into a cluster."""

from __future__ import annotations

import resource
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from services.runner.task_protocol import TaskFailed
from services.runner.tasks.k8s import charts, kustomize, without_network
from services.runner.tasks.k8s.programs import ProgramFailed, render

pytestmark = pytest.mark.helm
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web}\n"


class Neighbour(BaseHTTPRequestHandler):
    """A server of the runner's own machine."""

    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"not for charts")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def neighbour() -> Iterator[tuple[str, list[str]]]:
    Neighbour.requests = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Neighbour)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", Neighbour.requests
    server.shutdown()
    server.server_close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel refuses sockets on Linux alone")
def test_an_overlay_reaches_no_server_of_the_runners_own_machine(
    tmp_path: Path, neighbour: tuple[str, list[str]]
) -> None:
    address, requests = neighbour
    head = "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: stolen}\n"
    (tmp_path / "generator.yaml").write_text(f"{head}files: ['page={address}/metrics']\n")
    (tmp_path / "kustomization.yaml").write_text("generators: [generator.yaml]\n")
    with pytest.raises(ProgramFailed, match="permission denied"):
        render("kubectl", ["kustomize", "."], tmp_path)
    assert requests == []


@pytest.mark.parametrize(
    "field",
    [
        "configMapGenerator: [{{name: a, files: ['page={url}']}}]",
        "secretGenerator: [{{name: a, envs: ['{url}']}}]",
        "patches: [{{path: '{url}'}}]",
        "patchesStrategicMerge: ['{url}']",
        "openapi: {{path: '{url}'}}",
    ],
)
def test_what_an_overlay_names_at_another_server_is_refused_by_name(tmp_path: Path, field: str) -> None:
    url = "http://127.0.0.1:9100/metrics"
    (tmp_path / "kustomization.yaml").write_text(field.format(url=url))
    with pytest.raises(TaskFailed, match=f"kustomization.yaml names {url}, which is at another server"):
        kustomize.refuse_remote(tmp_path, tmp_path)


def test_texts_and_patches_of_an_overlay_may_name_servers(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text(
        "configMapGenerator: [{name: a, literals: ['page=http://127.0.0.1/a']}]\n"
        "commonAnnotations: {path: 'https://example.com/a'}\n"
        "patches: [{patch: '[{op: add, path: /data/a, value: \"http://a/\"}]', target: {kind: ConfigMap}}]\n"
    )
    kustomize.refuse_remote(tmp_path, tmp_path)


LOOKUP = '{{ (lookup "v1" "Secret" "apps" "db").data | toJson }}'
RENDERS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {text: {{ %s | quote }}}\n"


def rendered(folder: Path, template: str, *, default: str = "", own: str = "", file: str = "") -> str:
    chart = folder / "work" / "web"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: web\nversion: 0.1.0\n")
    (chart / "values.yaml").write_text(f"text: '{default}'\n")
    (chart / "notes.txt").write_text(file)
    (chart / "templates" / "a.yaml").write_text(RENDERS % template)
    folder_of_chart = charts.ChartFolder(chart)
    return charts.manifest_of(
        folder_of_chart, {"text": own} if own else {}, folder / "work", charts.RenderContext(release="web")
    )


@pytest.mark.parametrize(
    ("template", "given"),
    [
        ("tpl .Values.text .", {"default": LOOKUP}),
        ("tpl .Values.text .", {"own": LOOKUP}),
        ('tpl (.Files.Get "notes.txt") .', {"file": LOOKUP}),
    ],
)
def test_lookup_is_refused_in_a_text_that_a_template_renders(
    tmp_path: Path, template: str, given: dict[str, str]
) -> None:
    with pytest.raises(TaskFailed, match=r"web/templates/a\.yaml:4 renders a text by tpl .* that calls lookup"):
        rendered(tmp_path, template, **given)


@pytest.mark.parametrize(("template", "given"), [(".Values.text", {"own": LOOKUP}), ('.Files.Get "notes.txt"', {})])
def test_a_text_about_lookup_that_no_template_renders_is_kept(
    tmp_path: Path, template: str, given: dict[str, str]
) -> None:
    text = rendered(tmp_path, template, **given, file=LOOKUP)
    assert "lookup" in text and "portside_lookup" not in text


@pytest.mark.parametrize(
    "template",
    ["{{ until 1000000000 | toString }}", '{{ repeat 1000000000 "0123456789" | len }}'],
)
def test_a_chart_that_asks_for_gigabytes_ends_its_own_rendering_alone(tmp_path: Path, template: str) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: greedy\nversion: 1.0.0\n")
    (tmp_path / "templates" / "a.yaml").write_text(f"a: {template}\n")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    with pytest.raises((ProgramFailed, TaskFailed)):
        render("helm", ["template", "greedy", "."], tmp_path)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert largest == before or largest * 1024 <= without_network.MAX_MEMORY_BYTES
