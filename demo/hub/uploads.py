"""Pushes over the registry's own protocol: blobs in one piece or in chunks, mounts, then the manifest and its tag.

The protocol is the distribution specification's, which `docker push`, skopeo and crane speak. A pushed tag calls the
repository's hooks afterwards, as at the real Hub.
"""

from __future__ import annotations

import json
import secrets
import time

from . import delivery
from .http import Answer, Answered, Request
from .registry import authorise, error
from .world import Repository, World, digest_of

LARGEST = 256 * 1024 * 1024
"""Bytes of one blob; all of them are kept in memory."""


def begin(world: World, request: Request, name: str) -> Answer:
    """`POST …/blobs/uploads/`: opens an upload, mounts a blob (`mount`, `from`) or takes it whole (`digest`)."""
    authorise(world, request, name, "push")
    repository = _repository(world, name)
    mounted, source = request.text("mount"), world.repositories.get(request.text("from"))
    if mounted and source is not None and mounted in source.blobs and _may_read(world, request, source):
        repository.blobs[mounted] = source.blobs[mounted]
        return _kept(name, "blobs", mounted)
    if digest := request.text("digest"):
        return _keep(repository, digest, request.body)
    upload = secrets.token_hex(16)
    with world.lock:
        world.uploads[upload] = b""
    return _open(name, upload, 0)


def append(world: World, request: Request, name: str, upload: str) -> Answer:
    """`PATCH …/blobs/uploads/<id>`: one chunk, in order."""
    authorise(world, request, name, "push")
    with world.lock:
        data = _upload(world, upload)
        start = request.headers.get("content-range", "").partition("-")[0]
        if start and start != str(len(data)):
            raise error(416, "BLOB_UPLOAD_INVALID", f"the next chunk begins at {len(data)}")
        if len(data) + len(request.body) > LARGEST:
            del world.uploads[upload]
            raise error(413, "SIZE_INVALID", f"a blob may have {LARGEST} bytes here")
        world.uploads[upload] = data + request.body
        return _open(name, upload, len(world.uploads[upload]))


def finish(world: World, request: Request, name: str, upload: str) -> Answer:
    """`PUT …/blobs/uploads/<id>?digest=`: the last chunk, or the whole blob."""
    authorise(world, request, name, "push")
    with world.lock:
        data = _upload(world, upload) + request.body
        del world.uploads[upload]
    return _keep(_repository(world, name), request.text("digest"), data)


def put_manifest(world: World, request: Request, name: str, reference: str) -> Answer:
    """`PUT …/manifests/<tag or digest>`: what it names must be there; a tag moves, and the hooks are called."""
    pusher = authorise(world, request, name, "push")
    repository, digest = _repository(world, name), digest_of(request.body)
    try:
        document = json.loads(request.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise error(400, "MANIFEST_INVALID", "a manifest is a JSON object")
    parts = [part for part in (document.get("config"), *(document.get("layers") or ())) if part]
    children = document.get("manifests") or ()
    absent = [part["digest"] for part in parts if part["digest"] not in repository.blobs]
    absent += [child["digest"] for child in children if child["digest"] not in repository.manifests]
    if absent:
        raise error(400, "MANIFEST_BLOB_UNKNOWN", f"{absent[0]} was not pushed before")
    if reference.startswith("sha256:") and reference != digest:
        raise error(400, "DIGEST_INVALID", f"the content's digest is {digest}")
    media_type = request.headers.get("content-type") or str(document.get("mediaType"))
    with world.lock:
        repository.manifests[digest] = (media_type, request.body)
        if reference != digest:
            repository.tags[reference] = (digest, time.time())
    if reference != digest and not world.settings.suppress:
        body = delivery.payload(repository, reference, pusher, time.time())
        delivery.in_background(lambda: delivery.send_all(world, repository, body))
    return _kept(name, "manifests", digest)


def abandon(world: World, request: Request, name: str, upload: str) -> Answer:
    """`DELETE …/blobs/uploads/<id>`: what was sent so far goes."""
    authorise(world, request, name, "push")
    with world.lock:
        _upload(world, upload)
        del world.uploads[upload]
    return Answer(204)


def _may_read(world: World, request: Request, repository: Repository) -> bool:
    # A caller that may not read the source uploads the blob instead, as the specification has it.
    try:
        authorise(world, request, repository.name)
    except Answered:
        return False
    return True


def _repository(world: World, name: str) -> Repository:
    # The first push makes the repository, as at the Hub.
    return world.repositories.get(name) or world.add_repository(name)


def _upload(world: World, upload: str) -> bytes:
    if upload not in world.uploads:
        raise error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
    return world.uploads[upload]


def _keep(repository: Repository, digest: str, data: bytes) -> Answer:
    if digest != digest_of(data):
        raise error(400, "DIGEST_INVALID", f"the content's digest is {digest_of(data)}")
    repository.blobs[digest] = data
    return _kept(repository.name, "blobs", digest)


def _open(name: str, upload: str, size: int) -> Answer:
    headers = {
        "Location": f"/v2/{name}/blobs/uploads/{upload}",
        "Docker-Upload-UUID": upload,
        "Range": f"0-{max(0, size - 1)}",
    }
    return Answer(202, b"", headers)


def _kept(name: str, kind: str, digest: str) -> Answer:
    return Answer(201, b"", {"Location": f"/v2/{name}/{kind}/{digest}", "Docker-Content-Digest": digest})
