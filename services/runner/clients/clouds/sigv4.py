"""AWS Signature Version 4, in a header or in the query of an address. Pure.

Facts: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html; AWS's published test
suite holds the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

from shared.contracts.times import compact

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class AwsKeys:
    """An access key, and the session token of one that is short-lived."""

    key_id: str
    secret: str = field(repr=False)
    session: str = field(default="", repr=False)
    ends_at: float = float("inf")


@dataclass(frozen=True, slots=True)
class SigningScope:
    """Where a signature counts: `eu-central-1`, `sts`."""

    region: str
    service: str

    def at(self, stamp: str) -> str:
        """With the day of a time stamp."""
        return f"{stamp[:8]}/{self.region}/{self.service}/aws4_request"


def signed_headers(
    keys: AwsKeys, scope: SigningScope, method: str, url: str, headers: Mapping[str, str], body: bytes, now: float
) -> dict[str, str]:
    """The headers, all of them signed, with the signature among them."""
    stamp = compact(now)
    complete = {name.lower(): value for name, value in headers.items()}
    complete |= {"host": urlsplit(url).netloc, "x-amz-date": stamp}
    if keys.session:
        complete["x-amz-security-token"] = keys.session
    names = ";".join(sorted(complete))
    signature = _signature(keys, scope, stamp, _canonical(method, url, complete, _sha256(body)))
    authorization = f"{_ALGORITHM} Credential={keys.key_id}/{scope.at(stamp)}, SignedHeaders={names}, "
    return {**complete, "authorization": f"{authorization}Signature={signature}"}


def presigned_url(
    keys: AwsKeys, scope: SigningScope, url: str, headers: Mapping[str, str], now: float, expires_s: int,
    payload_hash: str = "",
) -> str:  # fmt: skip
    """An address that may be got with these headers; `payload_hash` is by default that of an empty body."""
    stamp = compact(now)
    complete = {"host": urlsplit(url).netloc, **{name.lower(): value for name, value in headers.items()}}
    query = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.key_id}/{scope.at(stamp)}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": ";".join(sorted(complete)),
        **({"X-Amz-Security-Token": keys.session} if keys.session else {}),
    }
    added = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in query.items())
    whole = f"{url}{'&' if '?' in url else '?'}{added}"
    canonical = _canonical("GET", whole, complete, payload_hash or _sha256(b""))
    return f"{whole}&X-Amz-Signature={_signature(keys, scope, stamp, canonical)}"


def _canonical(method: str, url: str, headers: Mapping[str, str], payload_hash: str) -> str:
    parts = urlsplit(url)
    pairs = sorted((_quoted(name), _quoted(value)) for name, value in parse_qsl(parts.query, keep_blank_values=True))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    lines = [f"{name}:{re.sub(' +', ' ', headers[name].strip())}" for name in sorted(headers)]
    path = quote(parts.path or "/", safe="/-_.~%")
    return "\n".join([method, path, query, *lines, "", ";".join(sorted(headers)), payload_hash])


def _signature(keys: AwsKeys, scope: SigningScope, stamp: str, canonical: str) -> str:
    text = "\n".join([_ALGORITHM, stamp, scope.at(stamp), _sha256(canonical.encode())])
    key = f"AWS4{keys.secret}".encode()
    for part in scope.at(stamp).split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
