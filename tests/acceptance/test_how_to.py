"""The commands of the documentation, run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from cli import demo, system
from tests import support
from tests.support.patience import PATIENCE_S
from tests.support.world import World

ROOT = Path(support.__file__).parents[2]
WITHOUT_TOOLS = shutil.which("jq") is None or shutil.which("curl") is None
pytestmark = pytest.mark.skipif(WITHOUT_TOOLS, reason="needs curl and jq: apt-get install curl jq")


def commands(page: str) -> str:
    """Its `sh` blocks, one after the other; what is only indented is for other servers."""
    text = (ROOT / "docs" / page).read_text()
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


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
    assert run(world, commands("how-to/sign-in-with-cli-clients.md"), tmp_path) == "admin\n"


def test_a_sign_in_provider_is_set_up_and_its_rules_are_tried(world: World, tmp_path: Path) -> None:
    script = commands("how-to/sign-in-with-cli-clients.md") + commands("how-to/sign-on.md")
    project = world.client.post("/projects", {"name": "web"})
    try:
        assert run(world, script, tmp_path).endswith("May sign in by rule 2.\n")
    finally:
        world.client.delete(f"/projects/{project['id']}")
        for provider in world.documents("/sign-in-providers"):
            world.client.delete(f"/sign-in-providers/{provider['id']}")


def test_moving_from_code_stream_takes_everything_and_says_what_to_do(world: World, tmp_path: Path) -> None:
    shutil.copytree(Path(support.__file__).parent / "exported", tmp_path / "exported")
    # The hook is made at the Hub of this test.
    moving = commands("how-to/move-from-code-stream.md").replace(
        '"serverType": "DockerHub",', f'"serverType": "DockerHub", "hubURL": "{world.hub_url}",'
    )
    said = run(world, commands("how-to/sign-in-with-cli-clients.md") + moving, tmp_path)
    report = json.loads((tmp_path / "report.json").read_text())
    assert {one["status"] for one in report["objects"]} == {"CREATED"} and len(report["objects"]) == 12
    assert "CREATED\tPIPELINE\tShop delivery" in said
    assert "Shop delivery: Build.Unit tests: tasks of type Jenkins do not run here" in said
    assert "variable windows-password: value" in said and "endpoint shop-cluster: properties.token" in said
    assert '"name": "Undo"' in said
    webhook = json.loads((tmp_path / "webhook.json").read_text())
    assert webhook["endpoint"] == "shop-registry" and webhook["missing"] == []
    found = world.client.by_name("endpoints", "Shop", "shop-cluster")
    assert found["properties"]["token"] == "*****"


def test_moving_in_an_afternoon_ends_with_a_push_that_runs_here_and_the_old_hook_gone(
    world: World, tmp_path: Path
) -> None:
    exported = tmp_path / "exported"
    exported.mkdir()
    for file in (Path(support.__file__).parent / "exported").glob("*.yaml"):
        text = file.read_text().replace("https://kubernetes.example.com:6443", world.cluster_url)
        (exported / file.name).write_text(text.replace("project: Shop", "project: Afternoon"))
    hooks = f"{world.hub_url}/v2/repositories/acme/afternoon/webhook_pipeline/"
    world.push("0.9.0", "acme/afternoon")  # The repository is there already, and Code Stream's hook.
    signed_in = requests.post(
        f"{world.hub_url}/v2/users/login/",
        json={"username": demo.HUB_USER, "password": demo.HUB_PASSWORD},
        timeout=PATIENCE_S,
    ).json()["token"]
    old = {
        "name": "code-stream",
        "webhooks": [
            {
                "name": "code-stream",
                "hook_url": "http://127.0.0.1:9/codestream/api/registry-webhook-listeners/x?token=y",
            }
        ],
    }
    answer = requests.post(hooks, json=old, headers={"Authorization": f"JWT {signed_in}"}, timeout=PATIENCE_S)
    answer.raise_for_status()
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\nsed -i '/shop-cluster/s/$/{demo.CLUSTER_TOKEN}/; /windows/s/$/pass word/' \"$1\"\n")
    editor.chmod(0o700)
    order = '{"repository": "acme/afternoon", "tag": "1.4.0", "pusher": "ann"}'
    given = (
        f"HUB_TOKEN={demo.HUB_PASSWORD} EDITOR={editor}\n"
        f"docker() {{ curl -sS --fail {world.hub_url}/_fake/push -H 'Content-Type: application/json' -d '{order}'; }}\n"
    )
    script = commands("tutorial/move-in-an-afternoon.md").replace("acme/shop", "acme/afternoon")
    for there, here in (
        ('"serverType": "DockerHub",', f'"serverType": "DockerHub", "hubURL": "{world.hub_url}",'),
        ('"repoURL"', f'"registryURL": "{world.hub_url}", "repoURL"'),
        ('"Shop"', '"Afternoon"'),
        ("Shop/", "Afternoon/"),
    ):
        assert there in script
        script = script.replace(there, here)
    printed = run(world, given + script, tmp_path)
    assert (
        "also called: http://127.0.0.1:9/codestream/api/registry-webhook-listeners/x" in printed
        and "lacks: []" in printed
    )
    assert "ENDPOINT shop-cluster: set" in printed and "VARIABLE windows-password: set" in printed
    assert "Shop roll-out #1 COMPLETED" in printed
    assert "Chat: Deploy.Register: tasks of type TFS do not run here" in printed
    assert printed.splitlines()[-1] == "left to do: 12 tasks"
    left = requests.get(hooks, headers={"Authorization": f"JWT {signed_in}"}, timeout=PATIENCE_S).json()["results"]
    assert [hook["webhooks"][0]["hook_url"].startswith(world.layout.url) for hook in left] == [True]


def test_users_get_a_role_and_a_leaked_hook_url_is_replaced(world: World, tmp_path: Path) -> None:
    signed_in = commands("how-to/sign-in-with-cli-clients.md")
    assert run(world, signed_in + commands("how-to/users-and-roles.md"), tmp_path).splitlines()[-1] == "shop"
    (grace,) = [user for user in world.client.documents("/users") if user["name"] == "grace"]
    assert grace["serviceRole"] == "User"
    rotated = run(world, signed_in + commands("how-to/rotate-keys-and-tokens.md"), tmp_path)
    assert rotated.splitlines()[-1] == "rotated"


def test_the_eight_steps_go_by_curl_alone(world: World, tmp_path: Path) -> None:
    def ours(text: str) -> str:
        """Beside what the demo has defined here: names of our own, and this test's Hub and cluster."""
        for there, here in (
            ('"serverType": "DockerHub",', f'"serverType": "DockerHub", "hubURL": "{world.hub_url}",'),
            ('"repoURL"', f'"registryURL": "{world.hub_url}", "repoURL"'),
            ("https://cluster.example.com:6443", world.cluster_url),
            ('"name": "cluster"', '"name": "rest-cluster"'),
            ("kubernetesServer: cluster", "kubernetesServer: rest-cluster"),
        ):
            text = text.replace(there, here)
        return re.sub(r"\bweb\b", "rest", text)

    world.push("0.9.0", "acme/rest")  # The repository is there already.
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "deploy-rest.yaml").write_text(ours((ROOT / "demo" / "deploy-web.yaml").read_text()))
    order = '{"repository": "acme/rest", "tag": "1.4.0", "pusher": "ann"}'
    given = (
        f"HUB_TOKEN={demo.HUB_PASSWORD} CLUSTER_TOKEN={demo.CLUSTER_TOKEN}\n"
        f"docker() {{ curl -sS --fail {world.hub_url}/_fake/push -H 'Content-Type: application/json' -d '{order}'; }}\n"
    )
    said = run(world, given + ours(commands("tutorial/the-same-by-rest.md")), tmp_path)
    assert "CREATED PIPELINE Deploy rest" in said
    assert "1.4.0: started. Started Deploy rest #1" in said
    assert "Deploy rest #1 COMPLETED" in said and "Deploy / Apply: COMPLETED" in said
