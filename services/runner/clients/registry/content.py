"""Manifests and blobs of one repository, as bytes: what is written is what was read, or its digest would be another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed
from shared.outbound.cancel_scope import CancelScope
from shared.outbound.http import HttpReply, OutboundError, StreamedReply
from shared.outbound.redirects import without_query

from .account import RegistryProblem
from .connection import LIMITS, RegistryConnection, pull, push, transfer_limits
from .reading import MANIFESTS

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""What every registry must take, says the distribution specification."""
_MANIFEST_LIMITS = replace(LIMITS, body_bytes=MAX_MANIFEST_BYTES)
_CHUNK = 256 * 1024
_LONGEST = 500
_ABANDON_S = 5.0


@dataclass(frozen=True, slots=True)
class Raw:
    """A manifest, byte for byte."""

    digest: str
    media_type: str
    body: bytes

    @property
    def document(self) -> Json:
        """What it says. Raises RegistryProblem where it is not a JSON object."""
        try:
            document = parse_json(self.body)
        except Malformed:
            document = None
        if not isinstance(document, dict):
            raise RegistryProblem("odd-answer", f"The manifest {self.digest} is not a JSON object.")
        return document


class Stopped(Exception):
    """The copy is no longer wanted."""


class BlobStream:
    """A blob on its way from one registry to another: read once, checked against its digest, its length known."""

    def __init__(
        self, chunks: AbstractContextManager[Iterator[bytes]], digest: str, size: int, stopping: Callable[[], bool]
    ) -> None:
        self._chunks = chunks
        self._digest = digest
        self._stopping = stopping
        self.len = size
        """The Content-Length; without it many registries take no single PUT."""

    def __iter__(self) -> Iterator[bytes]:
        sum_, sent = hashlib.sha256(), 0
        with self._chunks as chunks:
            for chunk in chunks:
                if self._stopping():
                    raise Stopped
                sum_.update(chunk)
                sent += len(chunk)
                if sent > self.len:  # What is beyond the length would be read as a request of its own.
                    raise self._other_bytes()
                yield chunk
        if sent != self.len or (self._digest.startswith("sha256:") and self._digest != f"sha256:{sum_.hexdigest()}"):
            raise self._other_bytes()

    def _other_bytes(self) -> RegistryProblem:
        return RegistryProblem("odd-answer", f"The registry sent other bytes than those of {self._digest}.")


