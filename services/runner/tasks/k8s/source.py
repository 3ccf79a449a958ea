"""The manifest from Source Control: a file of a Git endpoint, read once for each try, its `$${X}` filled in.

The text is sealed in the handle, so that the next holder applies what was checked, whatever was pushed since.
"""

from __future__ import annotations

from dataclasses import replace

from services.runner.clients.git import GitProblem, read_file
from services.runner.task_protocol import Asked, Running, TaskFailed
from shared.contracts.base import Json
from shared.grammar.resolving import Unresolved, fill_constants
from shared.outbound.http import HttpClient

_KEPT = "source"


def is_wanted(asked: Asked) -> bool:
    """Whether the manifest is a file at a Git endpoint; YAML in the task itself comes first."""
    return bool(asked.text("filePath").strip()) and not asked.text("yaml").strip()


def fetch(asked: Asked, client: HttpClient) -> str:
    """The file, with its parameters filled in."""
    endpoint = asked.endpoint("scm")
    if endpoint.type != "git":
        raise TaskFailed(f"Endpoint {endpoint.name} is of type {endpoint.type}; `endpoints.scm` needs one of type git.")
    path = asked.text("filePath").strip()
    try:
        file = read_file(client, endpoint, path, asked.tools.log, asked.text("branch").strip())
        text = fill_constants(file.text, asked.table("scmConstants"))
    except GitProblem as problem:
        raise TaskFailed(problem.message) from None
    except Unresolved as missing:
        raise TaskFailed(f"In {path}: {missing}") from None
    asked.tools.log(f"{path} is taken from commit {file.commit[:12]} of {file.branch}, endpoint {endpoint.name}")
    return text


def put_in(asked: Asked, text: str) -> Asked:
    """The task as if the text had been written into it."""
    return replace(asked, input={**asked.input, "yaml": text})


def kept(asked: Asked, step: Running, text: str) -> Running:
    """The step with the text in its handle; the actions hand it on from phase to phase."""
    return replace(step, handle={**step.handle, _KEPT: asked.tools.seal(text)})


def again(asked: Asked, handle: Json) -> Asked:
    """The task with the text that its start has kept."""
    if _KEPT not in handle:
        return asked
    text = asked.memory.get(_KEPT)
    if text is None:
        text = asked.memory[_KEPT] = asked.tools.unseal(handle[_KEPT])
    return put_in(asked, text)
