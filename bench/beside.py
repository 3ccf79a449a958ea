"""The same lists asked of this tree and of another one, such as a clone of a release with an environment of its own."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from bench.measure import Row, at_most, row
from cli.system import ADMIN

RUNS = 2_000
TURNS = 15
ASKS = 5
AT_MOST = at_most(1.05)
_TREE = Path(__file__).parents[1]


class _Served:
    """A filled system of some tree, and a session that is signed in there."""

    def __init__(self, url: str, password: str, lists: dict[str, str]) -> None:
        self.url = url
        self.lists = lists
        self._session = requests.Session()
        self._session.trust_env = False
        answer = self._session.post(
            f"{url}/csp/gateway/am/api/login", json={"username": ADMIN, "password": password}, timeout=60
        )
        answer.raise_for_status()
        tokens = answer.json()
        self._session.headers["Authorization"] = f"Bearer {tokens.get('cspAuthToken') or tokens['access_token']}"

    def median_ms(self, path: str) -> float:
        """Of `ASKS` answers."""
        times = []
        for _ in range(ASKS):
            began = time.perf_counter()
            self._session.get(f"{self.url}/codestream/api{path}", timeout=60).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
        return statistics.median(times)


def lists(other: Path) -> list[Row]:
    """Each list of both, in turn."""
    with _served(_TREE) as ours, _served(other) as theirs:
        return [_row(name, path, ours, theirs) for name, path in theirs.lists.items()]


def _row(name: str, path: str, ours: _Served, theirs: _Served) -> Row:
    ours.median_ms(path), theirs.median_ms(path)
    pairs = [(ours.median_ms(path), theirs.median_ms(path)) for _ in range(TURNS)]
    return row(f"list of {name}, beside the other tree", "ms", AT_MOST, *zip(*pairs, strict=True))


@contextmanager
def _served(tree: Path) -> Iterator[_Served]:
    """A system of that tree, by its own programs and environment."""
    command = [str(tree / ".venv/bin/python"), "-P", str(_TREE / "bench/filled.py"), str(RUNS)]
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    with subprocess.Popen(
        command, cwd=tree, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        try:
            line = next((line for line in process.stdout if line.startswith("{")), "")
            if not line:
                raise RuntimeError(f"{tree} does not serve; its errors are above")
            yield _Served(**json.loads(line))
        finally:
            with suppress(OSError):
                process.stdin.close()
