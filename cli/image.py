"""The smallest image that runs: one static program that waits for a signal to stop.

It is written as machine code, so that the demo can push an image of its own to a registry without a Docker engine.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import struct
import tarfile
from dataclasses import dataclass
from urllib.parse import urljoin

import requests

# The program blocks SIGTERM and SIGINT, waits for either and exits 0: as process 1 of a container it would otherwise
# ignore both. Call numbers: the Linux kernel's table of each architecture.
_CODE = {
    "amd64": bytes.fromhex(
        "4883ec10"  # sub rsp, 16
        "48c7042402400000"  # mov qword [rsp], 1<<14 | 1<<1   (SIGTERM, SIGINT)
        "b80e000000"
        "31ff"
        "4889e6"
        "31d2"
        "41ba08000000"
        "0f05"  # rt_sigprocmask(SIG_BLOCK, set, 0, 8)
        "b880000000"
        "4889e7"
        "31f6"
        "31d2"
        "41ba08000000"
        "0f05"  # rt_sigtimedwait(set, 0, 0, 8)
        "b83c000000"
        "31ff"
        "0f05"  # exit(0)
    ),
    "arm64": bytes.fromhex(
        "ff4300d1"  # sub sp, sp, #16
        "400088d2"  # mov x0, #0x4002
        "e00300f9"  # str x0, [sp]
        "e81080d2"
        "000080d2"
        "e1030091"
        "020080d2"
        "030180d2"
        "010000d4"  # rt_sigprocmask(SIG_BLOCK, set, 0, 8)
        "281180d2"
        "e0030091"
        "010080d2"
        "020080d2"
        "030180d2"
        "010000d4"  # rt_sigtimedwait(set, 0, 0, 8)
        "a80b80d2"
        "000080d2"
        "010000d4"  # exit(0)
    ),
}
_MACHINE = {"amd64": 0x3E, "arm64": 0xB7}
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True)
class DemoImage:
    """One image in a registry."""

    repository: str
    tag: str
    digest: str


def architecture() -> str:
    """This machine's name for itself in image terms."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "amd64"


def program(arch: str) -> bytes:
    """A static ELF that waits for SIGTERM or SIGINT and exits 0."""
    code, base, header_size = _CODE[arch], 0x400000, 64 + 56
    entry, size = base + header_size, header_size + len(code)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, _MACHINE[arch], 1, entry, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return header + segment + code


def push(registry_url: str, repository: str, tag: str, *, broken: bool = False) -> DemoImage:
    """Push an image that differs by its tag; `broken` names a program that is not there, so that its pods crash."""
    arch = architecture()
    layer_tar = io.BytesIO()
    with tarfile.open(fileobj=layer_tar, mode="w") as archive:
        for name, content, mode in (("wait", program(arch), 0o755), ("version", tag.encode(), 0o644)):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            archive.addfile(member, io.BytesIO(content))
    layer = gzip.compress(layer_tar.getvalue(), mtime=0)
    config = json.dumps(
        {
            "architecture": arch,
            "os": "linux",
            "config": {"Entrypoint": ["/not-there" if broken else "/wait"], "Labels": {"version": tag}},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer_tar.getvalue())]},
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": _descriptor("application/vnd.docker.container.image.v1+json", config),
            "layers": [_descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip", layer)],
        }
    ).encode()
    base = f"{registry_url.rstrip('/')}/v2/{repository}"
    for blob in (layer, config):
        upload = requests.post(f"{base}/blobs/uploads/", timeout=30)
        upload.raise_for_status()
        location = urljoin(upload.url, upload.headers["Location"])
        sent = requests.put(
            location,
            params={"digest": _digest(blob)},
            data=blob,
            headers={"Content-Type": "application/octet-stream"},
            timeout=30,
        )
        sent.raise_for_status()
    put = requests.put(f"{base}/manifests/{tag}", data=manifest, headers={"Content-Type": MANIFEST_TYPE}, timeout=30)
    put.raise_for_status()
    return DemoImage(repository, tag, put.headers["Docker-Content-Digest"])


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "size": len(content), "digest": _digest(content)}
