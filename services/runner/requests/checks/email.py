"""An email endpoint: does the server answer, encrypt and take the sign-in? Nothing is sent."""

from __future__ import annotations

from services.runner.clients import smtp
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.catalog import Validated
from shared.outbound.http import HttpClient
from shared.outbound.tls import CHANGED, DISTRUSTED

from .certificate import explain

_STEPS = {
    "wrong-password": "Correct user name and password; many providers want a password made for applications.",
    "no-tls": "Choose SSL for port 465, or NONE for a server on the same machine.",
    "no-sign-in": "Choose TLS or SSL, or leave the user name blank.",
    "unreachable": "Is the address right, and can the runner's machine reach it? Many networks block port 25.",
    "refused": "Ask the server's operator whether this machine may use it.",
}


def check(endpoint: OpenEndpoint, options: Json, client: HttpClient) -> Validated:
    """Connect, say hello, encrypt, sign in."""
    host, port = smtp.place_of(endpoint)
    user = endpoint.text("outboundUsername")
    try:
        with smtp.session(endpoint, client.guard):
            signed_in = f" and takes the sign-in of {user}" if user else ""
            return Validated(ok=True, code="ok", message=f"{host}:{port} answers{signed_in}. Nothing was sent.")
    except smtp.MailProblem as problem:
        if problem.code in (DISTRUSTED, CHANGED):
            return explain(f"{host}:{port}", host, smtp.connector(endpoint, client.guard), endpoint, problem.message)
        step = _STEPS.get(problem.code, "")
        return Validated(ok=False, code=problem.code, message=problem.message, next_step=step)
