"""A real registry that asks for a password, and images for it."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from cli.ports import free_port
from cli.system import http_answers
from tests.support.patience import PATIENCE_S, wait_for

USER = "ann"
PASSWORD = "right-password"
HTPASSWD = "ann:$2y$05$iq3k5M4fEkT2iSdRIPK5aOFcQ5WHkUVAbe0Cbfnv..qz.1GYMyVtO\n"
"""That password, as the registry keeps it."""


@contextmanager
def docker_registry(folder: Path) -> Iterator[int]:
    """Serve until the end; its port."""
    port, program = free_port(), shutil.which("docker-registry")
    assert program is not None
    (folder / "htpasswd").write_text(HTPASSWD)
    config = folder / "registry.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/blobs}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
        f"auth: {{htpasswd: {{realm: r, path: {folder}/htpasswd}}}}\n"
    )
    with (folder / "registry.log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(config)], stdout=log, stderr=log)
    try:
        wait_for(lambda: http_answers(f"http://127.0.0.1:{port}/v2/"), "the registry to answer")
        yield port
    finally:
        process.terminate()
        process.wait(PATIENCE_S)


def push(port: int, repository: str, tags: list[str]) -> str:
    """An image without layers, under these tags; its digest."""
    base = f"http://127.0.0.1:{port}/v2/{repository}"
    config = b"{}"
    named = "sha256:" + hashlib.sha256(config).hexdigest()
    with requests.Session() as session:
        session.auth = (USER, PASSWORD)
        place = session.post(f"{base}/blobs/uploads/", timeout=PATIENCE_S).headers["Location"]
        assert session.put(place, params={"digest": named}, data=config, timeout=PATIENCE_S).status_code == 201
        blob = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": named, "size": len(config)}
        kind = "application/vnd.oci.image.manifest.v1+json"
        manifest = {"schemaVersion": 2, "mediaType": kind, "config": blob, "layers": []}
        for tag in tags:
            answer = session.put(
                f"{base}/manifests/{tag}", json=manifest, headers={"Content-Type": kind}, timeout=PATIENCE_S
            )
            assert answer.status_code == 201
    return answer.headers["Docker-Content-Digest"]


def digest_of(port: int, repository: str, tag: str) -> str:
    """What a tag names; empty when there is none."""
    kind = "application/vnd.oci.image.manifest.v1+json"
    url = f"http://127.0.0.1:{port}/v2/{repository}/manifests/{tag}"
    answer = requests.head(url, auth=(USER, PASSWORD), headers={"Accept": kind}, timeout=PATIENCE_S)
    return answer.headers.get("Docker-Content-Digest", "") if answer.ok else ""
