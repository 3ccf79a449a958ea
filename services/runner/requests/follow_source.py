"""What a project's repository has now, and reports at its commits: asked on config's behalf."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from services.runner.clients import commit_status
from services.runner.clients.git import GitProblem, tip
from services.runner.clients.git_definitions import read_definitions
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.definition_sources import CommitReport, CommitReported, SourceLook, SourceSeen
from shared.contracts.runs import ResolvedEndpoint
from shared.outbound.http import HttpClient
from shared.process.masking import Masker
from shared.process.secrets import CannotOpen

OpenTheEndpoint = Callable[[ResolvedEndpoint], OpenEndpoint]
"""The endpoint with its secrets in clear; may raise CannotOpen."""


class SourceLooker:
    """Answers `source.look`; every way to fail is an answer with its reason."""

    def __init__(self, open_endpoint: OpenTheEndpoint, client: HttpClient) -> None:
        self._open = open_endpoint
        self._client = client

    def __call__(self, request: SourceLook) -> SourceSeen:
        """Read the files, unless the branch is still at the commit that is known."""
        answer = SourceSeen(project=request.project, asked_at=request.asked_at, outcome="failed")
        try:
            endpoint = self._open(request.endpoint)
        except CannotOpen as error:
            detail = f"A secret of endpoint {request.endpoint.name} cannot be opened: {error}"
            return answer.model_copy(update={"detail": detail})
        try:
            with closing(self._client.fresh()) as client:
                return self._look(client, endpoint, request, answer)
        except GitProblem as problem:
            return answer.model_copy(update={"detail": _masker(endpoint, request.endpoint).mask(problem.message)})

    def _look(self, client: HttpClient, endpoint: OpenEndpoint, request: SourceLook, answer: SourceSeen) -> SourceSeen:
        known_commit, branch = request.known_commit, request.branch
        if known_commit and tip(client, endpoint, _say_nothing, branch) == known_commit:
            return answer.model_copy(update={"outcome": "same", "commit": known_commit})
        read = read_definitions(client, endpoint, request.folder, _say_nothing, branch)
        fields = {"branch": read.branch, "commit": read.commit, "subject": read.subject, "files": read.files}
        return answer.model_copy(update={"outcome": "read", **fields})


class CommitReporter:
    """Answers `commit.report`."""

    def __init__(self, open_endpoint: OpenTheEndpoint, client: HttpClient) -> None:
        self._open = open_endpoint
        self._client = client

    def __call__(self, request: CommitReport) -> CommitReported:
        """Post it, and say whether it is there."""
        try:
            endpoint = self._open(request.endpoint)
        except CannotOpen as error:
            detail = f"A secret of endpoint {request.endpoint.name} cannot be opened: {error}"
            return CommitReported(project=request.project, commit=request.commit, detail=detail)
        status = commit_status.CommitStatus(request.commit, request.ok, request.description, request.page_url)
        with closing(self._client.fresh()) as client:
            detail = _masker(endpoint, request.endpoint).mask(commit_status.post(client, endpoint, status))
        return CommitReported(project=request.project, commit=request.commit, detail=detail)


def _masker(endpoint: OpenEndpoint, sealed: ResolvedEndpoint) -> Masker:
    return Masker([str(endpoint.properties[key]) for key in sealed.secrets])


def _say_nothing(_line: str) -> None:
    """No run reads what is found out on the way."""