class Content:
    """One repository's manifests and blobs. `beside` is one of the same registry that blobs may be mounted from.

    Every right that is needed stands in one token, so that no upload finds out half-way that its token says too little.
    """

    def __init__(self, connection: RegistryConnection, repository: str, beside: str = "") -> None:
        self._connection = connection
        self._beside = beside
        self.repository = connection.account.repository(repository)
        self.base = connection.account.base
        self.image = f"{connection.account.name}/{self.repository}"
        self._rights = (*((pull(beside),) if beside else ()), push(self.repository))

    def manifest(self, reference: str) -> Raw | None:
        """A manifest by tag or digest; None when there is none."""
        place = f"/v2/{self.repository}/manifests/{reference}"
        reply = self._connection.call(
            "GET", place, (pull(self.repository),), headers={"Accept": MANIFESTS}, limits=_MANIFEST_LIMITS
        )
        if reply.status == 404:
            return None
        _expect(reply, 200, f"read the manifest {self.image}@{reference}")
        digest = f"sha256:{hashlib.sha256(reply.body).hexdigest()}"
        if reference.startswith("sha256:") and reference != digest:
            raise RegistryProblem("odd-answer", f"{self.base} sent other bytes than those of {self.image}@{reference}.")
        return Raw(digest, reply.headers.get("Content-Type", "").partition(";")[0].strip(), reply.body)

    def has_manifest(self, digest: str) -> bool:
        """Whether the repository has a manifest."""
        place = f"/v2/{self.repository}/manifests/{digest}"
        return self._connection.call("HEAD", place, self._rights, headers={"Accept": MANIFESTS}).status == 200

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        place = f"/v2/{self.repository}/blobs/{digest}"
        return self._connection.call("HEAD", place, self._rights).status == 200

    @contextmanager
    def blob(self, digest: str, size: int) -> Iterator[Iterator[bytes]]:
        """A blob of that many bytes, in chunks."""
        place = f"/v2/{self.repository}/blobs/{digest}"
        with self._connection.open("GET", place, (pull(self.repository),), limits=transfer_limits(size)) as reply:
            if reply.status != 200:
                raise _unexpected(reply, b"", f"read blob {digest} of {self.image}")
            yield _chunks(reply)

    def mount(self, digest: str) -> str | None:
        """Take a blob over from the repository beside; None: done, else where to upload it instead."""
        params = {"mount": digest, "from": self._beside}
        reply = self._connection.call("POST", f"/v2/{self.repository}/blobs/uploads/", self._rights, params=params)
        return None if reply.status == 201 else self._opened(reply)

    def open_upload(self) -> str:
        """Where to send the next blob."""
        return self._opened(self._connection.call("POST", f"/v2/{self.repository}/blobs/uploads/", self._rights))

    def _opened(self, reply: HttpReply) -> str:
        _expect(reply, 202, f"open an upload to {self.image}")
        location = reply.headers.get("Location")
        if not location:
            raise RegistryProblem("odd-answer", f"{self.base} opened an upload to {self.image} without an address.")
        return urljoin(reply.url, location)

    def upload(self, place: str, digest: str, size: int, body: Callable[[], BlobStream]) -> None:
        """Send a whole blob to where an upload was opened; the registry checks it against its digest too."""
        reply = self._connection.call(
            "PUT",
            place + ("&" if "?" in place else "?") + f"digest={digest}",
            self._rights,
            headers={"Content-Type": "application/octet-stream"},
            body=body,
            limits=transfer_limits(size),
        )
        _expect(reply, 201, f"upload blob {digest} to {self.image}")

    def abandon(self, place: str) -> None:
        """Tell the registry that an upload will not be finished, even after a cancel; it forgets it some day anyway."""
        with CancelScope(_ABANDON_S, shield=True):
            try:
                self._connection.call("DELETE", place, self._rights)
            except RegistryProblem:
                return

    def put(self, reference: str, raw: Raw) -> None:
        """Write a manifest under its digest, or make a tag name it."""
        reply = self._connection.call(
            "PUT",
            f"/v2/{self.repository}/manifests/{reference}",
            self._rights,
            headers={"Content-Type": raw.media_type},
            body=lambda: raw.body,
        )
        _expect(reply, 201, f"write the manifest {self.image}:{reference}")
        self._check_digest(reply, raw)

    def _check_digest(self, reply: HttpReply, raw: Raw) -> None:
        digest = reply.headers.get("Docker-Content-Digest", raw.digest)
        if digest != raw.digest:
            raise RegistryProblem("odd-answer", f"{self.base} took {raw.digest} and calls it {digest[:200]}.")


def _chunks(reply: StreamedReply) -> Iterator[bytes]:
    """The bytes as they are on the wire: a registry's own bytes are what the digest is of."""
    try:
        yield from reply.chunks(_CHUNK)
    except OutboundError as error:
        raise RegistryProblem(error.code, error.message, error.url) from None


def _expect(reply: HttpReply, status: int, doing: str) -> None:
    if reply.status != status:
        raise _unexpected(reply, reply.body, doing)


def _unexpected(reply: HttpReply | StreamedReply, body: bytes, doing: str) -> RegistryProblem:
    code, message = "", ""
    try:
        first = parse_json(body)["errors"][0]
        code, message = str(first.get("code") or "")[:_LONGEST], str(first.get("message") or "")[:_LONGEST]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        pass
    text = f"Cannot {doing}: {without_query(reply.url)} answered {reply.status} {code} {message}"
    return RegistryProblem("refused", text.rstrip() + ".")
