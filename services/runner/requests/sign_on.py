"""Sign-in by OpenID Connect: the authorization code flow with PKCE at one provider, for the gateway.

The provider comes as an endpoint whose secrets are `clientSecret`, `verifier` (PKCE) and `code`, so that none of them
travels in clear. Authlib builds the requests, joserfc checks signatures, and every request goes through the one HTTP
client. Facts: OpenID Connect Core 1.0 (3.1), Discovery 1.0 (4), RP-Initiated Logout 1.0; RFC 7636; RFC 9207.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.client import OAuth2Client
from joserfc import errors as jose
from joserfc import jws, jwt
from joserfc.jwk import Key, KeySet

from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json, Sealed
from shared.contracts.bounds import excess
from shared.contracts.problems import Code, Refused, refuse
from shared.contracts.texts import keepable
from shared.contracts.times import lifetime_s
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed
from shared.outbound.http import HttpClient, HttpReply, OutboundAccess, OutboundError, RequestLimits
from shared.outbound.tls import Trust
from shared.process.addresses import is_private_way
from shared.process.clock import monotonic as process_monotonic
from shared.process.clock import now as process_now

from .grants import USUAL_S, ProviderTokens, Revoked, missing
from .id_tokens import MAX_TOKEN, SIGNATURES, demand_claims

DISCOVERY = "/.well-known/openid-configuration"
KEPT_S = 300.0
"""So long discovery and keys count; a key that is not among them is looked for at once."""
KEYS_AT_MOST_EVERY_S = 5.0
"""An unknown key makes one request in that time, however many tokens name one."""
MOST_PROVIDERS = 32
MAX_CLAIM_NODES, MAX_CLAIM_DEPTH = 5_000, 20
Seal = Callable[[str], Sealed]
_LIMITS = RequestLimits(overall_s=10.0, connect_s=5.0, read_s=8.0, body_bytes=512 * 1024)
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_IN_CLEAR = "It must be reached over https: {} begins with http."
_ADDRESSES = (*_ENDPOINTS, "userinfo_endpoint", "end_session_endpoint")
MOST_KEYS = 100


@dataclass(slots=True)
class Discovered:
    """What a provider says of itself, and its keys by their ids."""

    metadata: Json
    at: float
    """In monotonic seconds."""
    keys: list[Key] = field(default_factory=list)
    keys_at: float = float("-inf")


@dataclass(frozen=True, slots=True)
class _Response:
    """The answer of a token endpoint, as Authlib reads it."""

    reply: HttpReply

    @property
    def status_code(self) -> int:
        return self.reply.status

    def json(self) -> Any:
        """Raises ValueError. Authlib reckons with the times in it, and fails of those that are none."""
        try:
            document = parse_json(self.reply.body)
        except Malformed as error:
            raise ValueError(str(error)) from None
        if not isinstance(document, dict):
            return document
        document.pop("expires_at", None)
        return {**document, "expires_in": int(lifetime_s(document.get("expires_in"), USUAL_S))}

    def raise_for_status(self) -> None:
        """Raises ValueError."""
        if self.reply.status >= 400:
            raise ValueError(f"HTTP {self.reply.status}")


class _GuardedSession:
    """What Authlib sends its requests by."""

    def __init__(self, send: Callable[[str, str, Mapping[str, str], bytes], HttpReply]) -> None:
        self._send = send

    def post(self, url: str, *, data: Mapping[str, str], headers: Mapping[str, str], auth: Any) -> _Response:
        url, signed_headers, body = auth.prepare("POST", url, dict(headers), urlencode(data))
        return _Response(self._send("POST", url, signed_headers, body.encode()))


class ProviderSignOn:
    """Answers `sign-on-begin` and `sign-on-finish`. Safe to use from several threads."""

    def __init__(
        self,
        client: HttpClient,
        seal: Seal,
        *,
        now: Callable[[], float] = process_now,
        monotonic: Callable[[], float] = process_monotonic,
    ) -> None:
        self._client = client
        self._seal = seal
        self._now = now
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._discovered: OrderedDict[tuple[str, str, bool], Discovered] = OrderedDict()

    def begin(self, provider: OpenEndpoint | None, options: Json) -> Json:
        """Where to send the browser: `url`. `options` are `redirectUri`, `state` and `nonce`."""
        provider = _named(provider)
        discovered = self.discover(provider)
        url, _ = self.oauth(provider, str(options["redirectUri"])).create_authorization_url(
            discovered.metadata["authorization_endpoint"],
            state=str(options["state"]),
            code_verifier=provider.text("verifier"),
            nonce=str(options["nonce"]),
        )
        return {"url": url}

    def finish(self, provider: OpenEndpoint | None, options: Json) -> Json:
        """Redeem the code: the `claims` of the ID token once all of it is checked, the token itself, `endSession`, and
        the sealed `grant` by which the provider can be asked again.

        `options` are `redirectUri`, `nonce`, the `claims` that are looked at and, where the provider sent one, the
        `issuer` of the answer (RFC 9207). Claims that the ID token lacks are asked of the userinfo endpoint.
        """
        provider = _named(provider)
        discovered = self.discover(provider)
        issuer, answered_by = str(discovered.metadata["issuer"]), str(options.get("issuer") or "")
        if answered_by and answered_by != issuer:
            raise _not_let_in(provider, f"The answer came from the issuer {answered_by[:200]}, not from {issuer}.")
        answer = self._redeem(provider, discovered, str(options["redirectUri"]))
        token = str(answer["id_token"])
        claims = self.verified(provider, discovered, token)
        flaw = demand_claims(
            claims, issuer=issuer, client_id=provider.text("clientId"), nonce=str(options["nonce"]), now=self._now()
        )
        if flaw:
            raise _not_let_in(provider, flaw)
        grant = ProviderTokens.of(answer, self._now())
        if missing(claims, list(options.get("claims") or ())):
            claims = {**self._further_claims(provider, discovered, grant.access, str(claims["sub"])), **claims}
        end_session = discovered.metadata.get("end_session_endpoint")
        return {
            "claims": claims,
            "idToken": token,
            "endSession": end_session if _is_url(end_session) else "",
            "grant": self._seal(grant.text()).model_dump() if grant.refresh or grant.access else None,
        }

    def userinfo(self, provider: OpenEndpoint, discovered: Discovered, access: str, subject: str) -> Json | None:
        """What the userinfo endpoint says of that person; None where the provider has none.

        Raises `Revoked` when it does not take the access token, and `Refused` when it cannot be asked.
        """
        url = discovered.metadata.get("userinfo_endpoint")
        if not _is_url(url) or not access:
            return None
        headers = {"Accept": "application/json", "Authorization": f"Bearer {access}"}
        reply = self.send(provider, "GET", str(url), headers, None)
        if reply.status in (401, 403):
            raise Revoked(f"It no longer accepts the session's access token (HTTP {reply.status}).")
        document = self._object(provider, str(url), reply)
        if document.get("sub") != subject:
            raise _away(provider, f"{url} speaks of another person.")
        if reason := excess(document, max_nodes=MAX_CLAIM_NODES, max_depth=MAX_CLAIM_DEPTH):
            raise _away(provider, f"What {url} says cannot be used: {reason}.")
        if not keepable(document):
            raise _away(provider, f"{url} sends a character that cannot be kept: NUL, or half of a surrogate pair.")
        return document

    def _further_claims(self, provider: OpenEndpoint, discovered: Discovered, access: str, subject: str) -> Json:
        try:
            return self.userinfo(provider, discovered, access, subject) or {}
        except Revoked as revoked:
            raise _away(provider, f"Its userinfo endpoint refused a fresh access token. {revoked}") from None

    # What the provider is asked

    def _redeem(self, provider: OpenEndpoint, discovered: Discovered, redirect_uri: str) -> Json:
        oauth = self.oauth(provider, redirect_uri, discovered.metadata)
        try:
            answer = oauth.fetch_token(
                discovered.metadata["token_endpoint"],
                grant_type="authorization_code",
                code=provider.text("code"),
                code_verifier=provider.text("verifier"),
            )
        except OAuth2Error as error:
            reason = f"{error.error}: {error.description}" if error.description else str(error.error)
            raise _not_let_in(provider, f"It refused the sign-in code ({reason[:300]}).") from None
        except ValueError as error:
            raise _away(provider, f"Its token endpoint answered with no token ({str(error)[:200]}).") from None
        token = answer.get("id_token")
        if not isinstance(token, str) or not token:
            raise _not_let_in(provider, "Its answer holds no ID token; the scope openid is needed.")
        if len(token) > MAX_TOKEN:
            raise _not_let_in(provider, f"Its ID token is longer than {MAX_TOKEN:,} characters.")
        return dict(answer)

    def verified(self, provider: OpenEndpoint, discovered: Discovered, token: str) -> Json:
        """The claims of a token whose signature is good."""
        try:
            header = jws.extract_compact(token.encode()).headers()
        except (jose.JoseError, ValueError, TypeError):
            raise _not_let_in(provider, "Its ID token cannot be read.") from None
        algorithm = str(header.get("alg") or "none")
        if algorithm.lower() == "none":
            raise _not_let_in(provider, "Its ID token is not signed (algorithm none).")
        if algorithm not in SIGNATURES:
            raise _not_let_in(
                provider,
                f"Its ID token is signed with {algorithm[:20]}, which is not accepted: it must be signed with a "
                f"private key, by one of {', '.join(SIGNATURES)}.",
            )
        key_id = header.get("kid")
        keys = self._keys(provider, discovered, lambda keys: bool(_fitting(keys, key_id)))
        fitting = _fitting(keys, key_id)
        if not fitting:
            raise _not_let_in(
                provider, f"Its ID token is signed with a key that it does not publish ({str(key_id)[:100]})."
            )
        for key in fitting:
            try:
                jwt.decode(token, KeySet([key]), algorithms=[algorithm])
            except (jose.JoseError, ValueError, TypeError, RecursionError):
                continue
            return _claims(provider, token)
        raise _not_let_in(provider, "The signature of its ID token is not right.")

    def discover(self, provider: OpenEndpoint) -> Discovered:
        """The provider's own description, as of the last minutes. Raises `Refused`."""
        issuer = provider.text("issuer").rstrip("/")
        key = (issuer, provider.text("caCertificate"), provider.may_be_local)
        with self._lock:
            cached = self._discovered.get(key)
        if cached is not None and self._monotonic() - cached.at < KEPT_S:
            return cached
        if not is_private_way(issuer):
            raise _away(provider, _IN_CLEAR.format("its issuer"))
        metadata = self._json(provider, issuer + DISCOVERY)
        if str(metadata.get("issuer") or "").rstrip("/") != issuer:
            other_issuer = str(metadata.get("issuer") or "nothing")[:200]
            raise _away(provider, f"What is at {issuer}{DISCOVERY} is for the issuer {other_issuer}, not for {issuer}.")
        absent = [name for name in _ENDPOINTS if not _is_url(metadata.get(name))]
        if absent:
            raise _away(provider, f"What is at {issuer}{DISCOVERY} names no {', '.join(absent)}.")
        in_clear = [name for name in _ADDRESSES if _is_url(metadata.get(name)) and not is_private_way(metadata[name])]
        if in_clear:
            raise _away(provider, _IN_CLEAR.format(", ".join(in_clear)))
        discovered = Discovered(metadata, self._monotonic())
        with self._lock:
            self._discovered[key] = discovered
            self._discovered.move_to_end(key)
            if len(self._discovered) > MOST_PROVIDERS:
                self._discovered.popitem(last=False)
        return discovered

    def _keys(self, provider: OpenEndpoint, discovered: Discovered, fits: Callable[[list[Key]], bool]) -> list[Key]:
        age_s = self._monotonic() - discovered.keys_at
        if age_s >= KEPT_S or (age_s >= KEYS_AT_MOST_EVERY_S and not fits(discovered.keys)):
            document = self._json(provider, str(discovered.metadata["jwks_uri"]))
            discovered.keys = _signing_keys(document.get("keys"))
            discovered.keys_at = self._monotonic()
        return discovered.keys

    def oauth(self, provider: OpenEndpoint, redirect_uri: str, metadata: Json | None = None) -> OAuth2Client:
        """Authlib's client, whose requests are bounded."""
        secret = provider.text("clientSecret")
        methods = (metadata or {}).get("token_endpoint_auth_methods_supported")
        methods = methods if isinstance(methods, list) and methods else ["client_secret_basic"]
        by_post = "client_secret_basic" not in methods and "client_secret_post" in methods
        method = ("client_secret_post" if by_post else "client_secret_basic") if secret else "none"
        return OAuth2Client(
            _GuardedSession(lambda *request: self.send(provider, *request)),
            client_id=provider.text("clientId"),
            client_secret=secret or None,
            token_endpoint_auth_method=method,
            scope=provider.text("scopes", "openid profile email"),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
        )

    def _json(self, provider: OpenEndpoint, url: str) -> Json:
        return self._object(provider, url, self.send(provider, "GET", url, {"Accept": "application/json"}, None))

    def _object(self, provider: OpenEndpoint, url: str, reply: HttpReply) -> Json:
        try:
            document = parse_json(reply.body) if reply.status == 200 else None
        except Malformed:
            document = None
        if not isinstance(document, dict):
            raise _away(provider, f"{url} answered with HTTP {reply.status} and no JSON object.")
        return document

    def send(
        self, provider: OpenEndpoint, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> HttpReply:
        """One bounded request. Raises `Refused` when the provider does not answer."""
        access = OutboundAccess(Trust(authority=provider.text("caCertificate").strip()), provider.may_be_local)
        try:
            return self._client.request(
                method, url, headers=headers, body=body, limits=_LIMITS, access=access, redirects=0
            )
        except OutboundError as error:
            raise _away(provider, error.message) from None


def _named(provider: OpenEndpoint | None) -> OpenEndpoint:
    if provider is None:
        raise refuse(Code.INVALID, "Name the sign-in provider.")
    return provider


def _is_url(value: Any) -> bool:
    try:
        return isinstance(value, str) and urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).hostname)
    except ValueError:
        return False


