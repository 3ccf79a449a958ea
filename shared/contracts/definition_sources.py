"""Definitions kept in Git: looking at a project's repository, and reporting at a commit what became of it."""

from __future__ import annotations

from typing import Literal

from .base import Message
from .runs import ResolvedEndpoint

MAX_FILES = 500
MAX_FILE_BYTES = 256 * 1024
MAX_BYTES = 2 * 1024 * 1024
"""Of all files together; a message holds them all."""


class SourceLook(Message):
    """Ask for the definitions at the tip of a branch. Sent by config, answered by `SourceSeen`."""

    project: str
    asked_at: float
    """Comes back with the answer: an answer older than the last one counts no more."""
    endpoint: ResolvedEndpoint
    branch: str = ""
    """Empty for the repository's own."""
    folder: str = ""
    """Empty for the whole repository."""
    known_commit: str = ""
    """At this commit no files are sent: config has them already."""


class SourceFile(Message):
    """A YAML file of the commit."""

    path: str
    """From the top of the repository."""
    text: str


class SourceSeen(Message):
    """What a look showed."""

    project: str
    asked_at: float
    outcome: Literal["read", "same", "failed"]
    branch: str = ""
    commit: str = ""
    subject: str = ""
    """The first line of the commit's message."""
    files: tuple[SourceFile, ...] = ()
    detail: str = ""
    """Why, in words for a person, when the outcome is `failed`."""


class CommitReport(Message):
    """Report at a commit, on the Git host, whether its definitions were taken. Answered by `CommitReported`."""

    project: str
    endpoint: ResolvedEndpoint
    commit: str
    ok: bool
    description: str
    page_url: str = ""


class CommitReported(Message):
    """Whether the report is at the commit, in words for a person."""

    project: str
    commit: str
    detail: str
