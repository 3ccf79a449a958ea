"""What a tag names, which tags there are, and whether the registry takes the sign-in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlparse

import requests

from shared.grammar.json_parser import parse_json

from .account import Account, RegistryProblem
from .connection import Connection, pull
from .kinds import MANIFEST_TYPES

MANIFESTS = ", ".join(MANIFEST_TYPES)

_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")
_MAX_TAGS = 1000


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a tag names."""

    digest: str
    media_type: str


class Registry:
    """One registry as one account. Not for several threads at once."""

    def __init__(self, account: Account) -> None:
        self.connection = Connection(account)

    def close(self) -> None:
        """Let the connections go."""
        self.connection.close()

    def resolve(self, repository: str, reference: str) -> Manifest | None:
        """What a tag or digest names; None when the registry says that there is no such thing."""
        account = self.connection.account
        name = account.repository(repository)
        place = f"/v2/{name}/manifests/{reference}"
        answer = self.connection.call("HEAD", place, (pull(name),), headers={"Accept": MANIFESTS})
        if answer.status_code == 404:
            return None
        digest = answer.headers.get("Docker-Content-Digest", "")
        if not _DIGEST.fullmatch(digest):
            what = f"{name}:{reference}"
            raise RegistryProblem("no-digest", f"{account.base} does not say which digest {what} has.")
        return Manifest(digest, answer.headers.get("Content-Type", "").partition(";")[0])

    def tags(self, repository: str) -> list[str] | None:
        """The tags of a repository; None when it does not exist."""
        account = self.connection.account
        name = account.repository(repository)
        path: str | None = f"/v2/{name}/tags/list?n=100"
        found: list[str] = []
        while path and len(found) < _MAX_TAGS:
            answer = self.connection.call("GET", path, (pull(name),), headers={"Accept": "application/json"})
            if answer.status_code == 404:
                return None
            try:
                found += parse_json(answer.content).get("tags") or []
            except (ValueError, AttributeError):
                message = f"{account.base} answered with something else than tags."
                raise RegistryProblem("odd-answer", message) from None
            path = _next(answer)
        return found

    def repositories(self) -> list[str]:
        """All repositories, where the registry lists them to this account."""
        answer = self.connection.call("GET", f"/v2/_catalog?n={_MAX_TAGS}", headers={"Accept": "application/json"})
        try:
            return [str(name) for name in parse_json(answer.content).get("repositories") or ()]
        except (ValueError, AttributeError):
            message = f"{self.connection.account.base} does not list its repositories: name the one that is meant."
            raise RegistryProblem("odd-answer", message) from None

    def sign_in(self) -> None:
        """Check that the registry takes the account; raises with `wrong-password` when it does not."""
        answer = self.connection.call("GET", "/v2/", headers={"Accept": "application/json"})
        if answer.status_code >= 400:
            base = self.connection.account.base
            raise RegistryProblem("no-registry", f"{base}/v2/ answered {answer.status_code}: no registry is there.")


def _next(answer: requests.Response) -> str | None:
    link = answer.links.get("next", {}).get("url")
    if not link:
        return None
    whole = urlparse(urljoin(answer.url, link))
    return f"{whole.path}?{whole.query}" if whole.query else whole.path
