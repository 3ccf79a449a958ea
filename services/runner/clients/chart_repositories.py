"""Chart archives from OCI registries and from HTTP chart repositories, within bounds and past no guard.

Facts: https://helm.sh/docs/topics/registries, https://helm.sh/docs/topics/chart_repository and the media types of
https://github.com/helm/community/blob/main/hips/hip-0006.md. Version ranges are Helm's: Masterminds/semver's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from services.runner.clients.clouds import CloudLogins
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.grammar.dialects import MANIFESTS
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed
from shared.grammar.versions import parse_range, parse_version
from shared.grammar.yaml_parser import parse_one_yaml
from shared.outbound.http import PUBLIC, HttpClient, OutboundAccess, OutboundError, RequestLimits
from shared.outbound.redirects import without_query

from .http import access_of
from .registry import Registry, RegistryAccount, RegistryProblem, account_of
from .registry.content import BlobStream, Content

MAX_ARCHIVE_BYTES = 32 * 1024 * 1024
_MAX_INDEX_BYTES = 64 * 1024 * 1024
_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_SLOWEST_S = 120.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,250}")
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


class ChartProblem(Exception):
    """A chart could not be fetched; the text says which, from where and why."""


@dataclass(frozen=True, slots=True)
class FetchedChart:
    """An archive and which version it is."""

    archive: Path
    version: str


class ChartRepositories:
    """Fetches charts; the endpoint's sign-in goes to its own server alone."""

    def __init__(self, client: HttpClient, endpoint: OpenEndpoint | None, logins: CloudLogins | None = None) -> None:
        self._client = client
        self._logins = logins
        self._endpoint = endpoint
        self._account = account_of(endpoint) if endpoint is not None else None

    def fetch(self, repository: str, name: str, version: str, into: Path) -> FetchedChart:
        """The archive of a chart's newest version within a range, written into a folder. Raises ChartProblem."""
        if not _NAME.fullmatch(name):
            raise ChartProblem(f"{name[:200]!r} is not a chart's name.")
        scheme = repository.partition("://")[0].lower()
        place = _PLACES.get(scheme)
        if place is None:
            raise ChartProblem(
                f"Chart {name} is in {repository or 'no repository'}: write oci://, https:// or, in a repository's own "
                "Chart.yaml, file://."
            )
        try:
            chosen_version, content = place(self, repository.rstrip("/"), name, version.strip())
        except (OutboundError, RegistryProblem) as problem:
            raise ChartProblem(f"Chart {name} cannot be fetched from {repository}: {problem.message}") from None
        archive = into / f"{name}-{re.sub(r'[^A-Za-z0-9.+-]', '_', chosen_version)}.tgz"
        archive.write_bytes(content)
        return FetchedChart(archive, chosen_version)

    # -------------------------------------------------------------------------------------------------------------- OCI

    def _from_registry(self, repository: str, name: str, version: str) -> tuple[str, bytes]:
        host, _, path = repository.removeprefix("oci://").partition("/")
        full = f"{path}/{name}".strip("/")
        registry = Registry(self._account_at(host), self._client, self._logins)
        tag, title = _exact_tag(version), f"{host}/{full}"
        if not tag:
            tags = registry.tags(full)
            if tags is None:
                raise ChartProblem(f"There is no chart {title}, or its endpoint may not see it.")
            tag = chosen([tag.replace("_", "+") for tag in tags], version, title).replace("+", "_")
        content = Content(registry.connection, full)
        manifest = content.manifest(tag)
        if manifest is None:
            raise ChartProblem(f"There is no chart {title} of version {tag.replace('_', '+')}.")
        layers = manifest.document.get("layers")
        listed = [layer for layer in (layers if isinstance(layers, list) else ()) if isinstance(layer, dict)]
        layer = next((layer for layer in listed if layer.get("mediaType") == _LAYER), None)
        if layer is None:
            raise ChartProblem(f"{title}:{tag} is not a Helm chart: it has no layer of type {_LAYER}.")
        digest, size = str(layer.get("digest")), layer.get("size")
        if not isinstance(size, int) or not 0 < size <= MAX_ARCHIVE_BYTES or not _DIGEST.fullmatch(digest):
            raise ChartProblem(f"{title}:{tag} is larger than {MAX_ARCHIVE_BYTES // 2**20} MiB, or has no sha256.")
        blob = BlobStream(content.blob(digest, size), digest, size, lambda: False)
        return tag.replace("_", "+"), b"".join(blob)

    def _account_at(self, host: str) -> RegistryAccount:
        account = self._account
        return account if account is not None and account.host == host else RegistryAccount(host)

    # ------------------------------------------------------------------------------------------------------------- HTTP

    def _from_index(self, repository: str, name: str, version: str) -> tuple[str, bytes]:
        index = self._get(f"{repository}/index.yaml", repository, _MAX_INDEX_BYTES)
        entries = index_entries(index.decode("utf-8", "replace"), name)
        by_version = {str(entry.get("version")): entry for entry in entries if entry.get("urls")}
        if not by_version:
            raise ChartProblem(f"The repository {without_query(repository)} has no chart {name}.")
        version = chosen(by_version, version, name)
        entry = by_version[version]
        url = urljoin(f"{repository}/", str(entry["urls"][0]))
        if url.startswith("oci://"):
            return self._from_registry(*url.rpartition(":")[0].rpartition("/")[::2], version)
        archive = self._get(url, repository, MAX_ARCHIVE_BYTES)
        digest = _DIGEST.fullmatch(str(entry.get("digest") or ""))
        if digest and hashlib.sha256(archive).hexdigest() != digest[1]:
            raise ChartProblem(f"{without_query(url)} is not the archive of {name} {version} that its index names.")
        return version, archive

    def _get(self, url: str, repository: str, most_bytes: int) -> bytes:
        headers, access = self._sign_in(url, repository)
        limits = RequestLimits(overall_s=_SLOWEST_S, body_bytes=most_bytes)
        reply = self._client.request("GET", url, headers=headers, limits=limits, access=access)
        if reply.status != 200:
            raise ChartProblem(f"{without_query(url)} answered {reply.status}.")
        return reply.body

    def _sign_in(self, url: str, repository: str) -> tuple[dict[str, str], OutboundAccess]:
        account, endpoint = self._account, self._endpoint
        if account is None or endpoint is None or urlsplit(url).netloc != account.host:
            return {}, PUBLIC
        if urlsplit(url).scheme != urlsplit(repository).scheme:
            return {}, PUBLIC
        if account.sign_in is not None:
            return {}, PUBLIC
        basic = base64.b64encode(f"{account.user}:{account.password}".encode()).decode()
        return {"Authorization": f"Basic {basic}"} if account.user else {}, access_of(endpoint)


