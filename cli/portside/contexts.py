"""Where the command is signed in: contexts in a file of the user's configuration folder, readable by the owner alone.

A context names a server, a project and a token. `PORTSIDE_URL` with `PORTSIDE_TOKEN` stands in for one in builds.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import click

from .ending import CommandFailed, ExitCode
from .texts import quoted

ENVIRONMENT = "(environment)"
FILE_VARIABLE = "PORTSIDE_CONFIG"
MAX_BYTES = 1_000_000
SIGN_IN_FIRST = "sign in first: portside login https://portside.example.com"


@dataclass(frozen=True, slots=True)
class ServerContext:
    """One place to work at. `token` is an API token or that of a sign-in; `certificate` a file with authorities."""

    name: str
    url: str
    project: str = "default"
    user: str = ""
    token: str = field(default="", repr=False)
    certificate: str = ""
    token_id: str = ""
    """The token's id at the server where `login` made it, so that `logout` can revoke it."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """All contexts, and which of them is used."""

    current: str = ""
    by_name: Mapping[str, ServerContext] = field(default_factory=dict)

    def with_context(self, context: ServerContext) -> Contexts:
        """The same with this one, which becomes the current one."""
        return Contexts(context.name, {**self.by_name, context.name: context})

    def without(self, name: str) -> Contexts:
        """The same without that one."""
        rest = {key: context for key, context in self.by_name.items() if key != name}
        return Contexts("" if self.current == name else self.current, rest)

    def named(self, name: str) -> ServerContext:
        """Raises `CommandFailed` where there is none of that name."""
        if name not in self.by_name:
            names = ", ".join(self.by_name) or "none"
            raise CommandFailed(f"there is no context {quoted(name)}; there are: {names}", ExitCode.NOT_FOUND)
        return self.by_name[name]


def file() -> Path:
    """Where contexts are kept."""
    chosen = os.environ.get(FILE_VARIABLE)
    return Path(chosen) if chosen else Path(click.get_app_dir("portside")) / "contexts.json"


def read() -> Contexts:
    """What is kept; nothing where there is no file yet. Raises `CommandFailed` where it cannot be read."""
    path = file()
    try:
        text = path.read_bytes()[:MAX_BYTES]
        stored = json.loads(text)
        contexts = {name: ServerContext(**{**fields, "name": name}) for name, fields in stored["contexts"].items()}
        return Contexts(str(stored.get("current") or ""), contexts)
    except FileNotFoundError:
        return Contexts()
    except OSError as error:
        raise CommandFailed(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CommandFailed(f"{path} is not a file of contexts; move it away and sign in again") from None


def write(contexts: Contexts) -> None:
    """Replace the file in one step; only its owner can read it."""
    path = file()
    rows = {name: asdict(context) for name, context in contexts.by_name.items()}
    for row in rows.values():
        row.pop("name")
    text = json.dumps({"current": contexts.current, "contexts": rows}, indent=1)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp makes it 0600.
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".contexts-")
        with os.fdopen(descriptor, "w") as opened:
            opened.write(text)
        os.replace(draft, path)
    except OSError as error:
        raise CommandFailed(f"cannot write {path}: {error.strerror}") from None


def chosen(name: str = "", project: str = "") -> ServerContext:
    """The context to use: the named one, that of the environment, or the current one. Raises `CommandFailed`."""
    project = project or os.environ.get("PORTSIDE_PROJECT", "")
    context = _chosen(name or os.environ.get("PORTSIDE_CONTEXT", ""))
    return replace(context, project=project) if project else context


def _chosen(name: str) -> ServerContext:
    url, token = os.environ.get("PORTSIDE_URL", ""), os.environ.get("PORTSIDE_TOKEN", "")
    if not name and token and url:
        return ServerContext(ENVIRONMENT, url.rstrip("/"), token=token)
    if not name and (token or url):
        # A build whose secret is missing must not work with what somebody is signed in to.
        lacking, there = ("PORTSIDE_URL", "PORTSIDE_TOKEN") if token else ("PORTSIDE_TOKEN", "PORTSIDE_URL")
        raise CommandFailed(f"{there} is set and {lacking} is not: set both, or neither", ExitCode.USAGE)
    contexts = read()
    if name:
        return contexts.named(name)
    if not contexts.current:
        raise CommandFailed(SIGN_IN_FIRST, ExitCode.NOT_ALLOWED)
    return contexts.named(contexts.current)
