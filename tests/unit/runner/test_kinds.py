"""What was pushed, by the manifests that tools really write."""

from __future__ import annotations

from typing import Any

import pytest

from services.runner.clients.registry.kinds import read_kind

OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
IMAGE_CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"
HELM = "application/vnd.cncf.helm.config.v1+json"
COSIGN = "application/vnd.dev.cosign.simplesigning.v1+json"
IN_TOTO = "application/vnd.in-toto+json"


def manifest(config: str, *layers: str, **more: Any) -> dict[str, Any]:
    return {"mediaType": OCI, "config": {"mediaType": config}, "layers": [{"mediaType": one} for one in layers], **more}


def index(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "mediaType": INDEX,
        "manifests": [{"mediaType": OCI, "digest": "sha256:1", **one} for one in entries],
        **more,
    }


def platform(architecture: str) -> dict[str, Any]:
    return {"platform": {"os": "linux" if architecture != "unknown" else architecture, "architecture": architecture}}


ATTESTATION = {**platform("unknown"), "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}

CASES: list[tuple[str, dict[str, Any], tuple[str, str]]] = [
    ("docker build", manifest(IMAGE_CONFIG, LAYER), ("image", "")),
    ("Docker's own", manifest("application/vnd.docker.container.image.v1+json"), ("image", "")),
    ("from scratch", manifest(IMAGE_CONFIG), ("image", "")),
    ("encrypted layers", manifest(IMAGE_CONFIG, f"{LAYER}+encrypted"), ("image", "")),
    ("an image that names a type", manifest(IMAGE_CONFIG, LAYER, artifactType="application/vnd.acme"), ("image", "")),
    ("Docker's first format", {"schemaVersion": 1, "fsLayers": []}, ("image", "")),
    ("nothing that tells it", {"schemaVersion": 2}, ("image", "")),
    ("helm push", manifest(HELM, "application/vnd.cncf.helm.chart.content.v1.tar+gzip"), ("chart", HELM)),
    ("cosign sign", manifest(IMAGE_CONFIG, COSIGN, COSIGN), ("signature", COSIGN)),
    ("cosign attest", manifest(IMAGE_CONFIG, "application/vnd.dsse.envelope.v1+json"),
     ("signature", "application/vnd.dsse.envelope.v1+json")),
    ("cosign 3", manifest(EMPTY, EMPTY, artifactType="application/vnd.dev.sigstore.bundle.v0.3+json"),
     ("signature", "application/vnd.dev.sigstore.bundle.v0.3+json")),
    ("notation sign", manifest("application/vnd.cncf.notary.signature", "application/jose+json"),
     ("signature", "application/vnd.cncf.notary.signature")),
    ("BuildKit's attestation", manifest(IMAGE_CONFIG, IN_TOTO, IN_TOTO), ("signature", IN_TOTO)),
    ("oras push", manifest(EMPTY, "text/plain", artifactType="application/vnd.acme.config"),
     ("other", "application/vnd.acme.config")),
    ("oras push of old", manifest("application/vnd.acme.config.v1+json", "text/plain"),
     ("other", "application/vnd.acme.config.v1+json")),
    ("a draft of OCI 1.1", {"artifactType": "application/spdx+json", "blobs": []}, ("other", "application/spdx+json")),
    ("wasm", manifest("application/vnd.wasm.config.v0+json", "application/wasm"),
     ("other", "application/vnd.wasm.config.v0+json")),
    ("docker plugin push", manifest("application/vnd.docker.plugin.v1+json"),
     ("other", "application/vnd.docker.plugin.v1+json")),
    ("buildx", index(platform("amd64"), platform("arm64"), ATTESTATION, ATTESTATION), ("image", "")),
    ("attestations alone", index(ATTESTATION), ("signature", "attestation-manifest")),
    ("referrers by tag", index({"artifactType": COSIGN}), ("signature", COSIGN)),
    ("an index of a type", index({}, artifactType="application/vnd.acme"), ("other", "application/vnd.acme")),
    ("charts in an index", index({"artifactType": HELM}, {"artifactType": HELM}), ("chart", HELM)),
    ("BuildKit's cache", index({"mediaType": LAYER}, {"mediaType": "application/vnd.buildkit.cacheconfig.v0"}),
     ("other", LAYER)),
    ("an empty index", index(), ("image", "")),
]  # fmt: skip


@pytest.mark.parametrize(("document", "told"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_was_pushed_is_told_by_its_manifest(document: dict[str, Any], told: tuple[str, str]) -> None:
    found = read_kind(document, lambda _: pytest.fail("the entries told it already"))
    assert (found.kind, found.media_type) == told


@pytest.mark.parametrize(
    ("child", "kind"),
    [(manifest(HELM), "chart"), (manifest(IMAGE_CONFIG), "image"), (manifest(IMAGE_CONFIG, IN_TOTO), "signature"),
     (None, "image")],
)  # fmt: skip
def test_an_index_that_tells_nothing_is_what_its_entry_is(child: dict[str, Any] | None, kind: str) -> None:
    asked: list[str] = []

    def read(digest: str) -> dict[str, Any] | None:
        asked.append(digest)
        return child

    assert read_kind(index({}, {}, ATTESTATION), read).kind == kind
    assert asked == ["sha256:1"]


@pytest.mark.parametrize(
    "document",
    [
        {"config": "x", "layers": "y"},
        {"config": {"mediaType": 5}, "layers": [None, 7]},
        {"manifests": [None, {"platform": "amd64", "annotations": []}]},
    ],
)
def test_a_manifest_of_odd_types_counts_as_an_image(document: dict[str, Any]) -> None:
    assert read_kind(document, lambda _: None).kind == "image"
