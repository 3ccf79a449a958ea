"""Moving an image byte for byte: what is there stays, what the registry can mount is mounted, the rest is streamed.

Children come before their index, blobs before their manifest, as every registry demands. Whatever is interrupted is
taken up again by asking the target what it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from services.runner.clients.registry import RegistryProblem
from services.runner.clients.registry.content import BlobStream, Content, Raw, Stopped
from services.runner.task_protocol import TaskFailed
from shared.process import clock

from .manifests import Blob, blobs, children, media_type

MAX_MANIFESTS = 200
MAX_DEPTH = 4


@dataclass
class Tally:
    """How the blobs came to the target."""

    present: int = 0
    mounted: int = 0
    copied: int = 0
    bytes: int = 0


@dataclass
class Copy:
    """One image on its way from a repository to another; lives as long as one runner works on it."""

    source: Content
    target: Content
    digest: str
    log: Callable[[str], None]
    stopping: Callable[[], bool]
    tally: Tally = field(default_factory=Tally)
    _work: Iterator[None] | None = None

    @property
    def mountable(self) -> bool:
        """Whether both repositories are in one registry."""
        return self.source.base == self.target.base

    def go_on(self, seconds: float) -> bool:
        """Work for a while; true when all is there but the tag."""
        self._work = self._work or self._all()
        until = clock.monotonic() + seconds
        try:
            for _ in self._work:
                if self.stopping():
                    raise Stopped
                if clock.monotonic() > until:
                    return False
        except Stopped:
            raise TaskFailed("Canceled before the tag was moved.") from None
        except RegistryProblem as problem:
            raise TaskFailed(problem.message) from None
        return True

    def _all(self) -> Iterator[None]:
        """Each step leaves something whole at the target."""
        if self.source.image == self.target.image:
            return
        done: set[str] = set()
        for raw in self._tree(self.digest, 0, set()):
            yield
            if self.target.has_manifest(raw.digest):
                continue
            for blob in blobs(raw):
                if blob.digest not in done:
                    self._blob(blob)
                    done.add(blob.digest)
                yield
            self.target.put(raw.digest, Raw(raw.digest, media_type(raw), raw.body))
            self.log(f"{raw.digest} {media_type(raw)}")

    def _tree(self, digest: str, depth: int, digests: set[str]) -> Iterator[Raw]:
        """The manifests below a digest and itself, children first, each once."""
        if digest in digests:
            return
        digests.add(digest)
        if depth > MAX_DEPTH or len(digests) > MAX_MANIFESTS:
            whole = f"{self.source.image}@{self.digest}"
            raise TaskFailed(f"{whole} has more than {MAX_MANIFESTS} manifests, or they nest too deep.")
        raw = self.source.manifest(digest)
        if raw is None:
            raise TaskFailed(f"{self.source.image} lacks {digest}, so the image is not whole there.")
        for child in children(raw):
            yield from self._tree(child, depth + 1, digests)
        yield raw

    def _blob(self, blob: Blob) -> None:
        if self.target.has_blob(blob.digest):
            self.tally.present += 1
            return
        place = self.target.mount(blob.digest) if self.mountable else self.target.open_upload()
        if place is None:
            self.tally.mounted += 1
            self.log(f"{blob.digest} mounted")
            return
        try:
            self._stream(blob, place)
        except (Stopped, RegistryProblem):
            self.target.abandon(place)
            raise
        self.tally.copied += 1
        self.tally.bytes += blob.size
        self.log(f"{blob.digest} copied, {blob.size} bytes")

    def _stream(self, blob: Blob, place: str) -> None:
        def body() -> BlobStream:
            return BlobStream(self.source.blob(blob.digest, blob.size), blob.digest, blob.size, self.stopping)

        self.target.upload(place, blob.digest, blob.size, body)
