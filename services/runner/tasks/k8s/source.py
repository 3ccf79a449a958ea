"""The manifest from Source Control: a file of a Git endpoint, read once for each try, its `$${X}` filled in.

The text is sealed in the handle, so that the next holder applies what was checked, whatever was pushed since.
"""

from __future__ import annotations

from dataclasses import replace

from services.runner.clients.git import GitProblem, read_file
from services.runner.task_protocol import Asked, Running, TaskFailed
from shared.contracts.base import Json
from shared.grammar.malformed import Malformed
from shared.grammar.manifest_values import fill_file
from shared.grammar.resolving import Unresolved
from shared.outbound.http import HttpClient

_KEPT = "source"


def is_wanted(request: Asked) -> bool:
    """Whether the manifest is a file at a Git endpoint; YAML in the task itself comes first."""
    return bool(request.text("filePath").strip()) and not request.text("yaml").strip()


def fetch(request: Asked, client: HttpClient) -> str:
    """The file, with its parameters filled in."""
    endpoint = request.endpoint("scm")
    if endpoint.type != "git":
        raise TaskFailed(f"Endpoint {endpoint.name} is of type {endpoint.type}; `endpoints.scm` needs one of type git.")
    path = request.text("filePath").strip()
    try:
        file = read_file(client, endpoint, path, request.tools.log, request.text("branch").strip())
        text = fill_file(file.text, request.table("scmConstants"))
    except GitProblem as problem:
        raise TaskFailed(problem.message) from None
    except Unresolved as missing:
        raise TaskFailed(f"In {path}: {missing}") from None
    except Malformed as error:
        raise TaskFailed(f"{path} cannot be read{error.described}.") from None
    request.tools.log(f"{path} is taken from commit {file.commit[:12]} of {file.branch}, endpoint {endpoint.name}")
    return text


def put_in(request: Asked, text: str) -> Asked:
    """The task as if the text had been written into it."""
    return replace(request, input={**request.input, "yaml": text})


def kept(request: Asked, step: Running, text: str) -> Running:
    """The step with the text in its handle; the actions hand it on from phase to phase."""
    return replace(step, handle={**step.handle, _KEPT: request.tools.seal(text)})


def again(request: Asked, handle: Json) -> Asked:
    """The task with the text that its start has kept."""
    if _KEPT not in handle:
        return request
    text = request.memory.get(_KEPT)
    if text is None:
        text = request.memory[_KEPT] = request.tools.unseal(handle[_KEPT])
    return put_in(request, text)
