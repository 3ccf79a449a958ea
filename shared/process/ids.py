"""Identifiers: new ones sort by the time they were made, derived ones are the same for the same name."""

from __future__ import annotations

import os
from uuid import NAMESPACE_URL, UUID, uuid5

import uuid_utils

# Forked gunicorn workers would otherwise draw the same random bits.
os.register_at_fork(after_in_child=uuid_utils.reseed_rng)


def new_id() -> str:
    """A UUID version 7 as text."""
    return str(uuid_utils.uuid7())


def derived_id(name: str, namespace: UUID = NAMESPACE_URL) -> str:
    """The UUID version 5 of a name, as text: who asks again, anywhere, gets the same."""
    return str(uuid5(namespace, name))
