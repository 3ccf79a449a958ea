"""What a webhook demands of a delivery beside its patterns: gathering, platforms, where it comes from, a signature.

Pure: fields out of a body, and onto the wire.
"""

from __future__ import annotations

from services.config.catalog.documents import flag, texts
from services.config.model.definitions import Webhook
from shared.contracts.base import Json
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import finite
from shared.process.addresses import read_network

FIELDS = ("gatherSeconds", "platforms", "sourceNetworks", "signed")
LONGEST_QUIET_S = 300.0


def read(body: Json, old: Webhook, *, partial: bool) -> Json:
    """The columns that a body sets; a full body clears what it does not name."""

    def is_present(name: str) -> bool:
        return name in body or not partial

    return {
        "gather_s": _seconds(body.get("gatherSeconds")) if is_present("gatherSeconds") else old.gather_s,
        "platforms": _platforms(texts(body, "platforms")) if is_present("platforms") else old.platforms,
        "networks": _networks(texts(body, "sourceNetworks")) if is_present("sourceNetworks") else old.networks,
        "signed": flag(body, "signed", False) if is_present("signed") else old.signed,
    }


def document(value: Webhook) -> Json:
    """On the wire."""
    return {
        "gatherSeconds": value.gather_s,
        "platforms": list(value.platforms),
        "sourceNetworks": list(value.networks),
        "signed": value.signed,
    }


def _seconds(value: object) -> float:
    seconds = finite(value or 0)
    if seconds is not None and 0 <= seconds <= LONGEST_QUIET_S:
        return seconds
    raise refuse(
        Code.INVALID,
        f"gatherSeconds must be a number of seconds from 0 (off) to {LONGEST_QUIET_S:.0f}, not {str(value)[:50]!r}",
        subject="gatherSeconds",
    )


def _platforms(platforms: list[str]) -> list[str]:
    for platform in platforms:
        if not 2 <= len([part for part in platform.split("/") if part]) <= 3:
            raise refuse(
                Code.INVALID,
                f"{platform!r} is not a platform",
                subject="platforms",
                next_step="Write them as linux/amd64 or linux/arm64/v8.",
            )
    return platforms


def _networks(networks: list[str]) -> list[str]:
    try:
        return [str(read_network(network)) for network in networks]
    except ValueError as error:
        raise refuse(
            Code.INVALID,
            f"sourceNetworks: {error}",
            subject="sourceNetworks",
            next_step="Write addresses or networks, such as 192.0.2.7 or 10.0.0.0/8.",
        ) from error
