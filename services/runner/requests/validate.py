"""Trying an endpoint for real, and saying what is wrong in a stable word, a sentence and the next step."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.catalog import ValidateAsk, Validated
from shared.contracts.runs import ResolvedEndpoint
from shared.outbound.http import HttpClient
from shared.process.masking import Masker
from shared.process.secrets import CannotOpen, Opener

from .checks import docker, email, git, k8s, posting

_CHECKS: dict[str, Callable[[OpenEndpoint, Json, HttpClient], Validated]] = {
    "docker": docker.check,
    "k8s": k8s.check,
    "git": git.check,
    "email": email.check,
    "slack": posting.check,
    "teams": posting.check,
    "discord": posting.check,
    "pagerduty": posting.check,
    "webhook": posting.check,
}


class Validator:
    """Answers `endpoint.validate`."""

    def __init__(self, opener: Opener, client: HttpClient) -> None:
        self._opener = opener
        self._client = client

    def __call__(self, request: ValidateAsk) -> Validated:
        """Try the endpoint; every failure is an answer."""
        check = _CHECKS.get(request.endpoint.type.lower())
        if check is None:
            return Validated(
                ok=False,
                code="unsupported",
                message=f"Endpoints of type {request.endpoint.type} cannot be tried; save it and run a pipeline.",
            )
        try:
            endpoint = self.open(request.endpoint)
        except CannotOpen as error:
            return Validated(ok=False, code="cannot-open", message=str(error))
        masker = Masker([str(endpoint.properties[key]) for key in request.endpoint.secrets])
        with closing(self._client.fresh()) as client:
            answer = check(endpoint, request.options, client)
        return answer.model_copy(update={"message": masker.mask(answer.message)})

    def open(self, endpoint: ResolvedEndpoint) -> OpenEndpoint:
        """The endpoint with its secrets in clear."""
        secrets = {key: self._opener.open(box) for key, box in endpoint.secrets.items()}
        return OpenEndpoint(endpoint.name, endpoint.type.lower(), {**endpoint.properties, **secrets})
