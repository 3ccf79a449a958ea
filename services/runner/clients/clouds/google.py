"""Google Cloud: access tokens, which GKE clusters and Artifact Registry both take.

From the key of a service account by a signed assertion
(https://developers.google.com/identity/protocols/oauth2/service-account#httprest), or from the metadata service.
Artifact Registry wants them as the password of `oauth2accesstoken`
(https://cloud.google.com/artifact-registry/docs/docker/authentication#token).
"""

from __future__ import annotations

from urllib.parse import urlencode

import jwt

from shared.contracts.base import Json
from shared.contracts.times import lifetime_s
from shared.grammar.json_parser import parse_json

from .minted import CloudProblem, Minted
from .pod_identity import PodIdentity
from .sign_in import CloudSignIn
from .vendor_service import VendorRequest, VendorService, text_of

USER = "oauth2accesstoken"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_EMAIL_SCOPE = "https://www.googleapis.com/auth/userinfo.email"
"""With it GKE knows an account by its address, and not only by its number."""
_TOKEN_URL = "https://oauth2.googleapis.com/token"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFE_S = 3600.0


def mint(sign_in: CloudSignIn, service: VendorService, pod: PodIdentity) -> Minted:
    """A token for the endpoint's cluster or registry. Raises CloudProblem."""
    document = pod.google_token() if sign_in.by_pod else _exchanged(sign_in, service)
    token = text_of(document, "access_token", "Google Cloud")
    life_s = lifetime_s(document.get("expires_in"), _LIFE_S)
    return Minted(token, service.now() + life_s, USER if sign_in.host else "")


def _exchanged(sign_in: CloudSignIn, service: VendorService) -> Json:
    key = _key(sign_in.value("googleKey"))
    # What the key itself names is not asked: who wrote the key would choose where the assertion goes.
    url = sign_in.value("cloudURL") or _TOKEN_URL

    def prepare(now: float) -> VendorRequest:
        claims = {
            "iss": key["client_email"],
            "scope": f"{_SCOPE} {_EMAIL_SCOPE}",
            "aud": url,
            "iat": int(now),
            "exp": int(now + _LIFE_S),
        }
        headers = {"kid": key["private_key_id"]} if isinstance(key.get("private_key_id"), str) else None
        try:
            assertion = jwt.encode(claims, key["private_key"], "RS256", headers=headers)
        except (ValueError, TypeError, jwt.PyJWTError):
            raise CloudProblem("incomplete", "the private_key in its googleKey cannot be read.") from None
        body = urlencode({"grant_type": _GRANT, "assertion": assertion}).encode()
        return VendorRequest(url, body, {"Content-Type": "application/x-www-form-urlencoded"})

    return service.ask_json(prepare, f"a token of {key['client_email']}")


def _key(text: str) -> Json:
    try:
        key = parse_json(text)
    except ValueError:
        key = None
    if not isinstance(key, dict):
        raise CloudProblem("incomplete", "its googleKey is not the JSON file of a service account's key.")
    if key.get("type") != "service_account":
        raise CloudProblem(
            "incomplete",
            f"its googleKey is of type {str(key.get('type'))[:50]!r}, and not of type service_account.",
        )
    if lacking := [name for name in ("client_email", "private_key") if not isinstance(key.get(name), str)]:
        raise CloudProblem("incomplete", f"its googleKey lacks {' and '.join(lacking)}.")
    return key
