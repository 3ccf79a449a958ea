"""schemathesis makes calls out of the OpenAPI document, right ones and wrong ones, and finds nothing to report."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cli.portside.api import Client
from services.config.catalog import options
from services.gateway.api.routes import ROUTES
from tests.support import schemathesis_hooks
from tests.support.world import World

from .things import Things

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
    "unsupported_method",
)
"""Left out: that wrong data is refused (unknown parameters must be ignored, and numbers may come as text, as Code
Stream's clients send them); that all data of the right shape is accepted (whether a filter, an expression or a
reference is right, no schema can say); and `Allow`, since addresses by project and name overlap with others.
"""
OUTSIDE = ("/endpoint-validation", "/endpoint-certificate")
"""They call whatever address is made up, and tests stay on this machine."""
LISTED = (
    "ended",
    "schedule",
    "question",
    "variable",
    "git_event",
    "gerrit_event",
    "gerrit_trigger",
    "integration_version",
    "event",
    "followed",
    "token",
    "provider",
)
"""Made first: a list that is empty keeps every promise about its rows."""
EXAMPLES = 2
LIMIT_S = 900
"""Three minutes for 19,000 calls on two idle cores, and three times that beside what else runs there."""


@contextmanager
def settings_kept(client: Client) -> Iterator[None]:
    """What made-up calls change for the whole installation ends with the block: others use it too."""
    before = client.get("/settings")
    try:
        yield
    finally:
        changeable = ("publicUrl", "localSignIn", *options.WIRES)
        client.patch("/settings", {name: "" if before[name] is None else before[name] for name in changeable})


@pytest.mark.timeout(LIMIT_S + 60)
def test_nothing_that_is_made_up_from_the_document_breaks_a_promise_of_it(
    world: World, things: Things, tmp_path: Path
) -> None:
    for noun in LISTED:
        getattr(things, noun)()
    assert things.deployed
    # An account of its own, so that no made-up call can end the session of the others.
    world.client.post("/users", {"name": "fuzz", "serviceRole": "Administrator", "password": "long enough to fuzz"})
    client = Client(world.layout.url, certificate=world.layout.certificate)
    token = client.sign_in("fuzz", "long enough to fuzz")
    command = [
        str(Path(sys.executable).parent / "schemathesis"),
        "run",
        f"{world.layout.url}/openapi.json",
        f"--tls-verify={world.layout.certificate}",
        f"--header=Authorization: Bearer {token}",
        f"--checks={','.join(CHECKS)}",
        *(f"--exclude-path={path}" for path in OUTSIDE),
        "--phases=examples,coverage,fuzzing",
        f"--max-examples={EXAMPLES}",
        "--seed=1",
        "--no-shrink",
        "--workers=1",
        "--warnings=off",
    ]
    hooks = Path(schemathesis_hooks.__file__)
    environment = {**os.environ, "PYTHONWARNINGS": "ignore", "SCHEMATHESIS_HOOKS": str(hooks)}
    with settings_kept(world.client):
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    # A worker of it that breaks ends the run without a word in its exit code.
    assert "Traceback" not in done.stdout and f"Selected: {len(ROUTES) - len(OUTSIDE)}/{len(ROUTES)}" in done.stdout
