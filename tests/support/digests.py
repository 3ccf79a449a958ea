"""Passwords as messages carry them: each digest, slow by design, is made once a process.

A catalog over a database begins with an administrator, so that a thousand tests would make the same one again.
"""

from __future__ import annotations

from functools import cache

from shared.process.secrets import password_digest

digest_of = cache(password_digest)
