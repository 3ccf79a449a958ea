"""A token service as Docker Hub has one, for a real registry that trusts it."""

from __future__ import annotations

import base64
import datetime
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

SERVICE, ISSUER = "registry.test", "portside-test"


class TokenService:
    """Grants `rights` (repository to actions) to the one account, and remembers what was asked for."""

    def __init__(self, folder: Path, user: str, password: str, rights: dict[str, set[str]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.rights = rights
        self.asked: list[list[str]] = []
        self._sign_in = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        now = datetime.datetime.now(datetime.UTC)
        self._certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=2))
            .sign(self._key, hashes.SHA256())
        )
        bundle = folder / "issuer.crt"
        bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        handler = type("Handler", (_Handler,), {"service": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        self.config = {"token": {"realm": realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": str(bundle)}}
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def grant(self, authorization: str, scopes: list[str]) -> dict[str, Any] | None:
        """A token for as much of what is asked for as the account may; None for a wrong password."""
        if authorization and authorization != self._sign_in:
            return None
        self.asked.append(scopes)
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            allowed = self.rights.get(name, set()) if authorization else set()
            access.append({"type": kind, "name": name, "actions": sorted(allowed & set(actions.split(",")))})
        now = int(time.time())
        claims = {
            "iss": ISSUER, "sub": "ann", "aud": SERVICE, "exp": now + 300, "nbf": now - 5, "iat": now,
            "jti": uuid.uuid4().hex, "access": access,
        }  # fmt: skip
        chain = [base64.b64encode(self._certificate.public_bytes(serialization.Encoding.DER)).decode()]
        return {"token": jwt.encode(claims, self._key, "RS256", headers={"x5c": chain}), "expires_in": 300}


class _Handler(BaseHTTPRequestHandler):
    service: TokenService

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
        token = self.service.grant(self.headers.get("Authorization", ""), scopes)
        body = json.dumps(token or {"details": "incorrect username or password"}).encode()
        self.send_response(200 if token else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
