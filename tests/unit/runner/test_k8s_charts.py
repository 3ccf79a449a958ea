"""Charts before and after the program that renders them: archives, `lookup`, versions, indexes, hooks, complaints."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest

from services.runner.clients.chart_repositories import ChartProblem, chosen, index_entries
from services.runner.task_protocol import TaskFailed
from services.runner.tasks.k8s import chart_files, charts, hooks, kustomize


def archive(folder: Path, *members: tuple[str, bytes], link: str = "") -> Path:
    place = folder / "web-1.0.0.tgz"
    with tarfile.open(place, "w:gz") as packed:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
        if link:
            entry = tarfile.TarInfo("web/link")
            entry.type, entry.linkname = tarfile.SYMTYPE, link
            packed.addfile(entry)
    return place


def test_an_archive_may_have_the_header_that_helm_writes(tmp_path: Path) -> None:
    packed = archive(tmp_path, ("web/Chart.yaml", b"name: web\n"))
    content = gzip.decompress(packed.read_bytes())
    deflate = zlib.compressobj(wbits=-15)
    header = b"\x1f\x8b\x08\x14" + b"\0" * 6 + struct.pack("<H", 4) + b"+aHR" + b"Helm\0"
    trailer = struct.pack("<II", zlib.crc32(content), len(content))
    packed.write_bytes(header + deflate.compress(content) + deflate.flush() + trailer)
    chart_files.expand(packed, tmp_path / "into")
    assert (tmp_path / "into/web/Chart.yaml").read_text() == "name: web\n"


def test_an_archive_is_expanded_and_its_links_are_left_out(tmp_path: Path) -> None:
    packed = archive(tmp_path, ("web/Chart.yaml", b"name: web\n"), ("./web/a/b.txt", b"b"), link="/etc/passwd")
    chart_files.expand(packed, tmp_path / "into")
    files = sorted(str(file.relative_to(tmp_path / "into")) for file in (tmp_path / "into").rglob("*"))
    assert files == ["web", "web/Chart.yaml", "web/a", "web/a/b.txt"]


@pytest.mark.parametrize("name", ["../evil", "web/../../evil", "/etc/evil", "web\\..\\..\\evil"])
def test_an_archive_never_leaves_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(TaskFailed, match="a file outside its folder"):
        chart_files.expand(archive(tmp_path, (name, b"x")), tmp_path / "into")
    assert not (tmp_path / "evil").exists() and not Path("/etc/evil").exists()


def test_an_archive_is_bounded_in_files_and_expansion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chart_files, "MAX_EXPANDED_BYTES", 1000)
    bomb = archive(tmp_path, ("web/a", b"\0" * 600), ("web/b", b"\0" * 600))
    with pytest.raises(TaskFailed, match="expands to more than"):
        chart_files.expand(bomb, tmp_path / "one")
    monkeypatch.setattr(chart_files, "MAX_FILES", 1)
    with pytest.raises(TaskFailed, match="expands to more than 1 files"):
        chart_files.expand(archive(tmp_path, ("web/a", b""), ("web/b", b"")), tmp_path / "two")
    (tmp_path / "broken.tgz").write_bytes(b"no archive")
    with pytest.raises(TaskFailed, match=r"broken\.tgz is not an archive that can be read"):
        chart_files.expand(tmp_path / "broken.tgz", tmp_path / "three")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{{ lookup "v1" "Secret" "a" "b" }}', '{{ index "v1" "Secret" "a" "b" }}'),
        ('{{- $s := (lookup "v1" "Pod" "" "") -}}', '{{- $s := (index "v1" "Pod" "" "") -}}'),
        ('{{ "}} lookup" | quote }} lookup', '{{ "}} lookup" | quote }} lookup'),
        ("{{/* lookup }} here */}}", "{{/* lookup }} here */}}"),
        ("{{ .Values.lookup }}{{ $lookup }}{{ lookups }}", "{{ .Values.lookup }}{{ $lookup }}{{ lookups }}"),
        ("{{ `lookup` }} {{ 'l' }}", "{{ `lookup` }} {{ 'l' }}"),
        ("a: lookup", "a: lookup"),
        ('{{ lookup "unfinished ' * 50, '{{ lookup "unfinished ' * 50),
    ],
)
def test_lookup_is_made_to_fail_where_it_is_called(before: str, after: str) -> None:
    assert chart_files.without_lookup(before) == after


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (
            "Error: execution error at (web/templates/a.yaml:2:6): tag is needed\n\nUse --debug flag to render out "
            "invalid YAML\n",
            "execution error at (web/templates/a.yaml:2:6): tag is needed",
        ),
        (
            'Error: template: web/templates/a.yaml:7:9: executing "web/templates/a.yaml" at <index "v1" "Secret" "a" '
            '"b">: error calling index: cannot index slice/array with type string',
            'web/templates/a.yaml:7 calls lookup "v1" "Secret" "a" "b", which reads the cluster',
        ),
    ],
)
def test_a_complaint_names_template_and_line(printed: str, words: str) -> None:
    assert charts.failure(printed).startswith(words)


VERSIONS = ["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "not-a-version"]


@pytest.mark.parametrize(
    ("wish", "version"),
    [("", "1.10.0"), ("^1.0", "1.10.0"), ("~1.2", "1.2.0"), ("1.0.0", "1.0.0"), (">=2.0.0-0", "2.0.0-rc.1")],
)
def test_the_newest_version_within_the_range_is_chosen(wish: str, version: str) -> None:
    assert chosen(VERSIONS, wish, "web") == version


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ("^3", r"has no version \^3; its newest: 2\.0\.0-rc\.1, 1\.10\.0"),
        ("latest", "latest is not a range of versions"),
    ],
)
def test_a_version_that_is_not_there_is_told_with_those_that_are(wish: str, words: str) -> None:
    with pytest.raises(ChartProblem, match=words):
        chosen(VERSIONS, wish, "web")


INDEX = """apiVersion: v1
entries:
  other:
  - name: other
    version: 9.9.9
    urls: [other-9.9.9.tgz]
  web:
  - name: web
    version: 1.1.0
    urls:
    - web-1.1.0.tgz
  - name: web
    version: 1.0.0
    urls: [web-1.0.0.tgz]
  web-ui:
  - version: 3.0.0
