"""Where the world reaches the gateway: what the environment says, else what administrators say while it runs."""

from __future__ import annotations

from collections.abc import Iterable

from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import settings, webhooks
from shared.contracts.problems import Code, refuse
from shared.contracts.public_url import public_url_flaw
from shared.process.addresses import is_global, normalise, parts_of

HOOK_PATH = "/pipelines/api/docker-hub-webhooks?secureToken="
_ADDRESS, _LOCAL = "public_url", "public_url_told"
_LOCAL_NAMES = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".test")


def of(uow: Reading) -> str:
    """The address, without a slash at its end."""
    return settings.setting(uow, _ADDRESS)


def hook_base(uow: Reading) -> str:
    """The hook URL up to the token."""
    return of(uow) + HOOK_PATH


def start(uow: UnitOfWork, from_environment: str, local_url: str) -> bool:
    """As config starts: the address that the environment says counts; else the last one stays, unless it was only this
    machine's own and that is another now. True when the address changed."""
    if from_environment:
        return change(uow, from_environment)
    if of(uow) not in ("", settings.setting(uow, _LOCAL)):
        return False
    settings.set_setting(uow, _LOCAL, local_url)
    return change(uow, local_url)


def demand_changeable(from_environment: str, url: str) -> None:
    """Raises `Refused` where the environment says another address."""
    if from_environment and url.strip().rstrip("/") != from_environment:
        raise refuse(
            Code.CONFLICT,
            "publicUrl comes from the environment (PUBLIC_URL) and cannot be changed here",
            subject="publicUrl",
            next_step="Change PUBLIC_URL and restart Portside, or remove it there.",
        )


def change(uow: UnitOfWork, url: str) -> bool:
    """Another address: every hook must become a new one. True when it is another."""
    url = url.strip().rstrip("/")
    if flaw := public_url_flaw(url):
        raise refuse(Code.INVALID, f"publicUrl {url!r} cannot be used: {flaw}", subject="publicUrl")
    before = of(uow)
    if before == url:
        return False
    settings.set_setting(uow, _ADDRESS, url)
    if before:
        for webhook in webhooks.with_hooks(uow):
            webhooks.add_history(uow, webhook.id, f"The public address changed to {url}: the hook moves there.")
        webhooks.raise_generations(uow)
    return True


def is_local(url: str) -> bool:
    """Whether only this machine or network reaches an address: loopback, private, or a name without a public domain."""
    host = (parts_of(url).hostname or "").lower().rstrip(".")
    if normalise(host) is not None:
        return not is_global(host)
    return "." not in host or host.endswith(_LOCAL_NAMES)


def doubts(uow: Reading, hub_urls: Iterable[str]) -> list[str]:
    """What is wrong with the address for hooks at these Docker Hubs; empty for nothing."""
    url = of(uow)
    reasons = (why(url, hub_url) for hub_url in hub_urls for why in (why_unreachable, why_in_clear))
    return list(dict.fromkeys(reason for reason in reasons if reason))


def why_unreachable(url: str, hub_url: str) -> str:
    """Why Docker Hub cannot call this address; empty when it can, as far as an address tells."""
    if is_local(hub_url) or not is_local(url):
        return ""
    where = url or "no address"
    return (
        f"Docker Hub cannot reach {where}. Poll for pushes instead (mode look: no hook, pushes run within a minute or "
        "two), or open a tunnel and make its address the public address (page Settings, or PUBLIC_URL)."
    )


def why_in_clear(url: str, hub_url: str) -> str:
    """What plain HTTP gives away; empty where it does not travel, or not in clear."""
    if parts_of(url).scheme != "http" or is_local(url) or is_local(hub_url):
        return ""
    return f"The hook's secret token travels in clear to {url}: put HTTPS in front of it, and rotate the token."
