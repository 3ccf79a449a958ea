"""Which certificates are taken, over real TLS: vouched for, accepted, changed, signed by a private authority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.cluster.server import FakeCluster
from services.runner.requests.inspect import OutsideInspector
from services.runner.requests.validate import Validator
from shared.contracts.base import Json
from shared.contracts.catalog import Inspect, ValidateAsk, Validated
from shared.contracts.problems import Refused
from shared.contracts.runs import ResolvedEndpoint
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.outbound import LOOPBACK
from tests.support.tls import Door, Signed, certificate


class Scene:
    """A demo cluster behind TLS."""

    def __init__(self, folder: Path, cluster: FakeCluster) -> None:
        create_keys(folder)
        self.sealer, opener = Sealer.load(folder), Opener.load(folder)
        self.validator = Validator(opener, LOOPBACK)
        self.cluster = cluster
        self.folder = folder
        self.authority = certificate("Acme Root", authority=True)
        self.shown = certificate(by=self.authority)
        host, _, port = cluster.url.removeprefix("http://").partition(":")
        self.door = Door(folder, self.shown, (host, int(port)))

    def try_k8s(self, **properties: str) -> Validated:
        endpoint = ResolvedEndpoint(
            name="cluster",
            type="k8s",
            properties={"kubernetesURL": self.door.url, "authType": "token", **properties},
            secrets={"token": self.sealer.seal(self.cluster.token)},
        )
        return self.validator(ValidateAsk(endpoint=endpoint))

    def try_webhook(self, **properties: str) -> Validated:
        endpoint = ResolvedEndpoint(
            name="told", type="webhook", properties={"url": f"{self.door.url}/told", **properties}
        )
        return self.validator(ValidateAsk(endpoint=endpoint))

    def certificates(self) -> Json:
        return OutsideInspector(self.validator, LOOPBACK)(
            Inspect(what="certificate", options={"url": self.door.url})
        ).document

    def trusted_by_the_system(self, monkeypatch: pytest.MonkeyPatch, authority: Signed) -> None:
        bundle = self.folder / "system.pem"
        bundle.write_text(authority.pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(bundle))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    cluster = FakeCluster(pace_s=0.1)
    made = Scene(tmp_path, cluster)
    yield made
    made.door.close()
    cluster.close()


@pytest.mark.parametrize("kind", ["try_k8s", "try_webhook"])
def test_what_nobody_vouches_for_is_refused_until_it_is_accepted_and_a_changed_one_is_told(
    scene: Scene, kind: str
) -> None:
    attempt = getattr(scene, kind)
    first = attempt()
    assert (first.ok, first.code) == (False, "certificate-not-trusted")
    assert scene.shown.fingerprint in first.message and "valid from" in first.message
    accepted = first.details["accept"]["certificate"]["properties"]
    assert attempt(**accepted).ok
    renewed = certificate(by=scene.authority)
    scene.door.show(renewed)
    changed = attempt(**accepted, fingerprintAcceptedAt="3 May 2026")
    assert (changed.ok, changed.code) == (False, "certificate-changed")
    assert scene.shown.fingerprint in changed.message and renewed.fingerprint in changed.message
    assert "accepted on 3 May 2026" in changed.message and "listening" in changed.next_step
    assert attempt(**changed.details["accept"]["certificate"]["properties"]).ok


@pytest.mark.parametrize("kind", ["try_k8s", "try_webhook"])
def test_a_private_authority_is_kept_and_vouches_for_every_renewal(scene: Scene, kind: str) -> None:
    attempt = getattr(scene, kind)
    kept = attempt().details["accept"]["authority"]["properties"]
    assert attempt(**kept).ok
    scene.door.show(certificate(by=scene.authority))
    assert attempt(**kept).ok
    scene.door.show(certificate(by=certificate("Another Root", authority=True)))
    assert attempt(**kept).code == "certificate-not-trusted"


@pytest.mark.parametrize("kind", ["try_k8s", "try_webhook"])
def test_what_the_systems_authorities_vouch_for_is_never_pinned(
    scene: Scene, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.trusted_by_the_system(monkeypatch, scene.authority)
    attempt = getattr(scene, kind)
    assert attempt().ok
    # An import from elsewhere brings the fingerprint of a certificate that was renewed long ago.
    assert attempt(fingerprint=certificate().fingerprint).ok


def test_the_certificates_of_a_server_are_shown_in_code_streams_shape(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = scene.certificates()
    assert (shown["trusted"], shown["fingerprint"]) == (False, scene.shown.fingerprint)
    own, above = shown["certificates"]
    assert own["fingerprints"] == {"SHA-256": scene.shown.fingerprint}
    assert (own["authority"], above["authority"]) == (False, True)
    assert above["pem"] == scene.authority.pem and above["subject"] == "CN=Acme Root"
    scene.trusted_by_the_system(monkeypatch, scene.authority)
    assert scene.certificates()["trusted"] is True


def test_a_certificate_that_signed_itself_can_be_given_as_its_own_authority(scene: Scene) -> None:
    alone = certificate()
    scene.door.show(alone)
    assert "authority" not in scene.try_webhook().details["accept"]
    assert scene.try_webhook(caCertificate=alone.pem).ok
    assert scene.try_k8s(certAuthorityData=alone.pem).ok


def test_what_is_no_certificate_is_said(scene: Scene) -> None:
    assert scene.try_webhook(caCertificate="none").code == "incomplete"
    assert scene.try_k8s(certAuthorityData="none").code == "incomplete"
    with pytest.raises(Refused) as refused:
        OutsideInspector(scene.validator, LOOPBACK)(Inspect(what="certificate", options={"url": "http://127.0.0.1"}))
    assert "https://" in refused.value.problem.message


def test_a_server_that_is_away_is_unreachable_and_not_distrusted(scene: Scene) -> None:
    scene.door.close()
    assert scene.try_webhook().code == "unreachable"
    said = scene.try_k8s()
    assert said.code == "unreachable" and "127.0.0.1 is the runner's own machine" in said.next_step
