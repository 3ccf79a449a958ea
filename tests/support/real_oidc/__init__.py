"""A certified OpenID Connect server, npm's oidc-provider, as a process; where it was installed, and how to start it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.ports import free_port

CLIENT, SECRET, SCOPES = "portside", "from the provider", "openid profile email groups"
HOW = "npm install --prefix .venv/node oidc-provider, with Node.js 20 or later"
_FOLDER = Path(__file__).resolve().parents[3] / ".venv" / "node" / "node_modules"


class RealProvider:
    """The process; `disable` takes the account of its only person away."""

    def __init__(self, process: subprocess.Popen[str], issuer: str) -> None:
        self._process = process
        self.issuer = issuer

    def disable(self) -> None:
        self._tell("disable")

    def enable(self) -> None:
        self._tell("enable")

    def _tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()


def is_there() -> bool:
    return bool(shutil.which("node")) and (_FOLDER / "oidc-provider").is_dir()


@contextmanager
def a_real_provider(portside: str) -> Iterator[RealProvider]:
    """Running, with a client for the Portside at that address."""
    port = free_port(0, "127.0.0.1")
    command = ["node", str(Path(__file__).parent / "provider.mjs"), str(port)]
    with subprocess.Popen(
        [*command, f"{portside}/sign-in/callback", f"{portside}/sign-in"],
        env={**os.environ, "NODE_PATH": str(_FOLDER)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert any("ready" in line for line in process.stdout), "the provider ended"
            yield RealProvider(process, f"http://127.0.0.1:{port}")
        finally:
            process.kill()
