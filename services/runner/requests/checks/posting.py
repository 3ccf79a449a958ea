"""Endpoints that are posted to, slack and webhook: does the server answer? Nothing is sent."""

from __future__ import annotations

from services.runner.clients.http import access_of
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.catalog import Validated
from shared.outbound.http import HttpClient, OutboundError, RequestLimits
from shared.outbound.tls import CHANGED, DISTRUSTED
from shared.process.addresses import parts_of

from .certificate import explain_url

_LIMITS = RequestLimits(overall_s=15.0, connect_s=5.0, read_s=10.0)
_STEPS = {"unreachable": "Is the address right, and can the runner's machine reach it?"}


def check(endpoint: OpenEndpoint, options: Json, client: HttpClient) -> Validated:
    """Ask for the server's front page: any answer will do. The path may hold a secret and is neither asked nor told."""
    address = parts_of(endpoint.text("url"))
    place = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
    try:
        client.request("HEAD", f"{place}/", limits=_LIMITS, access=access_of(endpoint), redirects=0)
    except OutboundError as error:
        if error.code in (DISTRUSTED, CHANGED):
            return explain_url(place, endpoint, client.guard, f"The certificate of {place} is not trusted.")
        return Validated(ok=False, code=error.code, message=error.message, next_step=_STEPS.get(error.code, ""))
    return Validated(
        ok=True,
        code="ok",
        message=f"{place} answers. Nothing was sent, so whether it takes messages at this address is not known.",
        next_step="To be sure, run a pipeline with a Notify task that names this endpoint.",
    )