generated: "2026-01-01T00:00:00Z"
"""


@pytest.mark.parametrize("index", [INDEX, INDEX.replace("\n ", "\n   ")])
def test_of_an_index_only_the_lines_of_the_chart_are_read(index: str) -> None:
    assert [entry["version"] for entry in index_entries(index, "web")] == ["1.1.0", "1.0.0"]
    assert index_entries(index, "none") == [] and index_entries("a: b", "web") == []


def test_an_index_may_be_json() -> None:
    assert index_entries('{"entries": {"web": [{"version": "1.0.0"}]}}', "web") == [{"version": "1.0.0"}]


def hook(name: str, events: str, **annotations: str) -> dict[str, Any]:
    notes = {"helm.sh/hook": events, **{key.replace("_", "-"): value for key, value in annotations.items()}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "annotations": notes}}


def test_hooks_run_by_weight_and_then_by_name() -> None:
    weight = "helm.sh/hook-weight"
    listed = hooks.hooks_of(
        [
            hook("b", "pre-install"),
            hook("last", "pre-install,pre-upgrade", **{weight: "10"}),
            hook("a", "pre-install"),
            hook("first", "pre-install", **{weight: "-1"}),
            hook("check", "test-success"),
            {"kind": "ConfigMap", "metadata": {"name": "plain"}},
        ]
    )
    assert [entry.body["metadata"]["name"] for entry in hooks.at(listed, "pre-install")] == ["first", "a", "b", "last"]
    assert [entry.title for entry in hooks.at(listed, "test")] == ["Job check"]


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (hook("a", "crd-install"), "Job a is a hook of the kind crd-install"),
        (hook("a", "pre-install", **{"helm.sh/hook-weight": "heavy"}), "not a whole number"),
        (
            hook("a", "pre-install", **{"helm.sh/hook-delete-policy": "never"}),
            "unknown helm.sh/hook-delete-policy: never",
        ),
    ],
)
def test_a_hook_that_would_not_run_as_its_author_means_is_refused(obj: dict[str, Any], words: str) -> None:
    with pytest.raises(TaskFailed, match=words):
        hooks.hooks_of([obj])


@pytest.mark.parametrize(
    ("written", "images"),
    [
        ({"acme/web": "acme/web:1.4"}, [{"name": "acme/web", "newName": "acme/web", "newTag": "1.4"}]),
        (
            {"web": "127.0.0.1:5000/acme/web:2@sha256:ab"},
            [{"name": "web", "newName": "127.0.0.1:5000/acme/web", "digest": "sha256:ab"}],
        ),
        ({"web": "localhost:5000/web"}, [{"name": "web", "newName": "localhost:5000/web"}]),
        ([{"name": "web", "newTag": 1.4}], [{"name": "web", "newTag": "1.4"}]),
        (None, []),
    ],
)
def test_images_are_written_as_kustomize_has_them(written: Any, images: list[Any]) -> None:
    assert kustomize.images(written) == images


def test_patches_are_objects_or_targets_and_never_files() -> None:
    merged = kustomize.patches("kind: Deployment\nspec: {replicas: 3}")
    assert merged == [{"patch": "kind: Deployment\nspec:\n  replicas: 3\n"}]
    operations = [{"op": "remove", "path": "/a"}]
    aimed = kustomize.patches([{"target": {"kind": "Service"}, "patch": operations}])
    assert aimed == [{"target": {"kind": "Service"}, "patch": "- op: remove\n  path: /a\n"}]
    with pytest.raises(TaskFailed, match="names a file by `path`"):
        kustomize.patches([{"path": "/etc/passwd"}])
