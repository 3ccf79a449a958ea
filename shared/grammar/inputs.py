"""Inputs: the names that triggers inject, and how a run's inputs come from defaults, a push and a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from shared.contracts.bounds import MAX_INPUT_BYTES, excess, size_of
from shared.contracts.problems import Flaw
from shared.contracts.pushes import Push
from shared.contracts.times import rfc3339_seconds

from .names import nearest
from .push_facts import is_tag, pushed_at, pusher
from .spec import PipelineSpec

DOCKER = {
    "DOCKER_EVENT_OWNER_NAME": "Who pushed",
    "DOCKER_IMAGE": "The repository as a manifest wants it, without tag: acme/web, ghcr.io/acme/web",
    "DOCKER_REPO_NAME": "Last part of the repository: web",
    "DOCKER_REPO_NAMESPACE": "What comes before it: acme",
    "DOCKER_TAG": "The pushed tag",
    "DOCKER_DIGEST": "The pushed image's digest, where known: sha256:…",
    "DOCKER_IMAGE_REF": "The whole reference, with tag and, where known, digest: acme/web:1.4.1@sha256:…",
    "DOCKER_PUSHED_AT": "When it was pushed, by the registry's clock, ISO 8601 in UTC; blank where unknown",
    "DOCKER_TAGS": "All tags of this push, separated by commas",
}
GIT = {
    "GIT_BRANCH_NAME": "Branch",
    "GIT_CHANGE_SUBJECT": "First line of the commit message",
    "GIT_COMMIT_ID": "Commit",
    "GIT_EVENT_DESCRIPTION": "What happened",
    "GIT_EVENT_OWNER_NAME": "Who pushed",
    "GIT_EVENT_TIMESTAMP": "When",
    "GIT_REPO_NAME": "Repository",
    "GIT_REPO_HTTP_URL": "Address of the repository for HTTP",
    "GIT_SERVER_URL": "Address of the server",
}
GERRIT = {
    "GERRIT_BRANCH": "Branch",
    "GERRIT_CHANGE_COMMIT_MESSAGE": "Commit message",
    "GERRIT_CHANGE_ID": "Change id",
    "GERRIT_CHANGE_NUMBER": "Change number",
    "GERRIT_CHANGE_OWNER": "Owner of the change, name and address",
    "GERRIT_CHANGE_OWNER_EMAIL": "Owner's address",
    "GERRIT_CHANGE_OWNER_NAME": "Owner's name",
    "GERRIT_CHANGE_SUBJECT": "First line of the commit message",
    "GERRIT_CHANGE_URL": "Address of the change",
    "GERRIT_EVENT_ACCOUNT": "Who caused the event, name and address",
    "GERRIT_EVENT_ACCOUNT_EMAIL": "Their address",
    "GERRIT_EVENT_ACCOUNT_NAME": "Their name",
    "GERRIT_EVENT_TYPE": "Kind of event",
    "GERRIT_PATCHSET_NUMBER": "Patch set number",
    "GERRIT_PATCHSET_REVISION": "Patch set's commit",
    "GERRIT_PATCHSET_UPLOADER": "Who uploaded the patch set, name and address",
    "GERRIT_PATCHSET_UPLOADER_EMAIL": "Uploader's address",
    "GERRIT_PATCHSET_UPLOADER_NAME": "Uploader's name",
    "GERRIT_PROJECT": "Gerrit project",
    "GERRIT_REFSPEC": "Reference to fetch",
    "GERRIT_SCHEME": "Scheme of the server's address",
    "GERRIT_TOPIC": "Topic",
}
TRIGGERS: Mapping[str, Mapping[str, str]] = {"DOCKER_TRIGGER": DOCKER, "GIT_TRIGGER": GIT, "GERRIT_TRIGGER": GERRIT}
"""Injected input names and their descriptions, by pipeline option. Only Docker's are filled by a push."""


def injected(options: Iterable[str]) -> dict[str, str]:
    """Names and descriptions of what the options inject."""
    return {name: about for option in options for name, about in TRIGGERS.get(option.upper(), {}).items()}


