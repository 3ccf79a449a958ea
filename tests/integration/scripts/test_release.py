"""`make release` on a small repository: what it writes, commits, tags and builds, and what it refuses."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[3] / "scripts" / "release"
CHANGELOG = """\
# Changelog

## [Unreleased]

### Added

- Blue buttons.

## [0.1.0] - 2026-11-25
"""


class Checkout:
    """A repository that holds what a release changes, on a machine with Git and, if asked for, Docker."""

    def __init__(self, root: Path, *programs: str) -> None:
        self.root = root / "checkout"
        self.root.mkdir()
        programs_folder = root / "bin"
        programs_folder.mkdir()
        for program in ("git", *programs):
            (programs_folder / program).symlink_to(shutil.which(program) or program)
        author = {"GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.com"}
        author |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in author.items()}
        self._environment = {**author, "PATH": str(programs_folder), "HOME": os.environ.get("HOME", str(root))}
        self.write("shared/version.py", '"""The release."""\n\n__version__ = "0.2.0.dev0"\n')
        self.write("cli/portside/version.py", '"""The release."""\n\n__version__ = "0.2.0.dev0"\n')
        self.write(
            "deploy/charts/portside/Chart.yaml", 'name: portside\nversion: "0.2.0-dev0"\nappVersion: "0.2.0.dev0"\n'
        )
        self.write("CHANGELOG.md", CHANGELOG)
        self.write("tests/support/releases.py", 'V0_1_0 = "e4e5888"\n')
        self.write("Dockerfile", "FROM scratch\nARG VERSION\nCOPY CHANGELOG.md /\nLABEL version=$VERSION\n")
        self.git("init", "--quiet", "--initial-branch", "main")
        self.commit("Begin")
        self.git("tag", "v0.1.0")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def read(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def script(self, name: str, shell: str) -> None:
        """A program that stands in for one of the machine's."""
        program = self.root.parent / "bin" / name
        program.write_text(f"#!/bin/sh\n{shell}\n", encoding="utf-8")
        program.chmod(0o755)

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(
            command, cwd=self.root, env=self._environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def release(self, version: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPT), version]
        return subprocess.run(command, cwd=self.root, env=self._environment, capture_output=True, text=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_a_release_is_a_commit_with_its_version_and_section_and_a_tag_that_says_the_same(checkout: Checkout) -> None:
    done = checkout.release("0.2.0")
    assert done.returncode == 0, done.stderr
    assert "git push origin HEAD v0.2.0" in done.stdout and "no image was built" in done.stdout
    assert '__version__ = "0.2.0"' in checkout.git("show", "v0.2.0:shared/version.py")
    assert '__version__ = "0.2.0"' in checkout.git("show", "v0.2.0:cli/portside/version.py")
    chart = checkout.git("show", "v0.2.0:deploy/charts/portside/Chart.yaml")
    assert chart == 'name: portside\nversion: "0.2.0"\nappVersion: "0.2.0"'
    released = checkout.git("show", "v0.2.0:CHANGELOG.md")
    assert re.search(
        r"## \[Unreleased\]\n\n## \[0\.2\.0\] - \d{4}-\d\d-\d\d\n\n### Added\n\n- Blue buttons\.\n", released
    )
    assert (
        checkout.git("tag", "--list", "--format=%(contents)", "v0.2.0")
        == "Portside 0.2.0\n\n### Added\n\n- Blue buttons."
    )
    assert checkout.git("status", "--porcelain") == ""


def test_the_releases_commit_is_recorded_where_people_and_upgrade_tests_look(checkout: Checkout) -> None:
    checkout.release("0.2.0")
    commit = checkout.git("rev-parse", "v0.2.0^{commit}")
    assert re.search(rf"## \[0\.2\.0\] - \S+\n\nCommit `{commit}`\.\n\n### Added", checkout.read("CHANGELOG.md"))
    assert checkout.read("tests/support/releases.py") == f'V0_1_0 = "e4e5888"\nV0_2_0 = "{commit}"\n'


def test_after_a_release_the_next_version_is_open_and_can_be_released(checkout: Checkout) -> None:
    assert checkout.release("0.2.0").returncode == 0
    assert '__version__ = "0.3.0.dev0"' in checkout.read("shared/version.py")
    assert '__version__ = "0.3.0.dev0"' in checkout.read("cli/portside/version.py")
    chart = checkout.read("deploy/charts/portside/Chart.yaml")
    assert chart == 'name: portside\nversion: "0.3.0-dev0"\nappVersion: "0.3.0.dev0"\n'
    checkout.write("CHANGELOG.md", CHANGELOG.replace("Blue", "Green"))
    checkout.commit("Green buttons")
    assert "0.2.1 is older than 0.3.0.dev0" in checkout.release("0.2.1").stderr
    assert checkout.release("0.3.0").returncode == 0
    assert '__version__ = "0.3.0"' in checkout.git("show", "v0.3.0:shared/version.py")


def test_a_release_names_images_by_digest_and_the_commit_after_it_by_tag(checkout: Checkout) -> None:
    dockerfile = "FROM python:3.13-slim AS site\nFROM python:3.13-slim\nFROM site\nFROM scratch\nFROM h:5000/a/b:1\n"
    compose = "services:\n  db:\n    image: postgres:17\n  own:\n    image: ${PORTSIDE_IMAGE:-portside:latest}\n"
    checkout.write("Dockerfile", dockerfile)
    checkout.write("docker-compose.yml", compose)
    checkout.commit("Images")
    digests = {"python:3.13-slim": "a" * 64, "postgres:17": "b" * 64}
    cases = "".join(f"  {image}) echo {image.partition(':')[0]}@sha256:{hex_};;\n" for image, hex_ in digests.items())
    checkout.script(
        "docker", f'[ "$1" = image ] || exit 0\nfor image; do :; done\ncase $image in\n{cases}*) exit 1\nesac'
    )
    done = checkout.release("0.2.0")
    assert done.returncode == 0, done.stderr
    assert checkout.git("show", "v0.2.0:Dockerfile").splitlines() == [
        f"FROM python:3.13-slim@sha256:{'a' * 64} AS site",
        f"FROM python:3.13-slim@sha256:{'a' * 64}",
        "FROM site",
        "FROM scratch",
        "FROM h:5000/a/b:1",
    ]
    released = checkout.git("show", "v0.2.0:docker-compose.yml")
    assert released == compose.replace("postgres:17", f"postgres:17@sha256:{'b' * 64}").strip()
    assert "release: h:5000/a/b:1 is released by its tag alone; before the next one: docker pull" in done.stdout
    assert (checkout.read("Dockerfile"), checkout.read("docker-compose.yml")) == (dockerfile, compose)
    assert checkout.git("status", "--porcelain") == ""


def test_every_image_of_the_tree_would_be_pinned() -> None:
    spec = spec_from_loader("release_script", SourceFileLoader("release_script", str(SCRIPT)))
    assert spec and spec.loader
    release = module_from_spec(spec)
    spec.loader.exec_module(release)
    named = {
        image
        for file, lines in release.IMAGE_LINES.items()
        for image in release.images_of((SCRIPT.parents[1] / file).read_text(), lines)
    }
    assert named == {"python:3.13-slim", "rabbitmq:4-management", "postgres:17"}


def test_headings_that_came_twice_are_joined_in_the_usual_order(checkout: Checkout) -> None:
    twice = "### Fixed\n\n- A leak.\n\n### Added\n\n- Blue buttons.\n\n### Fixed\n\n- A race\n  at start.\n"
    checkout.write("CHANGELOG.md", CHANGELOG.replace("### Added\n\n- Blue buttons.\n", twice))
    checkout.commit("Twice")
    checkout.release("0.2.0")
    section = checkout.git("show", "v0.2.0:CHANGELOG.md").partition("## [0.2.0]")[2].partition("## [0.1.0]")
    joined = "### Added\n\n- Blue buttons.\n\n### Fixed\n\n- A leak.\n- A race\n  at start."
    assert section[0].partition("\n")[2].strip() == joined and section[2].startswith(" - 2026-11-25")


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("0.2", "'0.2' is not a version: write three numbers, as in 0.2.0"),
        ("0.2.0-rc.1", "'0.2.0-rc.1' is not a version"),
        ("0.1.9", "0.1.9 is older than 0.2.0.dev0"),
        ("0.1.0", "there is a tag v0.1.0 already"),
        ("", "usage: make release VERSION=0.2.0"),
    ],
)
def test_a_version_that_cannot_be_released_changes_nothing(checkout: Checkout, version: str, reason: str) -> None:
    before = checkout.git("rev-parse", "HEAD")
    done = checkout.release(version)
    assert done.returncode == 1 and reason in done.stderr
    assert checkout.git("rev-parse", "HEAD") == before and checkout.git("tag") == "v0.1.0"


