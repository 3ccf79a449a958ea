"""An OpenID Connect provider for tests: real signatures, keys that rotate, and whatever a test lets it get wrong.

It serves discovery, keys, a sign-in page with one button, the token endpoint (PKCE, client secret) and a sign-out page.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey

CLIENT, SECRET = "portside", "the client's secret"
Json = dict[str, Any]


class Provider:
    """`claims` is what tokens say beside the standard ones; `spoil` may change a token's claims before it is signed."""

    def __init__(self) -> None:
        self.claims: Json = {"sub": "s1", "preferred_username": "ann", "email": "ann@example.com", "groups": ["devs"]}
        self.spoil: Callable[[Json], Json] = lambda claims: claims
        self.sign: Callable[[Json], str] = self._sign
        self.error = ""
        self.away = False
        self.state = ""
        """What it answers with in place of the state that it was sent."""
        self.userinfo: Json | None = None
        """What its userinfo endpoint says beside `sub`; it has none where this is None."""
        self.refreshes = False
        """It gives refresh tokens, each good once."""
        self.disabled = False
        """The person may not come in any longer: neither token is taken."""
        self.says: Json = {}
        """Of itself, in place of what is right."""
        self.answers: Json = {}
        """With its tokens, in place of what is right."""
        self.asked: list[str] = []
        self._refresh_tokens: set[str] = set()
        self._codes: dict[str, Json] = {}
        self.published: list[Key] = []
        self.rotate()
        handler = type("Handler", (_Handler,), {"provider": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realm"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def rotate(self, *, keep_old: bool = False) -> None:
        """Sign with another key from now on."""
        number = secrets.token_hex(4)
        kind = RSAKey.generate_key(2048, {"kid": number}) if len(self.published) % 2 == 0 else None
        self.key: Key = kind or ECKey.generate_key("P-256", {"kid": number})
        self.published = [*(self.published if keep_old else ()), self.key]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def documents(self, path: str) -> Json | None:
        """What lies at a path."""
        at = self.issuer
        metadata: Json = {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/token",
            "jwks_uri": f"{at}/keys",
            "end_session_endpoint": f"{at}/sign-out",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }
        if self.userinfo is not None:
            metadata["userinfo_endpoint"] = f"{at}/userinfo"
        metadata |= self.says
        keys = [{**key.as_dict(private=False), "use": "sig"} for key in self.published]
        foreign = {"kty": "FUTURE", "kid": "unknown kind"}
        documents: dict[str, Json] = {
            "/realm/.well-known/openid-configuration": metadata,
            "/realm/keys": {"keys": [foreign, *keys]},
        }
        return documents.get(path)

    def authorise(self, query: Mapping[str, str]) -> str:
        """Where the browser goes back to, for a query of the authorization endpoint."""
        assert query["response_type"] == "code" and query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256" and "openid" in query["scope"].split()
        answer = {"state": self.state or query["state"]}
        if self.error:
            answer["error"] = self.error
        else:
            code = secrets.token_urlsafe(12)
            self._codes[code] = dict(query)
            answer |= {"code": code, "iss": self.issuer}
        return f"{query['redirect_uri']}?{urlencode(answer)}"

    def redeem(self, form: Mapping[str, str], authorization: str) -> tuple[int, Json]:
        """The token endpoint."""
        if form.get("grant_type") == "refresh_token":
            return self._refresh(form.get("refresh_token", ""))
        asked = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {basic}":
            return 401, {"error": "invalid_client", "error_description": "the client secret is not right"}
        if (
            asked is None
            or asked["redirect_uri"] != form.get("redirect_uri", asked["redirect_uri"])
            or asked["code_challenge"] != base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        ):
            return 400, {"error": "invalid_grant"}
        return 200, self._tokens({"nonce": asked["nonce"]})

    def _refresh(self, token: str) -> tuple[int, Json]:
        if token not in self._refresh_tokens or self.disabled:
            return 400, {"error": "invalid_grant", "error_description": "the session is gone"}
        self._refresh_tokens.discard(token)
        return 200, self._tokens({})

    def _tokens(self, more: Json) -> Json:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **more}
        token = self.sign(self.spoil({**claims, **self.claims}))
        answer = {"access_token": "opaque", "token_type": "Bearer", "id_token": token, "expires_in": 300}
        if self.refreshes:
            self._refresh_tokens.add(refresh := secrets.token_urlsafe(12))
            answer["refresh_token"] = refresh
        return answer | self.answers

    def _sign(self, claims: Json) -> str:
        algorithm = "RS256" if self.key.key_type == "RSA" else "ES256"
        return jwt.encode({"alg": algorithm, "kid": self.key.kid}, claims, self.key, algorithms=[algorithm])


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.provider.asked.append(parts.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.provider.away:
            self._send(503, b"away")
        elif parts.path == "/realm/authorize":
            back = self.provider.authorise(query).replace("&", "&amp;")
            self._send(200, f'<h1>The directory</h1><a href="{back}">I am Ann</a>'.encode(), "text/html")
        elif parts.path == "/realm/userinfo" and self.provider.userinfo is not None:
            good = self.headers.get("Authorization") == "Bearer opaque" and not self.provider.disabled
            person = {"sub": self.provider.claims["sub"], **self.provider.userinfo}
            self._send(200 if good else 401, json.dumps(person).encode())
        elif parts.path == "/realm/sign-out":
            self._send(200, b"<h1>Signed out of the directory</h1>", "text/html")
        elif (document := self.provider.documents(parts.path)) is not None:
            self._send(200, json.dumps(document).encode())
        else:
            self._send(404, b"{}")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.provider.asked.append(self.path)
        form = {name: values[0] for name, values in parse_qs(body).items()}
        if self.provider.away:
            self._send(503, b"away")
            return
        status, document = self.provider.redeem(form, self.headers.get("Authorization", ""))
        self._send(status, json.dumps(document).encode())

    def _send(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def a_provider() -> Iterator[Provider]:
    provider = Provider()
    try:
        yield provider
    finally:
        provider.close()
