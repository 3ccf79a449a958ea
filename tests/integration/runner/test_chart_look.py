"""Which value of a chart holds the image: charts of every shape, rendered by the real helm with probes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.runner.requests.inspect import OutsideInspector
from services.runner.requests.validate import Validator
from shared.contracts.catalog import Inspect
from shared.contracts.problems import Refused
from shared.contracts.runs import ResolvedEndpoint
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.gitserver import GitServer
from tests.support.outbound import LOOPBACK

pytestmark = pytest.mark.helm
IMAGE, TAG = "${input.DOCKER_IMAGE}", "${input.DOCKER_TAG}"
POD = "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec: {{containers: [{{name: c, image: '{image}'}}]}}\n"


class Looking:
    def __init__(self, folder: Path) -> None:
        create_keys(folder / "keys")
        self.git = GitServer(folder / "git", "ann", "s3cret-password")
        self.inspector = OutsideInspector(Validator(Opener.load(folder / "keys"), LOOPBACK), LOOPBACK)
        self.password = Sealer.load(folder / "keys").seal("s3cret-password")
        self.repositories = 0

    def __call__(self, files: dict[str, str], **options: Any) -> dict[str, Any]:
        self.repositories += 1
        name = f"acme/deploy-{self.repositories}"
        self.git.commit(name, files)
        source = ResolvedEndpoint(
            name="source", type="git", properties={"repoURL": f"{self.git.url}/{name}.git", "username": "ann"},
            secrets={"password": self.password},
        )  # fmt: skip
        request = Inspect(what="chart", roles={"scm": source}, options={"chart": "chart", **options})
        return self.inspector(request).document


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looking]:
    made = Looking(tmp_path_factory.mktemp("looking"))
    yield made
    made.git.close()


def chart(values: str, image: str, **more: str) -> dict[str, str]:
    return {
        "chart/Chart.yaml": "apiVersion: v2\nname: web\nversion: 0.3.0\n",
        "chart/values.yaml": values,
        "chart/templates/pod.yaml": POD.format(name="web", image=image),
        **{f"chart/{name}": text for name, text in more.items()},
    }


PARTS = "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
SPLIT = "{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}"
MAYBE = "{{ with .Values.image.registry }}{{ . }}/{{ end }}{{ .Values.image.repository }}:{{ .Values.image.tag }}"
PINNED = (
    "{{ .Values.image.repository }}{{ with .Values.image.digest }}@{{ . }}{{ else }}:{{ .Values.image.tag }}{{ end }}"
)
BY_REGISTRY = "image: {registry: docker.io, repository: acme/old, tag: '1'}\n"


@pytest.mark.parametrize(
    ("values", "image", "form", "proposed"),
    [
        ("image: {repository: nginx, tag: ''}\n", PARTS, "joined", {"repository": IMAGE, "tag": TAG}),
        ("image: nginx:1\n", "{{ .Values.image }}", "whole", f"{IMAGE}:{TAG}"),
        (BY_REGISTRY, MAYBE, "joined", {"registry": "", "repository": IMAGE, "tag": TAG}),
        (BY_REGISTRY, SPLIT, "split", {"registry": "ghcr.io", "repository": "acme/web", "tag": TAG}),
        (
            "image: {repository: nginx, tag: '1', digest: 'sha256:abc'}\n",
            PINNED,
            "joined",
            {"repository": IMAGE, "tag": TAG, "digest": ""},
        ),
        ("image: {repository: acme/old, tag: '1'}\n", "acme/old:{{ .Values.image.tag }}", "tag", {"tag": TAG}),
    ],
)  # fmt: skip
def test_the_form_that_reaches_the_manifest_is_proposed(
    looking: Looking, values: str, image: str, form: str, proposed: Any
) -> None:
    seen = looking(chart(values, image), image="ghcr.io/acme/web")
    (place,) = seen["images"]
    assert (place["path"], place["form"], place["rendered"]) == ("image", form, True)
    assert place["values"] == {"image": proposed}
    assert (seen["name"], seen["version"], seen["values"], seen["problem"]) == ("web", "0.3.0", values, "")


def test_subcharts_are_searched_under_the_names_that_the_chart_gives_them(looking: Looking) -> None:
    files = chart(
        "back: {enabled: true}\nextra: {enabled: false}\n", "nginx:1", **{"values.schema.json": '{"type": "object"}'}
    )
    needs = ("[{name: api, version: 0.1.0, alias: back, condition: back.enabled}, "
             "{name: extra, version: 0.1.0, condition: extra.enabled}]")  # fmt: skip
    files["chart/Chart.yaml"] += f"dependencies: {needs}\n"
    for name in ("api", "extra"):
        files |= {
            f"chart/charts/{name}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 0.1.0\n",
            f"chart/charts/{name}/values.yaml": f"image: {{repository: acme/{name}, tag: '2'}}\n",
            f"chart/charts/{name}/templates/pod.yaml": POD.format(name=name, image=PARTS),
        }
    seen = looking(files)
    assert [(place["path"], place["current"], place["rendered"]) for place in seen["images"]] == [
        ("back.image", "acme/api:2", True),
        ("extra.image", "acme/extra:2", False),
    ]
    assert seen["images"][0]["values"] == {"back": {"image": {"repository": IMAGE, "tag": TAG}}}
    assert seen["schema"] == '{"type": "object"}'


def test_a_place_that_the_schema_refuses_takes_no_other_with_it(looking: Looking) -> None:
    values = "image: {repository: nginx, tag: '1'}\nsidecar: {image: 'acme/fixed:1'}\n"
    schema = '{"properties": {"sidecar": {"properties": {"image": {"enum": ["acme/fixed:1"]}}}}}'
    files = chart(values, PARTS, **{"values.schema.json": schema})
    files["chart/templates/side.yaml"] = POD.format(name="side", image="{{ .Values.sidecar.image }}")
    seen = looking(files)
    assert [(place["path"], place["rendered"]) for place in seen["images"]] == [
        ("image", True),
        ("sidecar.image", False),
    ]


def test_a_chart_that_cannot_be_rendered_says_at_which_template_and_line(looking: Looking) -> None:
    needs = {"templates/need.yaml": 'a: 1\nb: {{ required "a host is needed" .Values.host }}\n'}
    values = "image: {repository: nginx, tag: '1'}\n"
    seen = looking(chart(values, PARTS, **needs))
    assert "web/templates/need.yaml:2" in seen["problem"] and "a host is needed" in seen["problem"]
    assert [(place["path"], place["rendered"]) for place in seen["images"]] == [("image", False)]
    seen = looking(chart(values, PARTS, **needs), values={"host": "example.com"})
    assert (seen["problem"], seen["images"][0]["rendered"]) == ("", True)
    assert seen["images"][0]["filledIn"] == {"host": "example.com", "image": {"repository": IMAGE, "tag": TAG}}


def test_a_chart_that_is_not_there_is_refused_with_the_reason(looking: Looking) -> None:
    with pytest.raises(Refused, match="There is no folder none at this commit"):
        looking(chart("a: 1\n", "nginx:1"), chart="none")
    with pytest.raises(Refused, match="Choose the Git repository"):
        looking.inspector(Inspect(what="chart", options={"chart": "chart"}))
