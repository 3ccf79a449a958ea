"""What is said when a server's certificate is not taken: which one it shows, and what would accept it."""

from __future__ import annotations

from services.runner.clients.certificates import Connect, acceptable, changed, dial, distrusted, read_certificates
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.catalog import Validated
from shared.outbound.guard import Guard, Reach
from shared.outbound.tls import CHANGED, DISTRUSTED, trust_of


def explain_url(url: str, endpoint: OpenEndpoint, guard: Guard, otherwise: str) -> Validated:
    """For an https address; `otherwise` is what is said where the server can no longer be reached."""
    host, connect = dial(url, guard, Reach(endpoint.may_be_local))
    return explain(url, host, connect, endpoint, otherwise)


def explain(place: str, host: str, connect: Connect, endpoint: OpenEndpoint, otherwise: str) -> Validated:
    """Look at the certificate without trusting it; the details hold the change of the endpoint that would accept it."""
    trust = trust_of(endpoint.properties)
    try:
        certificate_look = read_certificates(host, connect, trust)
    except (OSError, ValueError):
        return Validated(ok=False, code=DISTRUSTED, message=otherwise)
    authority = "certAuthorityData" if endpoint.type == "k8s" else "caCertificate"
    details: Json = {
        "certificates": certificate_look.document()["certificates"],
        "accept": acceptable(certificate_look, authority),
    }
    if trust.fingerprint:
        return Validated(
            ok=False,
            code=CHANGED,
            message=changed(place, certificate_look, trust, endpoint.text("fingerprintAcceptedAt")),
            next_step="Ask its operator whether it was renewed. If so, accept the new one; if not, somebody may be "
            "listening in between.",
            details=details,
        )
    return Validated(
        ok=False,
        code=DISTRUSTED,
        message=distrusted(place, certificate_look),
        next_step="Compare the fingerprint with the operator's, then accept it, or give its authority.",
        details=details,
    )
