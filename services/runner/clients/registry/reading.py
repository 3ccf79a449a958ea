"""What a tag names, which tags there are, and whether the registry takes the sign-in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from services.runner.clients.clouds import CloudLogins
from shared.grammar.json_parser import parse_json
from shared.outbound.http import HttpClient, HttpReply

from .account import RegistryAccount, RegistryProblem
from .connection import RegistryConnection, pull
from .kinds import MANIFEST_TYPES

MANIFESTS = ", ".join(MANIFEST_TYPES)

_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,128}")
_LINK = re.compile(r"<(?P<target>[^<>]*)>(?P<parameters>[^<]*)")
_RELATION = re.compile(r"rel\s*=\s*\"?([^\";,]*)", re.IGNORECASE)
_MAX_TAGS = 1000
_MAX_NAMES = 10_000
_PAGE = 100
_MAX_PAGES = 20
_LONGEST_NAME = 255


def is_digest(text: str) -> bool:
    """Whether a text is a digest as the OCI image specification writes them."""
    return _DIGEST.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a tag names."""

    digest: str
    media_type: str


class Registry:
    """One registry as one account. Not for several threads at once."""

    def __init__(self, account: RegistryAccount, client: HttpClient, logins: CloudLogins | None = None) -> None:
        self.connection = RegistryConnection(account, client, logins)

    def resolve(self, repository: str, reference: str) -> Manifest | None:
        """What a tag or digest names; None when the registry says that there is no such thing."""
        account = self.connection.account
        name = account.repository(repository)
        place = f"/v2/{name}/manifests/{reference}"
        reply = self.connection.call("HEAD", place, (pull(name),), headers={"Accept": MANIFESTS})
        if reply.status == 404:
            return None
        digest = reply.headers.get("Docker-Content-Digest", "")
        if not is_digest(digest):
            image = f"{name}:{reference}"
            raise RegistryProblem("no-digest", f"{account.base} does not say which digest {image} has.")
        return Manifest(digest, reply.headers.get("Content-Type", "").partition(";")[0])

    def tags(self, repository: str) -> list[str] | None:
        """The tags of a repository, as many pages as hold 1,000; None when it does not exist."""
        name = self.connection.account.repository(repository)
        path: str | None = f"/v2/{name}/tags/list?n={_PAGE}"
        tags: dict[str, None] = {}
        visited: set[str] = set()
        # A server may name a page twice, or page after page with nothing new on it.
        while path and path not in visited and len(visited) < _MAX_PAGES and len(tags) < _MAX_TAGS:
            visited.add(path)
            reply = self.connection.call("GET", path, (pull(name),), headers={"Accept": "application/json"})
            if reply.status == 404:
                return None
            tags |= dict.fromkeys(self._names(reply, "tags"))
            path = _next(reply)
        return list(tags)[:_MAX_NAMES]

    def repositories(self) -> list[str]:
        """All repositories, where the registry lists them to this account."""
        reply = self.connection.call("GET", f"/v2/_catalog?n={_MAX_TAGS}", headers={"Accept": "application/json"})
        return self._names(reply, "repositories")

    def _names(self, reply: HttpReply, field: str) -> list[str]:
        """The names that an answer lists; a null list is an empty one, and so is none beside the repository's name, as
        servers write it that leave out what is empty. Raises RegistryProblem for anything else."""
        try:
            document = parse_json(reply.body)
        except ValueError:
            document = None
        names = None
        if isinstance(document, dict) and (field in document or document.keys() <= {"name"}):
            names = document.get(field) or []
        if reply.status != 200 or not isinstance(names, list):
            base = self.connection.account.base
            raise RegistryProblem("odd-answer", f"{base} answered {reply.status} without a list of {field}.")
        return [name for name in names[:_MAX_NAMES] if isinstance(name, str) and len(name) <= _LONGEST_NAME]

    def sign_in(self) -> None:
        """Check that the registry takes the account; raises with `wrong-password` when it does not."""
        reply = self.connection.call("GET", "/v2/", headers={"Accept": "application/json"})
        if reply.status >= 400:
            base = self.connection.account.base
            raise RegistryProblem("no-registry", f"{base}/v2/ answered {reply.status}: no registry is there.")


def _next(reply: HttpReply) -> str | None:
    """The path of the page after this one, by its `Link` header (RFC 8288); the host is always the registry's own."""
    for link in _LINK.finditer(reply.headers.get("Link", "")):
        relation = _RELATION.search(link["parameters"])
        if relation is None or "next" not in relation[1].lower().split():
            continue
        try:
            whole = urlsplit(urljoin(reply.url, link["target"]))
        except ValueError:
            return None
        return f"{whole.path}?{whole.query}" if whole.query else whole.path
    return None
