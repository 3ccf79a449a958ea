"""A push on its way from the receiver to a verdict."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal

from .base import Json, Message, Sealed

PushKind = Literal["image", "chart", "signature", "other"]


class Push(Message):
    """What happened at a registry, in one shape whatever the registry."""

    provider: str
    """`dockerhub`, `distribution`, `generic` …: the parser that read the body."""
    registry_host: str
    """As in an image reference; `docker.io` for Docker Hub."""
    also_at: tuple[str, ...] = ()
    """Other names that the event gives the registry: one behind a proxy may call itself otherwise than others do."""
    repository: str
    """`acme/web`; official images are `library/busybox`."""
    tag: str | None = None
    digest: str | None = None
    media_type: str | None = None
    pushed_at: float | None = None
    """Seconds since the epoch by the registry's clock; orders nothing."""
    pusher: str | None = None
    provider_delivery_id: str | None = None
    kind: PushKind = "image"

    @property
    def namespace(self) -> str:
        return self.repository.rpartition("/")[0]

    @property
    def name(self) -> str:
        return self.repository.rpartition("/")[2]

    @property
    def image(self) -> str:
        """The repository as a manifest names it, without tag: `acme/web`, `ghcr.io/acme/web`."""
        return self.repository if self.registry_host == "docker.io" else f"{self.registry_host}/{self.repository}"


_SIGNATURE_TAG = re.compile(r"sha256-[0-9a-f]{64}(\.(sig|att|sbom))?\Z")
_CHART = ("application/vnd.cncf.helm.", "application/vnd.acr.helm.")
_SIGNATURE = (
    "application/vnd.dev.cosign.",
    "application/vnd.dev.sigstore.",
    "application/vnd.cncf.notary.",
    "application/vnd.in-toto",
    "application/vnd.dsse.envelope",
    "application/vnd.docker.attestation.",
)


def kind_of(media_type: str | None, tag: str | None) -> PushKind:
    """Charts and signatures are told apart; everything unknown counts as an image, since it may well be one."""
    if tag and _SIGNATURE_TAG.match(tag):
        return "signature"
    if media_type and media_type.startswith(_CHART):
        return "chart"
    if media_type and media_type.startswith(_SIGNATURE):
        return "signature"
    return "image"


class BodySignature(StrEnum):
    """What the signature of a call's body shows. Its secret is the token that the call itself carries, so that a
    gateway can check it while it knows no webhook."""

    MISSING = "missing"
    GOOD = "good"
    WRONG = "wrong"

    def is_accepted(self, *, demanded: bool) -> bool:
        """Whether a webhook that demands signatures, or does not, accepts the call."""
        return self is BodySignature.GOOD or (self is BodySignature.MISSING and not demanded)


class HookReceived(Message):
    """One POST that the gateway answered, or will answer, with 2xx."""

    delivery_id: str
    """Random, given at reception, kept for ever."""
    received_at: float
    """Seconds since the epoch by config's clock, as far as the gateway knows it. Newer means later received."""
    token_hash: str
    """Hex SHA-256 of the secure token: config judges by this even where the gateway already knew the webhook."""
    webhook_id: str | None = None
    """None when the allowlist could not be asked: then config alone judges the address and the signature."""
    pushes: tuple[Push, ...] = ()
    """Empty when the body named no push; `problem` then says why."""
    problem: str | None = None
    body: Json = {}
    """The parsed payload, trimmed, secrets out."""
    source_address: str = ""
    signature: BodySignature | None = None
    """None from a gateway of 0.1, and where the body was too large to be read."""
    user_agent: str = ""
    via: Literal["hook", "spool", "look", "test", "manual"] = "hook"


class HooksRefused(Message):
    """Deliveries with a good token that were answered 429, since there were too many."""

    webhook_id: str
    count: int
    since: float
    """Seconds since the epoch: when the first of them came."""
    cap_per_minute: int
    """What one process of the gateway takes from one token in a minute."""


class CloudAccess(Message):
    """A docker endpoint whose password a cloud mints."""

    endpoint: str
    properties: Json
    secrets: dict[str, Sealed]


class RegistryAccess(Message):
    """Where and as whom to ask a registry."""

    registry_host: str
    """API host and port; `docker.io` stands for Docker Hub's registry."""
    username: str = ""
    password: Sealed | None = None
    plain_http: bool = False
    ca_pem: str | None = None
    fingerprint: str | None = None
    realm: str = ""
    """The token service on another server that the endpoint accepted."""
    allow_local: bool = False
    """An administrator lets the endpoint reach the runner's own machine."""
    cloud: CloudAccess | None = None
    """In place of user name and password, where the endpoint signs in at a cloud."""


class TagResolve(Message):
    """Ask which digest a tag names now. Sent by config, answered by `TagResolved`."""

    delivery_id: str
    push_ordinal: int = 0
    repository: str
    tag: str
    access: RegistryAccess | None = None
    digest: str | None = None
    """The digest that the push names itself; then the tag is not asked for."""
    platforms: tuple[str, ...] = ()
    """`linux/amd64`, `linux/arm64/v8`: not found before the image is there for all of them."""


class Found(StrEnum):
    """What the registry said."""

    FOUND = "found"
    NOT_FOUND = "not-found"
    UNAVAILABLE = "unavailable"


class TagResolved(Message):
    """The registry's answer for one push."""

    delivery_id: str
    push_ordinal: int = 0
    outcome: Found
    digest: str | None = None
    media_type: str | None = None
    kind: PushKind = "image"
    """What the manifest is of, as far as it was read; `media_type` is then the type that tells it."""
    detail: str = ""
    """Why, in words for a person, when the outcome is not `found`."""


class TokenEntry(Message):
    """One secure token that the receiver lets in."""

    token_hash: str
    webhook_id: str
    provider: str = "dockerhub"
    """How to read the body; `auto` lets the receiver recognise it."""
    good_until: float | None = None
    """Seconds since the epoch; set on the old token while a rotation overlaps."""
    networks: tuple[str, ...] = ()
    """Where deliveries may come from, in CIDR notation; empty means anywhere."""
    signed: bool = False
    """A delivery without a signature is refused; one with a wrong signature always is."""


class AllowlistAsk(Message):
    """Ask for the whole allowlist, or, with `token_hash`, for that one entry."""

    token_hash: str | None = None


class Allowlist(Message):
    """All tokens at one revision."""

    revision: int
    entries: tuple[TokenEntry, ...]
    answered_at: float | None = None
    """Seconds since the epoch by config's clock; None of a release that does not say."""


class AllowlistChanged(Message):
    """What a change did to the list; a receiver that misses a revision asks for the whole."""

    revision: int
    put: tuple[TokenEntry, ...] = ()
    removed: tuple[str, ...] = ()
    """Token hashes that are no longer good."""


class DeliveryChanged(Message):
    """Activity has something new to show."""

    delivery_id: str
    project: str
    webhook_id: str | None = None