def _claims(provider: OpenEndpoint, token: str) -> Json:
    """The claims of a token whose signature is good. Read by our own parser: others take numbers that are none."""
    try:
        claims = parse_json(jws.extract_compact(token.encode()).payload)
        reason = excess(claims, max_nodes=MAX_CLAIM_NODES, max_depth=MAX_CLAIM_DEPTH)
    except Malformed as error:
        claims, reason = None, str(error)
    if reason or not isinstance(claims, dict):
        raise _not_let_in(provider, f"The claims of its ID token cannot be used: {reason or 'they must be an object'}.")
    return claims


def _signing_keys(documents: Any) -> list[Key]:
    """The keys that can check a signature; a key of a kind that nobody here knows takes none of the others along."""
    keys = []
    for document in documents[:MOST_KEYS] if isinstance(documents, list) else ():
        if not isinstance(document, dict) or document.get("use", "sig") != "sig" or document.get("kty") == "oct":
            continue
        try:
            keys += KeySet.import_key_set({"keys": [document]}).keys
        except (jose.JoseError, ValueError, TypeError, KeyError):
            continue
    return keys


def _fitting(keys: list[Key], key_id: Any) -> list[Key]:
    """Those of that id; a token without one may be signed with any."""
    return [key for key in keys if key_id is None or key.kid == key_id]


def _not_let_in(provider: OpenEndpoint, reason: str) -> Refused:
    return refuse(
        Code.UNAUTHENTICATED,
        f"{provider.name} did not sign you in. {reason}",
        subject=provider.name,
        next_step="Try again; if it stays so, an administrator compares the provider's settings on both sides.",
    )


def _away(provider: OpenEndpoint, reason: str) -> Refused:
    return refuse(
        Code.UNAVAILABLE,
        f"The sign-in provider {provider.name} cannot be used now. {reason}",
        subject=provider.name,
        next_step="Try again in a moment, or sign in another way.",
    )
