"""What the form of a Docker webhook offers: registries, pipelines, inputs, a name, and which tags would run. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.contracts.base import Json
from shared.grammar.inputs import DOCKER, blank
from shared.grammar.patterns import BadPattern, PatternResult, judge
from shared.grammar.repositories import meant_repository

TAGS_SHOWN = 10
_ADVANCED = ("description", "repoName", "wholeNamespace", "platforms", "sourceNetworks", "signed")


@dataclass(frozen=True, slots=True)
class Choice:
    """A pipeline that may be chosen, and whether a push fills its inputs."""

    name: str
    docker: bool


def registries(endpoints: Iterable[Json], project: str) -> list[Json]:
    """The Docker registries of a project."""
    return [
        endpoint for endpoint in endpoints if endpoint.get("type") == "docker" and endpoint.get("project") == project
    ]


def pipelines(documents: Iterable[Json], project: str) -> list[Choice]:
    """The pipelines of a project, those with Docker inputs first."""
    choices = [
        Choice(str(document["name"]), takes_docker(document))
        for document in documents
        if document.get("project") == project
    ]
    return sorted(choices, key=lambda choice: (not choice.docker, choice.name))


def takes_docker(pipeline: Json) -> bool:
    """Does a push fill inputs of this pipeline?"""
    return "DOCKER_TRIGGER" in [str(option).upper() for option in pipeline.get("options") or ()]


def inputs(pipeline: Json) -> list[Json]:
    """The inputs that a push does not fill, each with its default, its description and whether it must have a value."""
    meta = pipeline.get("_inputMeta") or {}
    rows = []
    for name, default in (pipeline.get("input") or {}).items():
        about: Any = meta.get(name) or {}
        if name not in DOCKER:
            default_text = "" if default is None else str(default)
            must = about.get("mandatory") is True
            rows.append(
                {"name": name, "default": default_text, "about": about.get("description") or "", "mandatory": must}
            )
    return rows


def unfilled(pipeline: Json, values: Json) -> list[str]:
    """Mandatory inputs that have neither a value nor a default."""
    return [
        row["name"]
        for row in inputs(pipeline)
        if row["mandatory"] and blank(row["default"]) and blank(values.get(row["name"]))
    ]


def repository(endpoint: Json | None, text: str, *, whole_namespace: bool = False) -> str:
    """Which repository the webhook is about, as far as it is known; blank for a whole namespace."""
    if endpoint is None:
        return text
    return meant_repository(endpoint.get("properties") or {}, text, whole_namespace=whole_namespace).path


def advanced(values: Json) -> bool:
    """Is anything set that stands in the form's closed part?"""
    gathers = str(values.get("gatherSeconds") or 0) not in ("0", "0.0")
    return gathers or values.get("mode") == "look" or any(values.get(key) for key in _ADVANCED)


def words(text: str) -> list[str]:
    """A list as people write one in a line: by commas, by blanks, or both."""
    return text.replace(",", " ").split()


def suggested_name(repository: str, taken: Iterable[str]) -> str:
    """`acme/web` gives `acme-web`, or `acme-web-2` where that is taken."""
    base = repository.strip("/").replace("/", "-")
    names, suffix, name = set(taken), 1, base
    while base and name in names:
        suffix += 1
        name = f"{base}-{suffix}"
    return name


def preview(tags: Iterable[str], pattern: str, exclude: Iterable[str]) -> list[tuple[str, PatternResult]]:
    """Which tags would run. Raises `BadPattern`."""
    excluded = list(exclude)
    return [(tag, judge(pattern, tag, excluded)) for tag in tags]


def readable(pattern: str, exclude: Iterable[str]) -> str:
    """What is wrong with the patterns; blank when nothing is."""
    try:
        preview(("latest",), pattern, exclude)
    except BadPattern as error:
        return str(error)
    return ""
