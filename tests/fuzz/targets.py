"""The table of edges."""

from __future__ import annotations

from .clusters import CLUSTERS
from .edges import EDGES
from .readers import READERS
from .target import Target

TARGETS: tuple[Target, ...] = (*EDGES, *READERS, *CLUSTERS)
