"""First steps as one command each, as a newcomer starts them: the demo's chain, and sample data beside a system."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from cli import demo
from cli.ports import free_port
from cli.portside.api import Client
from tests.support.patience import PATIENCE_S, wait_for

PORTSIDE = (sys.executable, "-m", "cli")


@contextmanager
def running(home: Path, *arguments: str) -> Iterator[Path]:
    """`portside …` until the block ends, with its output in a file; it stops in order, with exit code 0."""
    log = home / "output"
    home.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PORTSIDE_HOME": str(home), "no_proxy": "127.0.0.1"}
    with log.open("wb") as output:
        process = subprocess.Popen([*PORTSIDE, *arguments], env=environment, stdout=output, stderr=output)
    try:
        yield log
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)


def printed(log: Path, pattern: str, limit_s: float = 150) -> str:
    """The first group of what the command printed, once it has."""

    def match() -> str | None:
        found = re.search(pattern, log.read_text())
        return found[1] if found else None

    return wait_for(match, f"{pattern} in the output", limit_s)


def test_the_chain_shows_a_push_that_pushes_on_and_deploys(tmp_path: Path) -> None:
    command = [*PORTSIDE, "demo", "--once", "--chain", "--port", str(free_port())]
    environment = {**os.environ, "PORTSIDE_HOME": str(tmp_path), "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    words = " ".join(done.stdout.split())
    assert "push acme/web:1.4.0 by ann verdict started: Started Promote web #1." in words
    assert "push acme/web-prod:1.4.0 by Promote web #1 verdict started: Started Deploy web #1." in words
    assert "the cluster runs acme/web-prod:1.4.0@sha256:" in words and words.endswith("verified")


def test_the_button_fills_in_the_steps_and_they_are_there_again_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path, "system", "up", "--port", str(port)) as log:
        link = printed(log, r"sign in +(http://\S+)")
        page = requests.Session()
        page.trust_env = False
        first = page.get(link, timeout=PATIENCE_S).text
        assert "Try it with sample data" in first
        token = re.findall(r'name="form_token" value="([0-9a-f]+)"', first)[0]
        page.post(
            f"http://127.0.0.1:{port}/first-steps/sample-data",
            data={"form_token": token, "until": "push"},
            timeout=PATIENCE_S,
        )
        assert "Starting a demo Hub" in page.get(f"http://127.0.0.1:{port}/first-steps", timeout=PATIENCE_S).text
        printed(log, "(verified)")
        shown = page.get(f"http://127.0.0.1:{port}/first-steps", timeout=PATIENCE_S).text
        assert "8 of 8 are done" in shown
    with running(tmp_path, "system", "up", "--port", str(port)) as log:
        printed(log, "(Ctrl-C stops everything)")
        client = Client(f"http://127.0.0.1:{port}")
        client.sign_in("admin", (tmp_path / "admin-password").read_text().strip())
        properties = client.by_name("endpoints", "default", demo.HUB_ENDPOINT)["properties"]
        assert requests.get(properties["hubURL"], timeout=PATIENCE_S).ok, "the endpoint's Hub runs again"
