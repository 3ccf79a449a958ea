"""The documentation's site, built once for all tests that look at it."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def built_site() -> Path:
    """The folder of the site as docs/ is now; fails with what the build says."""
    script = ROOT / "scripts" / "site"
    with script.open() as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return ROOT / ".site"
