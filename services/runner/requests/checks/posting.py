"""Endpoints that are posted to, slack and webhook: does the server answer? Nothing is sent."""

from __future__ import annotations

import ssl
from urllib.parse import urlparse

import requests

from services.runner.clients.errors import why
from services.runner.clients.tls import TrustingAdapter, certificate_trouble, trust_of
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.catalog import Validated

from .certificate import explain_url

_TIMEOUT_S = (5.0, 10.0)


def check(endpoint: OpenEndpoint, options: Json) -> Validated:
    """Ask for the server's front page: any answer will do. The path may hold a secret and is neither asked nor told."""
    address = urlparse(endpoint.text("url"))
    place = f"{address.scheme}://{address.netloc.rpartition('@')[2]}"
    with requests.Session() as session:
        try:
            session.mount("https://", TrustingAdapter(trust_of(endpoint.properties)))
            session.head(f"{place}/", timeout=_TIMEOUT_S, allow_redirects=False)
        except ssl.SSLError:
            message = "The private authority of the endpoint (caCertificate) is not a PEM certificate."
            return Validated(ok=False, code="incomplete", message=message)
        except (requests.RequestException, OSError) as error:
            if certificate_trouble(error):
                return explain_url(place, endpoint, f"The certificate of {place} is not trusted.")
            return Validated(
                ok=False,
                code="unreachable",
                message=f"Cannot reach {place}: {why(error)}.",
                next_step="Is the address right, and can the runner's machine reach it?",
            )
    return Validated(
        ok=True,
        code="ok",
        message=f"{place} answers. Nothing was sent, so whether it takes messages at this address is not known.",
        next_step="To be sure, run a pipeline with a Notify task that names this endpoint.",
    )
