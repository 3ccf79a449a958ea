"""The HTTP client of tests, whose servers are all on loopback."""

from __future__ import annotations

from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient

LOOPBACK = HttpClient(Guard(allow_local=True), user_agent="portside-runner")
GUARDED = HttpClient(Guard(), user_agent="portside-runner")
