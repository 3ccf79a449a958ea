"""Registries as the distribution API has them: one account at one registry, what a tag names, and copies of images.

`account` is where and as whom to ask, `challenges` how a registry wants to be signed in to, `connection` makes
requests, `pool` keeps connections. `reading` answers what a tag names, `content` reads and writes manifests and
blobs, `kinds` tells images from other artifacts, `platforms` lists platforms and tells when an image was built.

Registries answer a missing right and a missing repository alike; their other messages tell the two apart. Never here:
the management API of Docker Hub, which is hubsync's, and what a pipeline's task makes of an answer.
"""

from .account import RegistryAccount, RegistryProblem, account_of
from .platforms import built_at, platforms
from .pool import Registries
from .reading import Manifest, Registry

__all__ = [
    "Manifest",
    "Registries",
    "Registry",
    "RegistryAccount",
    "RegistryProblem",
    "account_of",
    "built_at",
    "platforms",
]