def test_uncommitted_changes_and_a_changelog_without_news_are_refused(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", CHANGELOG.replace("### Added\n\n- Blue buttons.\n", ""))
    assert "not committed" in checkout.release("0.2.0").stderr
    checkout.commit("Nothing new")
    assert "nothing under Unreleased" in checkout.release("0.2.0").stderr
    assert checkout.git("tag") == "v0.1.0"


@pytest.mark.docker
def test_the_image_is_built_from_the_tag_and_not_from_the_work_tree(tmp_path: Path) -> None:
    checkout = Checkout(tmp_path, "docker")
    checkout.write(".gitignore", "secret\n")
    checkout.write("Dockerfile", "FROM scratch\nARG VERSION\nCOPY . /\nLABEL version=$VERSION\n")
    checkout.commit("Copy everything")
    checkout.write("secret", "in the work tree alone")
    image = "portside:999.0.0"
    try:
        done = checkout.release("999.0.0")
        assert done.returncode == 0 and f"built the image {image}" in done.stdout, done.stderr
        inspect = ["docker", "image", "inspect", "--format", "{{.Config.Labels.version}}", image]
        assert subprocess.run(inspect, capture_output=True, text=True, check=True).stdout.strip() == "999.0.0"
        saved = subprocess.run(["docker", "save", image], capture_output=True, check=True).stdout
        assert b"Blue buttons" in saved and b"in the work tree alone" not in saved
    finally:
        subprocess.run(["docker", "image", "rm", "--force", image], capture_output=True)
