"""What a build needs to start a pipeline; that it works is tried against the running system."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml
from flask.testing import FlaskClient

from services.gateway.commands.snippets import snippets, variable

from .site import Site

URL = "https://portside.example.com"
PIPELINE: dict[str, Any] = {
    "project": "My Project",
    "name": 'Deploy: it\'s "web"',
    "input": {"TAG": "", "namespace": "web", "who ever": ""},
    "_inputMeta": {
        "TAG": {"mandatory": True},
        "namespace": {"mandatory": True},
        "who ever": {"mandatory": True},
        "note": {"mandatory": False},
    },
}


def test_only_what_must_be_given_and_has_no_value_is_asked_for() -> None:
    assert snippets(PIPELINE, URL)["inputs"] == {"TAG": "TAG", "who ever": "WHO_EVER"}


@pytest.mark.parametrize(("name", "held"), [("a-b", "A_B"), ("9lives", "_9LIVES"), ("größe", "GR__E")])
def test_a_variable_has_a_name_that_every_shell_takes(name: str, held: str) -> None:
    assert variable(name) == held


def test_step_and_job_are_yaml_with_the_script_and_the_tokens_name_only() -> None:
    made = snippets(PIPELINE, URL)
    (step,) = yaml.safe_load(made["githubActions"])
    assert step["run"] == made["shell"]
    assert step["env"] == {"PORTSIDE_TOKEN": "${{ secrets.PORTSIDE_TOKEN }}", "TAG": "", "WHO_EVER": ""}
    ((name, job),) = yaml.safe_load(made["gitlab"]).items()
    assert name == "run-deploy-it-s-web" and job["script"] == [made["shell"]]
    assert job["variables"] == {"TAG": "", "WHO_EVER": ""}


def test_a_pipeline_that_needs_nothing_gets_no_variables() -> None:
    (job,) = yaml.safe_load(snippets({"project": "p", "name": "n"}, URL)["gitlab"]).values()
    assert "variables" not in job


def test_names_are_quoted_for_the_shell() -> None:
    words = shlex.split(snippets(PIPELINE, URL)["shell"].splitlines()[2])
    assert words[:6] == ["portside", "run", "-i", "TAG=$TAG", "-i", "who ever=$WHO_EVER"]
    assert words[-2:] == ["--", PIPELINE["name"]]
    assert "PORTSIDE_PROJECT='My Project'" in snippets(PIPELINE, URL)["shell"]


def test_a_stage_of_jenkins_holds_the_same_script() -> None:
    stage = snippets(PIPELINE, URL)["jenkins"]
    held = stage.split("'''")[1]
    assert re.sub(r"\\(.)", r"\1", held).strip() == snippets(PIPELINE, URL)["shell"].strip()
    assert "PORTSIDE_TOKEN = credentials('portside-token')" in stage and "WHO_EVER = ''" in stage


def test_a_page_has_all_four_to_copy(site: Site, ann: FlaskClient) -> None:
    site.documents["pipelines"] = {"id": "p1", **PIPELINE}
    site.documents["settings"] = {"publicUrl": "https://cd.example.com"}
    page = ann.get("/pipelines/p1/build").text
    assert page.count("PORTSIDE_TOKEN") >= 4 and "<h2>Jenkins</h2>" in page and "https://cd.example.com" in page
    assert "<h2>GitLab CI</h2>" in page and "<code>WHO_EVER</code> for the input who ever" in page
