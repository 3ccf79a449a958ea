"""The four services: `gateway` serves HTTP, `config` decides and keeps, `runner` executes, `hubsync` mirrors
webhooks.

They meet only through the package shared: none imports another.
"""

from __future__ import annotations

import gc

# Imports make hundreds of thousands of objects that all stay. To look for garbage among them every 700 is an eighth of
# the CPU that config takes to start.
gc.set_threshold(10_000)
