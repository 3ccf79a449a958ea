"""The `portside` command as a person or a build calls it: a process of its own, with a folder of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Command:
    """One person's command: where its contexts are, and what else its environment holds."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end; `text` is its standard input."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *words], cwd=ROOT, env=self.variables(**variables), input=text,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def start(self, *words: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        """Start it, for what runs until it is interrupted; `stdin` may be a terminal's descriptor."""
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "cli", *words], cwd=ROOT, env=self.variables(), stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def variables(self, **more: str) -> dict[str, str]:
        own = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PORTSIDE_CONFIG": str(self.folder / "contexts.json"),
        }
        kept = {name: os.environ[name] for name in ("PYTHONPYCACHEPREFIX",) if name in os.environ}
        return {**own, **kept, "no_proxy": "127.0.0.1", **self.environment, **more}

    def out(self, *words: str, text: str = "") -> str:
        """What it printed; it must have gone well."""
        done = self.run(*words, text=text)
        assert done.returncode == 0, f"portside {' '.join(words)}: {done.returncode}\n{done.stderr}{done.stdout}"
        assert "Traceback" not in done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.out(*words, "-o", "json"))
