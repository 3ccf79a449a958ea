"""The manifest from elsewhere, read once for each try: a file of a Git endpoint, an overlay or a chart.

The text is sealed in the handle, so that the next holder applies what was checked, whatever was pushed since.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace

from services.runner.clients.git import GitProblem, read_file
from services.runner.task_protocol import Running, TaskFailed, TaskRequest
from shared.contracts.base import Json
from shared.grammar.malformed import Malformed
from shared.grammar.manifest_values import fill_file
from shared.grammar.resolving import Unresolved
from shared.outbound.http import HttpClient

from . import rendered
from .cluster import ClusterConnection

_KEPT = "source"


_RENDERED = ("kustomization", "chart")
_SOURCES = ("yaml", "filePath", *_RENDERED)
_MAX_PACKED_BYTES = 640 * 1024
"""Of a rendered manifest, compressed, so that its handle fits into an event."""


def is_wanted(request: TaskRequest) -> bool:
    """Whether the manifest is not in the task itself. Raises TaskFailed where the task names two sources of it."""
    named = [field for field in _SOURCES if request.text(field).strip()]
    if len(named) > 1 and is_rendered(request):
        raise TaskFailed(f"The task names more than one source of its manifest: {', '.join(named)}. Keep one.")
    return bool(named) and named[0] != "yaml"


def is_rendered(request: TaskRequest) -> bool:
    """Whether helm or kustomize makes the manifest."""
    return any(request.text(field).strip() for field in _RENDERED)


def fetch(request: TaskRequest, client: HttpClient, cluster: ClusterConnection) -> str:
    """The manifest as text. Raises TaskFailed."""
    return rendered.fetch(request, client, cluster) if is_rendered(request) else _file(request, client)


def _file(request: TaskRequest, client: HttpClient) -> str:
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


def put_in(request: TaskRequest, text: str) -> TaskRequest:
    """The task as if the text had been written into it."""
    return replace(request, input={**request.input, "yaml": text})


def keep_text(request: TaskRequest, step: Running, text: str) -> Running:
    """The step with the text in its handle; the actions hand it on from phase to phase."""
    value = _packed(text) if is_rendered(request) else text
    return replace(step, handle={**step.handle, _KEPT: request.tools.seal(value)})


def with_kept_text(request: TaskRequest, handle: Json) -> TaskRequest:
    """The task with the text that its start has kept."""
    if _KEPT not in handle:
        return request
    text = request.memory.get(_KEPT)
    if text is None:
        text = request.memory[_KEPT] = _unpacked(request.tools.unseal(handle[_KEPT]))
    return put_in(request, text)


def _packed(text: str) -> Json:
    packed = base64.b85encode(zlib.compress(text.encode(), 9)).decode()
    if len(packed) > _MAX_PACKED_BYTES:
        raise TaskFailed("The rendered manifest is too large to be kept while it is applied: deploy it in parts.")
    return {"zlib": packed}


def _unpacked(value: str | Json) -> str:
    return value if isinstance(value, str) else zlib.decompress(base64.b85decode(value["zlib"])).decode()
