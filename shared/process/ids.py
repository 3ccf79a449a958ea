"""Identifiers that sort by the time they were made."""

from __future__ import annotations

import os

import uuid_utils

# Forked gunicorn workers would otherwise draw the same random bits.
os.register_at_fork(after_in_child=uuid_utils.reseed_rng)


def new_id() -> str:
    """A UUID version 7 as text."""
    return str(uuid_utils.uuid7())
