"""The commands of the how-tos, run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from cli import system
from tests import support
from tests.support.world import World

DOCS = Path(support.__file__).parents[2] / "docs" / "how-to"
WITHOUT_TOOLS = shutil.which("jq") is None or shutil.which("curl") is None
pytestmark = pytest.mark.skipif(WITHOUT_TOOLS, reason="needs curl and jq: apt-get install curl jq")


def commands(page: str) -> str:
    """Its `sh` blocks, one after the other; what is only indented is for other servers."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL))


def run(world: World, script: str, folder: Path) -> str:
    known = {
        "PATH": os.environ["PATH"],
        "CURL_CA_BUNDLE": world.layout.certificate,
        "no_proxy": "127.0.0.1",
        "PORTSIDE": world.layout.url,
        "PORTSIDE_USER": system.ADMIN,
        "PORTSIDE_PASSWORD": world.layout.password_file.read_text().strip(),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env=known, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def test_signing_in_by_an_api_token_ends_with_ones_own_name(world: World, tmp_path: Path) -> None:
    assert run(world, commands("sign-in-with-cli-clients.md"), tmp_path) == "admin\n"


def test_moving_from_code_stream_takes_everything_and_says_what_to_do(world: World, tmp_path: Path) -> None:
    shutil.copytree(Path(support.__file__).parent / "exported", tmp_path / "exported")
    # The hook is made at the Hub of this test.
    moving = commands("move-from-code-stream.md").replace(
        '"serverType": "DockerHub",', f'"serverType": "DockerHub", "hubURL": "{world.hub_url}",'
    )
    said = run(world, commands("sign-in-with-cli-clients.md") + moving, tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert {one["status"] for one in report["objects"]} == {"CREATED"} and len(report["objects"]) == 6
    assert "CREATED\tPIPELINE\tShop delivery" in said
    assert "Shop delivery: Build.Unit tests: tasks of type Jenkins do not run here" in said
    assert "variable windows-password: value" in said and "endpoint shop-cluster: properties.token" in said
    assert '"name": "Undo"' in said
    webhook = json.loads((tmp_path / "webhook.json").read_text())
    assert webhook["endpoint"] == "shop-registry" and webhook["missing"] == []
    found = world.client.by_name("endpoints", "Shop", "shop-cluster")
    assert found["properties"]["token"] == "*****"