_PLACES = {
    "oci": ChartRepositories._from_registry,
    "https": ChartRepositories._from_index,
    "http": ChartRepositories._from_index,
}


def chosen(versions: Iterable[str], wish: str, title: str) -> str:
    """The newest version within a range; without one, the newest that is not a pre-release. Raises ChartProblem."""
    listed = list(versions)
    if wish in listed:
        return wish
    try:
        inside = parse_range(wish or "*")
    except ValueError as error:
        raise ChartProblem(f"The version of chart {title}: {error}.") from None
    parsed = [(version, text) for text in listed if (version := parse_version(text)) is not None and inside(version)]
    if parsed:
        return max(parsed, key=lambda pair: pair[0])[1]
    newest = sorted(((parse_version(text), text) for text in listed if parse_version(text)), reverse=True)
    names = ", ".join(text for _, text in newest[:10]) or "none"
    raise ChartProblem(f"Chart {title} has no version {wish or 'that is released'}; its newest: {names}.")


def index_entries(index: str, name: str) -> list[Json]:
    """The versions of one chart in a repository's index, which may be far larger than what is read of it."""
    try:
        if index.lstrip().startswith("{"):
            entries: Any = (parse_json(index).get("entries") or {}).get(name)
        else:
            entries = parse_one_yaml(_part_of(index, name) or "[]", MANIFESTS)
    except (Malformed, ValueError, AttributeError) as error:
        raise ChartProblem(f"The index of the chart repository cannot be read: {error}") from None
    return [entry for entry in entries or () if isinstance(entry, dict)] if isinstance(entries, list) else []


def _part_of(index: str, name: str) -> str:
    """The lines below `entries` that belong to one chart."""
    lines = index.split("\n")
    start = next((line_index for line_index, line in enumerate(lines) if re.match(r"entries:\s*$", line)), None)
    if start is None:
        return ""
    head = re.compile(rf"""( +)(['"]?){re.escape(name)}\2:\s*$""")
    entry_indent = next((len(line) - len(line.lstrip()) for line in lines[start + 1 :] if line.strip()), 0)
    for line_index in range(start + 1, len(lines)):
        match = head.match(lines[line_index])
        if match and len(match[1]) == entry_indent:
            return "\n".join(_below(lines[line_index + 1 :], entry_indent))
        if lines[line_index][:1] not in (" ", "", "#", "\r"):
            break
    return ""


def _below(lines: list[str], indent: int) -> Iterable[str]:
    for line in lines:
        depth = len(line) - len(line.lstrip())
        if line.strip() and (depth < indent or (depth == indent and not line.lstrip().startswith("- "))):
            return
        yield line


def _exact_tag(version: str) -> str:
    """A version that names one tag, as a registry has it; empty for a range."""
    return version.replace("+", "_") if re.fullmatch(r"v?\d+\.\d+\.\d+(?:[-+][0-9A-Za-z.+-]+)?", version) else ""
