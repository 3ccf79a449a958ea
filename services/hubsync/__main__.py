"""`python -m services.hubsync`."""

from __future__ import annotations

import sys

from shared.process.life import run
from shared.process.logging import configure

from .service import build

configure("hubsync")
sys.exit(run("hubsync", build))
