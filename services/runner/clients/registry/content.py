"""Manifests and blobs of one repository, as bytes: what is written is what was read, or its digest would be another."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import requests
import urllib3

from services.runner.clients.errors import why
from shared.contracts.base import Json
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed

from .account import RegistryProblem
from .connection import Connection, pull, push
from .reading import MANIFESTS

MAX_MANIFEST_BYTES = 4 * 1024 * 1024
"""What every registry must take, says the distribution specification."""
_CHUNK = 256 * 1024


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


class Body:
    """A blob on its way from one registry to another: read once, checked against its digest, its length known."""

    def __init__(
        self, chunks: AbstractContextManager[Iterator[bytes]], digest: str, size: int, stopping: Callable[[], bool]
    ) -> None:
        self._chunks = chunks
        self._digest = digest
        self._stopping = stopping
        self.len = size
        """requests sends a Content-Length where it finds this; without it many registries take no single PUT."""

    def __iter__(self) -> Iterator[bytes]:
        sum_, sent = hashlib.sha256(), 0
        with self._chunks as chunks:
            for chunk in chunks:
                if self._stopping():
                    raise Stopped
                sum_.update(chunk)
                sent += len(chunk)
                yield chunk
        if sent != self.len or (self._digest.startswith("sha256:") and self._digest != f"sha256:{sum_.hexdigest()}"):
            raise RegistryProblem("odd-answer", f"The registry sent other bytes than those of {self._digest}.")


class Content:
    """One repository's manifests and blobs. `beside` is one of the same registry that blobs may be mounted from.

    Every right that is needed stands in one token, so that no upload finds out half-way that its token says too little.
    """

    def __init__(self, connection: Connection, repository: str, beside: str = "") -> None:
        self._connection = connection
        self._beside = beside
        self.repository = connection.account.repository(repository)
        self.base = connection.account.base
        self.image = f"{connection.account.name}/{self.repository}"
        self._rights = (*((pull(beside),) if beside else ()), push(self.repository))

    def manifest(self, reference: str) -> Raw | None:
        """A manifest by tag or digest; None when there is none."""
        place = f"/v2/{self.repository}/manifests/{reference}"
        answer = self._connection.call(
            "GET", place, (pull(self.repository),), headers={"Accept": MANIFESTS}, stream=True
        )
        with answer:
            if answer.status_code == 404:
                return None
            _expect(answer, 200, f"read the manifest {self.image}@{reference}")
            body = _read(answer, MAX_MANIFEST_BYTES, f"The manifest {self.image}@{reference}")
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        if reference.startswith("sha256:") and reference != digest:
            raise RegistryProblem("odd-answer", f"{self.base} sent other bytes than those of {self.image}@{reference}.")
        return Raw(digest, answer.headers.get("Content-Type", "").partition(";")[0].strip(), body)

    def has_manifest(self, digest: str) -> bool:
        """Whether the repository has a manifest."""
        place = f"/v2/{self.repository}/manifests/{digest}"
        answer = self._connection.call("HEAD", place, self._rights, headers={"Accept": MANIFESTS})
        return answer.status_code == 200

    def has_blob(self, digest: str) -> bool:
        """Whether the repository has a blob."""
        place = f"/v2/{self.repository}/blobs/{digest}"
        return self._connection.call("HEAD", place, self._rights).status_code == 200

    @contextmanager
    def blob(self, digest: str) -> Iterator[Iterator[bytes]]:
        """A blob in chunks."""
        place = f"/v2/{self.repository}/blobs/{digest}"
        answer = self._connection.call("GET", place, (pull(self.repository),), stream=True)
        with answer:
            _expect(answer, 200, f"read blob {digest} of {self.image}")
            yield _chunks(answer)

    def mount(self, digest: str) -> str | None:
        """Take a blob over from the repository beside; None: done, else where to upload it instead."""
        params = {"mount": digest, "from": self._beside}
        answer = self._connection.call("POST", f"/v2/{self.repository}/blobs/uploads/", self._rights, params=params)
        return None if answer.status_code == 201 else self._opened(answer)

    def open_upload(self) -> str:
        """Where to send the next blob."""
        return self._opened(self._connection.call("POST", f"/v2/{self.repository}/blobs/uploads/", self._rights))

    def _opened(self, answer: requests.Response) -> str:
        _expect(answer, 202, f"open an upload to {self.image}")
        return urljoin(answer.url, answer.headers["Location"])

    def upload(self, place: str, digest: str, body: Callable[[], Body]) -> None:
        """Send a whole blob to where an upload was opened; the registry checks it against its digest too."""
        answer = self._connection.call(
            "PUT",
            place + ("&" if "?" in place else "?") + f"digest={digest}",
            self._rights,
            headers={"Content-Type": "application/octet-stream"},
            body=body,
        )
        _expect(answer, 201, f"upload blob {digest} to {self.image}")

    def abandon(self, place: str) -> None:
        """Tell the registry that an upload will not be finished; one that forgets it by itself needs no telling."""
        try:
            self._connection.call("DELETE", place, self._rights)
        except RegistryProblem:
            return

    def put(self, reference: str, raw: Raw) -> None:
        """Write a manifest under its digest, or make a tag name it."""
        answer = self._connection.call(
            "PUT",
            f"/v2/{self.repository}/manifests/{reference}",
            self._rights,
            headers={"Content-Type": raw.media_type},
            body=lambda: raw.body,
        )
        _expect(answer, 201, f"write the manifest {self.image}:{reference}")
        self._check_digest(answer, raw)

    def _check_digest(self, answer: requests.Response, raw: Raw) -> None:
        said = answer.headers.get("Docker-Content-Digest", raw.digest)
        if said != raw.digest:
            raise RegistryProblem("odd-answer", f"{self.base} took {raw.digest} and calls it {said}.")


def _read(answer: requests.Response, limit: int, what: str) -> bytes:
    body = b""
    for chunk in _chunks(answer):
        body += chunk
        if len(body) > limit:
            raise RegistryProblem("odd-answer", f"{what} is larger than {limit // 2**20} MiB.")
    return body


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    """The bytes as they are on the wire: a registry's own bytes are what the digest is of."""
    try:
        yield from answer.raw.stream(_CHUNK, decode_content=False)
    except (urllib3.exceptions.HTTPError, requests.RequestException, OSError) as error:
        raise RegistryProblem("unreachable", f"{answer.url.partition('?')[0]} broke off: {why(error)}.") from None


def _expect(answer: requests.Response, status: int, doing: str) -> None:
    if answer.status_code == status:
        return
    code, said = "", ""
    try:
        first = parse_json(answer.content)["errors"][0]
        code, said = str(first.get("code") or ""), str(first.get("message") or "")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError):
        pass
    place = answer.url.partition("?")[0]
    text = f"Cannot {doing}: {place} answered {answer.status_code} {code} {said}"
    raise RegistryProblem("refused", text.rstrip() + ".")
