"""AWS, Google Cloud and Azure on loopback, as far as signing in goes: every request is verified as its vendor would.

Formats are those of the vendors' documentation that `services/runner/clients/clouds` names. The clock of a cloud may
be ahead of ours, and its tokens may be short-lived.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.runner.clients.clouds.sigv4 import AwsKeys, SigningScope, presigned_url, signed_headers

KEYS = {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
ROLE = "arn:aws:iam::123456789012:role/deploy"
TENANT, CLIENT, CLIENT_SECRET = "72f988bf-0000-0000-0000-2d7cd011db47", "11111111-2222", "azure-client-secret"
ACCOUNT = "portside@acme-prod.iam.gserviceaccount.com"
POD_TOKEN = "mounted-token-of-the-pod"
METADATA_TOKEN = "ya29.metadata"
_SKEW_S = 300.0


@cache
def signing_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def google_key(**changes: str) -> str:
    """The JSON file of a service account's key."""
    pem = signing_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    key = {"type": "service_account", "client_email": ACCOUNT, "private_key": pem, "private_key_id": "k1"}
    return json.dumps({**key, "token_uri": "http://127.0.0.1:9/never", **changes})


class Refusal(Exception):
    """What the vendor answers instead."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status, self.body = status, body


@dataclass
class Clouds:
    """All three vendors at one address, and what they handed out."""

    url: str = ""
    ahead_s: float = 0.0
    life_s: float = 3600.0
    down: bool = False
    denied: str = ""
    """An AWS action that the identity lacks the right to."""
    keys: dict[str, str] = field(default_factory=lambda: dict(KEYS))
    secret: str = CLIENT_SECRET
    sessions: dict[str, str] = field(default_factory=dict)
    """The session token of each short-lived access key."""
    handed_out: dict[str, float] = field(default_factory=dict)
    """Tokens of Google, Entra and ACR, and passwords of ECR, with their ends by the vendor's clock."""
    scopes: list[str] = field(default_factory=list)
    """Region and service of each signature."""
    calls: list[str] = field(default_factory=list)
    """What was asked for, as docs/reference/clouds.md names it."""

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    def now(self) -> float:
        return time.time() + self.ahead_s

    def mint(self, text: str) -> str:
        token = f"{text}-{len(self.handed_out)}"
        self.handed_out[token] = self.now() + self.life_s
        return token

    def is_good(self, token: str) -> bool:
        return self.handed_out.get(token, 0.0) > self.now()

    # ------------------------------------------------------------------------------------------------------------- AWS

    def verify_aws(self, method: str, url: str, headers: Mapping[str, str], body: bytes, service: str) -> None:
        """Raises Refusal for a signature that is wrong or of another time."""
        match = re.fullmatch(
            r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), "
            r"Signature=([0-9a-f]{64})",
            headers.get("authorization", ""),
        )
        if match is None:
            raise aws_refusal("MissingAuthenticationToken", "Request is missing Authentication Token")
        key_id, region, named_service, names, _ = match.groups()
        self.scopes.append(f"{region}/{named_service}")
        if key_id not in self.keys:
            raise aws_refusal("InvalidClientTokenId", "The security token included in the request is invalid.")
        signed_at = datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        if abs(signed_at - self.now()) > _SKEW_S:
            raise aws_refusal("SignatureDoesNotMatch", f"Signature expired: {headers['x-amz-date']} is now earlier")
        signed = {name: headers[name] for name in names.split(";") if name not in ("host", "x-amz-date")}
        signed.pop("x-amz-security-token", None)
        keys = AwsKeys(key_id, self.keys[key_id], self.sessions.get(key_id, ""))
        again = signed_headers(keys, SigningScope(region, service), method, url, signed, body, signed_at)
        if named_service != service or not hmac.compare_digest(again["authorization"], headers["authorization"]):
            raise aws_refusal("SignatureDoesNotMatch", "The request signature we calculated does not match")

    def eks_user(self, token: str, cluster: str) -> str | None:
        """Whom a cluster's token is of, as the cluster's own authenticator finds out."""
        prefix, _, encoded = token.partition(".")
        if prefix != "k8s-aws-v1":
            return None
        url = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
        parts = urlsplit(url)
        values = {name: values[0] for name, values in parse_qs(parts.query).items()}
        key_id, _, region, service, _ = values["X-Amz-Credential"].split("/")
        signed_at = datetime.strptime(values["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
        if key_id not in self.keys or abs(self.now() - signed_at) > 15 * 60 or self.now() < signed_at - _SKEW_S:
            return None
        keys = AwsKeys(key_id, self.keys[key_id], self.sessions.get(key_id, ""))
        bare = "https://sts.eu-central-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
        expected = presigned_url(
            keys,
            SigningScope(region, service),
            bare,
            {"x-k8s-aws-id": cluster},
            signed_at,
            int(values["X-Amz-Expires"]),
        )
        return "arn:aws:iam::123456789012:user/deploy" if hmac.compare_digest(expected, url) else None

    def sts(self, headers: Mapping[str, str], body: bytes) -> str:
        values = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        action = values["Action"]
        self.calls.append(f"sts:{action}")
        if action == "AssumeRoleWithWebIdentity":
            if values["WebIdentityToken"] != POD_TOKEN:
                raise aws_refusal("InvalidIdentityToken", "Couldn't retrieve verification key from your provider")
        else:
            self.verify_aws("POST", f"{self.url}/", headers, body, "sts")
        if self.denied == f"sts:{action}":
            raise aws_refusal("AccessDenied", f"User: {ACCOUNT} is not authorized to perform: sts:{action}", 403)
        if action == "GetCallerIdentity":
            return f"<{action}Response><Arn>arn:aws:iam::123456789012:user/deploy</Arn></{action}Response>"
        key_id = f"ASIA{len(self.keys)}"
        self.keys[key_id], self.sessions[key_id] = f"secret-of-{key_id}", f"session/of+{key_id}=="
        end = datetime.fromtimestamp(self.now() + self.life_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return (
            f"<{action}Response><Credentials><AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{self.keys[key_id]}"
            f"</SecretAccessKey><SessionToken>{self.sessions[key_id]}</SessionToken><Expiration>{end}</Expiration>"
            f"</Credentials></{action}Response>"
        )

    def ecr(self, headers: Mapping[str, str], body: bytes) -> Any:
        is_public = headers["x-amz-target"].startswith("SpencerFrontendService.")
        name = "ecr-public" if is_public else "ecr"
        self.calls.append(f"{name}:GetAuthorizationToken")
        self.verify_aws("POST", f"{self.url}/", headers, body, name)
        if self.denied == f"{name}:GetAuthorizationToken":
            words = f"User: arn:aws:iam::123456789012:user/deploy is not authorized to perform: {self.denied}"
            raise Refusal(400, {"__type": "com.amazon.coral.service#AccessDeniedException", "Message": words})
        password = self.mint("ecr-password")
        token = base64.b64encode(f"AWS:{password}".encode()).decode()
        data = {"authorizationToken": token, "expiresAt": self.handed_out[password]}
        return {"authorizationData": data if is_public else [data]}

    # ---------------------------------------------------------------------------------------------------------- Google

    def google_token(self, body: bytes) -> Any:
        values = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        try:
            claims = jwt.decode(
                values["assertion"], signing_key().public_key(), ["RS256"], audience=f"{self.url}/token",
                options={"verify_exp": False, "verify_iat": False},
            )  # fmt: skip
        except jwt.PyJWTError:
            raise Refusal(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}) from None
        if claims["iss"] != ACCOUNT:
            raise Refusal(400, {"error": "invalid_grant", "error_description": "Invalid grant: account not found"})
        if not claims["iat"] - _SKEW_S < self.now() < claims["exp"]:
            words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
            raise Refusal(400, {"error": "invalid_grant", "error_description": words})
        assert values["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        return {"access_token": self.mint("ya29.google"), "expires_in": self.life_s, "token_type": "Bearer"}

    # ----------------------------------------------------------------------------------------------------------- Azure

    def entra_token(self, tenant: str, body: bytes) -> Any:
        values = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        proven = values.get("client_secret") == self.secret or values.get("client_assertion") == POD_TOKEN
        if tenant != TENANT or values["client_id"] != CLIENT or not proven:
            words = "AADSTS7000215: Invalid client secret provided."
            raise Refusal(401, {"error": "invalid_client", "error_description": words})
        return {"access_token": self.mint(f"entra:{values['scope']}"), "expires_in": self.life_s}

    def acr_exchange(self, body: bytes) -> Any:
        values = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        good = self.is_good(values["access_token"]) and "containerregistry.azure.net" in values["access_token"]
        if not good or values["service"] != self.host or self.denied == "acr":
            raise Refusal(401, {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]})
        claims = {"exp": self.now() + self.life_s, "jti": len(self.handed_out)}
        token = jwt.encode(claims, "a key that only the registry needs to know", "HS256")
        self.handed_out[token] = claims["exp"]
        return {"refresh_token": token}

    # -------------------------------------------------------------------------------------------------------- registry

    def registry(self, path: str, headers: Mapping[str, str]) -> Any:
        """One repository, shown to a password that was handed out and has not ended."""
        scheme, _, encoded = headers.get("authorization", "").partition(" ")
        user, _, password = base64.b64decode(encoded).decode().partition(":") if scheme == "Basic" else ("", "", "")
        users = {"AWS", "oauth2accesstoken", "00000000-0000-0000-0000-000000000000"}
        if user not in users or not (self.is_good(password) or password == METADATA_TOKEN):
            raise Refusal(401, {"errors": [{"code": "UNAUTHORIZED"}]})
        return {"name": "acme/web", "tags": ["1.0"]} if "/tags/list" in path else {}


def aws_refusal(code: str, message: str, status: int = 403) -> Refusal:
    return Refusal(
        status, f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    )


@contextmanager
def clouds_on_loopback() -> Iterator[Clouds]:
    """Serve until the block ends."""
    clouds = Clouds()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None: ...

        def date_time_string(self, timestamp: float | None = None) -> str:
            return formatdate(clouds.now(), usegmt=True)

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = 200
            try:
                if clouds.down:
                    raise Refusal(503, "")
                document = self.route(headers, body)
            except Refusal as refusal:
                status, document = refusal.status, refusal.body
            data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
            self.send_response(status)
            if status == 401 and self.path.startswith("/v2/"):
                self.send_header("WWW-Authenticate", f'Basic realm="{clouds.url}/",service="ecr"')
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = answer

        def route(self, headers: Mapping[str, str], body: bytes) -> Any:
            if self.path.startswith("/v2/"):
                return clouds.registry(self.path, headers)
            if "token" in self.path or self.path == "/oauth2/exchange":
                clouds.calls.append(self.path.replace(TENANT, "TENANT"))
            if self.path == "/token":
                return clouds.google_token(body)
            if self.path == "/oauth2/exchange":
                return clouds.acr_exchange(body)
            if self.path.endswith("/oauth2/v2.0/token"):
                return clouds.entra_token(self.path.split("/")[1], body)
            if self.path == "/v1/credentials":
                return self.agent(headers)
            if self.path.endswith("/service-accounts/default/token"):
                if headers.get("metadata-flavor") != "Google":
                    raise Refusal(403, "Missing Metadata-Flavor:Google header.")
                return {"access_token": METADATA_TOKEN, "expires_in": clouds.life_s, "token_type": "Bearer"}
            if "x-amz-target" in headers:
                return clouds.ecr(headers, body)
            return clouds.sts(headers, body)

        def agent(self, headers: Mapping[str, str]) -> Any:
            if headers.get("authorization") != POD_TOKEN:
                raise Refusal(401, "no such pod")
            clouds.keys["ASIAPOD"], clouds.sessions["ASIAPOD"] = "secret-of-pod", "session-of-pod"
            end = datetime.fromtimestamp(clouds.now() + clouds.life_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            return {
                "AccessKeyId": "ASIAPOD",
                "SecretAccessKey": "secret-of-pod",
                "Token": "session-of-pod",
                "Expiration": end,
            }

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    clouds.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield clouds
    finally:
        server.shutdown()
        server.server_close()
