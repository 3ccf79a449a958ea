"""A real registry (CNCF distribution) on loopback, with or without a password, and images made for tests."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from cli.ports import free_port
from cli.system import http_answers
from tests.support.patience import PATIENCE_S, wait_for

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


class RealRegistry:
    """Debian's docker-registry as a private process; `notify` is called for every event."""

    def __init__(
        self,
        folder: Path,
        *,
        user: str = "",
        password: str = "",
        notify: Sequence[str] = (),
        port: int = 0,
        auth: Any = None,
    ) -> None:
        program = shutil.which("docker-registry")
        assert program is not None
        folder.mkdir(parents=True, exist_ok=True)
        self.host = f"127.0.0.1:{port or free_port()}"
        self.url = f"http://{self.host}"
        self.auth = (user, password) if user else None
        self.bearer = ""
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "warn"},
            "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
            "http": {"addr": self.host},
        }
        if user:
            (folder / "htpasswd").write_text(f"{user}:{_bcrypt(password)}\n")
            config["auth"] = {"htpasswd": {"realm": "registry", "path": str(folder / "htpasswd")}}
        if auth is not None:
            config["auth"] = auth
        if notify:
            about = {"timeout": "5s", "threshold": 3, "backoff": "1s"}
            places = [{"name": f"portside-{number}", "url": url, **about} for number, url in enumerate(notify)]
            config["notifications"] = {"endpoints": places}
        (folder / "registry.yml").write_text(json.dumps(config))
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [program, "serve", str(folder / "registry.yml")], stdout=self._log, stderr=self._log
        )
        wait_for(lambda: http_answers(f"{self.url}/v2/"), f"the registry to answer; {folder}/log says why it does not")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_S)
        self._log.close()

    def call(self, method: str, path: str, **more: Any) -> requests.Response:
        return self._request(method, f"{self.url}{path}", **more)

    def _request(self, method: str, url: str, **more: Any) -> requests.Response:
        signed = {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}
        headers = {**signed, **more.pop("headers", {})}
        return requests.request(method, url, auth=self.auth, timeout=PATIENCE_S, headers=headers, **more)

    def blob(self, repository: str, content: bytes) -> dict[str, Any]:
        """Upload a blob; answers how a manifest names it."""
        digest = digest_of(content)
        place = self.call("POST", f"/v2/{repository}/blobs/uploads/").headers["Location"]
        answer = self._request("PUT", place, params={"digest": digest}, data=content)
        assert answer.status_code == 201, answer.text
        return {"digest": digest, "size": len(content)}

    def manifest(self, repository: str, reference: str, body: dict[str, Any]) -> str:
        """Write a manifest in a form that nobody else would write it in, so that writing it anew shows."""
        raw = json.dumps(body, indent=5).encode()
        reference = reference or digest_of(raw)
        headers = {"Content-Type": body["mediaType"]}
        answer = self.call("PUT", f"/v2/{repository}/manifests/{reference}", data=raw, headers=headers)
        assert answer.status_code == 201, answer.text
        return digest_of(raw)

    def image(self, repository: str, tag: str, content: str, architecture: str = "amd64") -> str:
        """Push an image of one platform; an empty tag leaves it without one."""
        config = {**self.blob(repository, f'{{"architecture": "{architecture}"}}'.encode()), "mediaType": CONFIG}
        layers = [{**self.blob(repository, one.encode() * 1000), "mediaType": LAYER} for one in ("base", content)]
        body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
        return self.manifest(repository, tag, body)

    def index(self, repository: str, tag: str, content: str) -> str:
        """Push an image of two platforms with an attestation; answers the index's digest."""
        parts = []
        for name, architecture in ((content, "amd64"), (f"{content}-arm", "arm64"), (f"{content}-sbom", "unknown")):
            digest = self.image(repository, "", name, architecture)
            size = int(self.head(repository, digest).headers["Content-Length"])
            platform = {"architecture": architecture, "os": "unknown" if architecture == "unknown" else "linux"}
            parts.append({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform})
        return self.manifest(repository, tag, {"schemaVersion": 2, "mediaType": INDEX, "manifests": parts})

    def head(self, repository: str, reference: str) -> requests.Response:
        headers = {"Accept": f"{INDEX}, {MANIFEST}, application/vnd.docker.distribution.manifest.v2+json"}
        return self.call("HEAD", f"/v2/{repository}/manifests/{reference}", headers=headers)

    def digest(self, repository: str, reference: str) -> str:
        """What a tag names; empty when nothing."""
        return self.head(repository, reference).headers.get("Docker-Content-Digest", "")


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _bcrypt(password: str) -> str:
    import bcrypt

    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