def inject(
    input: Mapping[str, Any], meta: Mapping[str, Any], options: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Add the injected names, blank and optional, to a pipeline's inputs and their meta; what is there stays."""
    names = injected(options)
    blank: dict[str, Any] = dict.fromkeys(names, "")
    described = {name: {"description": about, "mandatory": False} for name, about in names.items()}
    return {**input, **_absent(blank, input)}, {**meta, **_absent(described, meta)}


def docker_inputs(push: Push, tags: Iterable[str] = ()) -> dict[str, str]:
    """What a push fills in, the same names whatever the registry; what is not known, or not of its grammar, is blank.

    The push's names are possible ones (`push_facts.impossible`).
    """
    tag, digest = push.tag or "", push.digest or ""
    return {
        "DOCKER_EVENT_OWNER_NAME": pusher(push),
        "DOCKER_IMAGE": push.image,
        "DOCKER_REPO_NAME": push.name,
        "DOCKER_REPO_NAMESPACE": push.namespace,
        "DOCKER_TAG": tag,
        "DOCKER_DIGEST": digest,
        "DOCKER_IMAGE_REF": push.image + (f":{tag}" if tag else "") + (f"@{digest}" if digest else ""),
        "DOCKER_PUSHED_AT": "" if (moment := pushed_at(push)) is None else rfc3339_seconds(moment),
        "DOCKER_TAGS": ",".join(dict.fromkeys((*([tag] if tag else []), *filter(is_tag, tags)))),
    }


def run_inputs(
    spec: PipelineSpec, supplied: Mapping[str, Any], *, strict: bool = True
) -> tuple[dict[str, Any], list[Flaw]]:
    """The inputs of a run, and what is wrong with them.

    A value given wins, blank takes the default, a mandatory input without either is a flaw; an imported pipeline starts
    with it blank (`left_blank`). With `strict` a name that the pipeline does not have is a flaw too; without it
    (webhooks) the value is passed on. Values beyond the bounds on depth and size are flaws.
    """
    defaults = spec.input
    flaws: list[Flaw] = []
    for name in supplied:
        if strict and name not in defaults:
            near = nearest(name, defaults)
            flaws.append(Flaw(message=f"the pipeline has no input {name}", path=f"input.{name}", hint=_meant(near)))
    values = {**defaults, **{name: value for name, value in supplied.items() if not blank(value)}}
    if not spec.imported:
        flaws += [
            Flaw(message=f"input {name} is mandatory and has no value", path=f"input.{name}")
            for name in mandatory_blanks(spec.input_meta, values)
        ]
    return values, flaws + _beyond_bounds(values)


def left_blank(spec: PipelineSpec, values: Mapping[str, Any]) -> list[str]:
    """The mandatory inputs of an imported pipeline that a run with these values starts without.

    Code Stream's own form asks for them; its description of the operation refuses nothing, and clients start such
    pipelines with no input at all.
    """
    return mandatory_blanks(spec.input_meta, values) if spec.imported else []


def starts_blank(name: str) -> str:
    """The warning about such an input."""
    return f"input {name} is mandatory and has no value: an imported pipeline starts with it blank, as Code Stream did"


def mandatory_blanks(meta: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    """The names of mandatory inputs that have no value."""
    return [
        name
        for name, about in meta.items()
        if isinstance(about, Mapping) and about.get("mandatory") is True and blank(values.get(name))
    ]


def _beyond_bounds(values: Mapping[str, Any]) -> list[Flaw]:
    """What later readers of the run could not read."""
    deep = [
        Flaw(message=f"input {name} is {reason}", path=f"input.{name}")
        for name, value in values.items()
        if (reason := excess(value))
    ]
    if deep:
        return deep
    size = size_of(values)
    most = f"at most {MAX_INPUT_BYTES // 2**20} MiB"
    return (
        [Flaw(message=f"the inputs are {size / 2**20:.1f} MiB, {most}", path="input")] if size > MAX_INPUT_BYTES else []
    )


def blank(value: Any) -> bool:
    """Whether an input counts as not given."""
    return value is None or (isinstance(value, str) and not value.strip())


def _absent(names: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in names.items() if name not in present}


def _meant(near: str | None) -> str | None:
    return f"did you mean {near}?" if near else None
