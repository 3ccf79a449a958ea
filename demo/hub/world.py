"""What the fake Hub knows: accounts, repositories with their manifests and hooks, deliveries, settings."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass, field

from .http import Answered, Json

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
SCOPES = ("repo:public_read", "repo:read", "repo:write", "repo:admin")


@dataclass
class Account:
    """A user, or an organisation with its access tokens."""

    name: str
    password: str
    two_factor_code: str = ""
    """Not empty: a password alone does not sign in."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Personal access tokens with their scope, `repo:admin` the highest."""
    sso_only: bool = False
    """Passwords are refused, as where single sign-on is enforced."""
    failures: int = 0
    locked_until: float = 0.0


@dataclass
class Hook:
    """One webhook pipeline."""

    slug: str
    name: str
    urls: list[str]
    created: float
    expect_final_callback: bool
    history: list[Json] = field(default_factory=list)

    def shown(self) -> Json:
        """As the API answers."""
        at = iso(self.created)
        hooks = [{"name": self.name, "hook_url": url, "created": at, "last_updated": at} for url in self.urls]
        return {
            "name": self.name,
            "slug": self.slug,
            "expect_final_callback": self.expect_final_callback,
            "webhooks": hooks,
            "created": at,
            "last_updated": at,
        }


@dataclass
class Repository:
    """`acme/web`: who administers it, what was pushed to it, which hooks are called."""

    name: str
    private: bool = True
    admins: set[str] = field(default_factory=set)
    readers: set[str] = field(default_factory=set)
    tags: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Tag → digest and time of the push."""
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Digest → media type and bytes."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    hooks: dict[str, Hook] = field(default_factory=dict)


@dataclass
class Settings:
    """What a test may turn while the Hub runs."""

    token_life_s: float = 600.0
    calls_per_minute: int = 6_000
    suppress: bool = False
    """Pushes happen and no hook is sent."""
    hook_timeout_s: float = 10.0
    failed_logins: int = 10
    """That many wrong passwords lock an account for ten minutes."""


class World:
    """Everything under one lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.key = secrets.token_hex(32)
        self.accounts: dict[str, Account] = {}
        self.repositories: dict[str, Repository] = {}
        self.uploads: dict[str, bytes] = {}
        """What was sent so far of blobs that are being pushed."""
        self.deliveries: list[Json] = []
        self.settings = Settings()
        self.calls: list[Json] = []
        self.epoch = 0
        """Tokens of an older epoch have expired."""

    def add_account(self, name: str, password: str, **rest: object) -> Account:
        """Add or replace an account."""
        with self.lock:
            account = self.accounts[name] = Account(name, password)
            for field_name, value in rest.items():
                setattr(account, field_name, value)
            return account

    def add_repository(self, name: str, *, private: bool = True, admins: list[str] | None = None) -> Repository:
        """Add a repository, or return the one that is there; its namespace's account administers it."""
        namespace = name.partition("/")[0]
        with self.lock:
            repository = self.repositories.setdefault(name, Repository(name))
            repository.private = private
            repository.admins |= {namespace, *(admins or ())}
            return repository

    def repository(self, name: str) -> Repository:
        """The repository, or 404."""
        with self.lock:
            repository = self.repositories.get(name)
        if repository is None:
            raise Answered(404, {"message": "object not found", "errinfo": {}})
        return repository

    def push(self, repository: Repository, tag: str, platforms: list[str], same_as: str | None) -> str:
        """Make an image that did not exist before, or point the tag at another tag's; returns its digest."""
        with self.lock:
            if same_as is not None:
                if same_as not in repository.tags:
                    raise Answered(404, {"message": f"tag {same_as} not found"})
                digest = repository.tags[same_as][0]
            elif len(platforms) > 1:
                digest = _index(repository, [(platform, _image(repository, platform)) for platform in platforms])
            else:
                digest = _image(repository, platforms[0] if platforms else "linux/amd64")
            repository.tags[tag] = (digest, time.time())
            return digest


def _put(repository: Repository, media_type: str, document: Json) -> str:
    data = json.dumps(document, indent=2).encode()
    digest = digest_of(data)
    repository.manifests[digest] = (media_type, data)
    return digest


def _blob(repository: Repository, data: bytes) -> str:
    digest = digest_of(data)
    repository.blobs[digest] = data
    return digest


def _image(repository: Repository, platform: str) -> str:
    system, _, architecture = platform.partition("/")
    layer = secrets.token_bytes(64)
    config = json.dumps(
        {
            "os": system,
            "architecture": architecture,
            "created": iso(time.time()),
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer)]},
        }
    ).encode()
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": _blob(repository, config), "size": len(config)},
        "layers": [{"mediaType": OCI_LAYER, "digest": _blob(repository, layer), "size": len(layer)}],
    }
    return _put(repository, OCI_MANIFEST, document)


def _index(repository: Repository, images: list[tuple[str, str]]) -> str:
    entries = []
    for platform, digest in images:
        system, _, architecture = platform.partition("/")
        entries.append(
            {
                "mediaType": OCI_MANIFEST,
                "digest": digest,
                "size": len(repository.manifests[digest][1]),
                "platform": {"os": system, "architecture": architecture},
            }
        )
    return _put(repository, OCI_INDEX, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries})


def digest_of(data: bytes) -> str:
    """`sha256:…` of the bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def iso(at: float) -> str:
    """Seconds since the epoch as the Hub writes them."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1_000_000):06d}Z"


def slug_of(name: str) -> str:
    """Lower case, dashes, nothing else."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
