"""Registries as the distribution API has them: one account at one registry, what a tag names, and copies of images.

Registries answer a missing right and a missing repository alike; what they do say is told apart here. Never here: the
management API of Docker Hub, which is hubsync's, and what a pipeline's task makes of an answer.
"""

from .account import Account, RegistryProblem, account_of
from .platforms import platforms
from .pool import Registries
from .reading import Manifest, Registry

__all__ = ["Account", "Manifest", "Registries", "Registry", "RegistryProblem", "account_of", "platforms"]
