"""What to do at one repository so that its hooks become those that are wanted. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class DesiredHook:
    """One hook that should exist, or with `gone` one that should no longer exist."""

    webhook_id: str
    name: str
    """`portside-<installation>-<webhook>-<generation>`."""
    generation: int
    url: str
    """The whole hook URL, with its token."""
    gone: bool = False
    slug: str | None = None
    """What the Hub called it when we last saw it."""
    replace: tuple[str, ...] = ()
    """Slugs of hooks to another address that a person wants gone."""

    @property
    def family(self) -> str:
        """The name without its generation: the same for all generations of one webhook."""
        return self.name.removesuffix(f"-{self.generation}")


@dataclass(frozen=True, slots=True)
class ListedHook:
    """One hook as the Hub lists it."""

    slug: str
    name: str
    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CreateHook:
    """Make the hook of a want."""

    want: DesiredHook


@dataclass(frozen=True, slots=True)
class DeleteHook:
    """Take a hook of ours away."""

    want: DesiredHook
    """On whose behalf."""
    seen: ListedHook


Action = CreateHook | DeleteHook


@dataclass(frozen=True, slots=True)
class HookPlan:
    """The actions, in order, and the state of each want now."""

    actions: tuple[Action, ...] = ()
    standing: dict[DesiredHook, ListedHook] = field(default_factory=dict)
    """Wants whose hook is there with the right URL; a tombstone is among them while something of it is left."""
    drift: dict[DesiredHook, str] = field(default_factory=dict)
    """What somebody did to our hooks at the Hub, in words."""
    elsewhere: tuple[ListedHook, ...] = ()
    """Hooks of our kind that point at another address: shown, and gone only when asked for."""


HOOK_PATHS = ("/api/docker-hub-webhooks", "/api/registry-webhook-listeners/")


def normal(url: str) -> str:
    """The same address in one spelling: the host's case and a default port do not count."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url
    host = (parts.hostname or "").lower()
    if port and port != {"http": 80, "https": 443}.get(parts.scheme.lower()):
        host = f"{host}:{port}"
    return urlunsplit((parts.scheme.lower(), host, parts.path or "/", parts.query, ""))


def plan(wants: Sequence[DesiredHook], actual: Iterable[ListedHook]) -> HookPlan:
    """Compare. An older generation goes only when the newer is listed; foreign hooks are never touched.

    `wants` are all of one repository, for every account that pays for calls: what one claims another must not take.
    """
    listed = list(actual)
    actions: list[Action] = []
    standing: dict[DesiredHook, ListedHook] = {}
    drift: dict[DesiredHook, str] = {}
    buried = [want for want in wants if want.gone]
    live = [want for want in wants if not want.gone]
    others = _elsewhere(wants, listed)
    for want in live:
        hook = _standing(want, listed, buried)
        if hook is not None:
            standing[want] = hook
            actions += [DeleteHook(want, old) for old in _older(want, listed, hook)]
            actions += [DeleteHook(want, other) for other in others if other.slug in want.replace]
            continue
        if difference := _drift(want, listed):
            drift[want] = difference
        # Somebody else's URL under our name: the name must be free before it can be made again.
        actions += [DeleteHook(want, hook) for hook in listed if hook.name == want.name]
        actions.append(CreateHook(want))
    waiting = {want.family for want in live if want not in standing}
    kept = set(standing.values())
    for want in buried:
        leftovers = [hook for hook in _claimed(want, listed, live) if hook not in kept]
        if leftovers:
            standing[want] = leftovers[0]
        # While its successor at the same repository is not there yet, the old hook still catches pushes.
        if want.family not in waiting:
            actions += [DeleteHook(want, hook) for hook in leftovers]
    return HookPlan(_once(actions), standing, drift, others)


def _standing(want: DesiredHook, listed: Sequence[ListedHook], buried: Sequence[DesiredHook]) -> ListedHook | None:
    """The listed hook that serves a want: by its own name, else another with the very same URL."""
    doomed = {name for stone in buried for name in _names(stone, listed)}
    matching = [hook for hook in listed if _serves(hook, want.url) and hook.name not in doomed]
    own = [hook for hook in matching if hook.name == want.name]
    ours = sorted((hook for hook in matching if _generation(want, hook) is not None), key=lambda hook: hook.slug)
    return next(iter([*own, *ours, *matching]), None)


def _serves(hook: ListedHook, url: str) -> bool:
    # A chain of several URLs calls the second only after a callback that no longer works: it does not count.
    return len(hook.urls) == 1 and normal(hook.urls[0]) == normal(url)


def _generation(want: DesiredHook, hook: ListedHook) -> int | None:
    match = re.fullmatch(re.escape(want.family) + r"-(\d+)", hook.name)
    return int(match[1]) if match else None


def _older(want: DesiredHook, listed: Sequence[ListedHook], newest: ListedHook) -> list[ListedHook]:
    """Our hooks of the same webhook that are no longer needed; a newer generation is left to a newer view."""
    return [
        hook
        for hook in listed
        if hook is not newest and (own := _generation(want, hook)) is not None and own <= want.generation
    ]


def _names(stone: DesiredHook, listed: Sequence[ListedHook]) -> list[str]:
    return [hook.name for hook in listed if (own := _generation(stone, hook)) is not None and own <= stone.generation]


def _claimed(stone: DesiredHook, listed: Sequence[ListedHook], live: Sequence[DesiredHook]) -> list[ListedHook]:
    """What a tombstone takes along: its names, and an adopted hook with its URL that nobody else wants."""
    names = set(_names(stone, listed))
    live_urls = {normal(want.url) for want in live}
    return [
        hook
        for hook in listed
        if hook.name in names or (_serves(hook, stone.url) and normal(stone.url) not in live_urls)
    ]


def _elsewhere(wants: Sequence[DesiredHook], listed: Sequence[ListedHook]) -> tuple[ListedHook, ...]:
    """Hooks whose address has our path, or Code Stream's, at another place, and that no want of ours claims."""
    ours = {normal(want.url) for want in wants}

    def foreign(hook: ListedHook) -> bool:
        if any(_generation(want, hook) is not None for want in wants):
            return False
        urls = [normal(url) for url in hook.urls]
        return any(part in url for url in urls for part in HOOK_PATHS) and not ours & set(urls)

    return tuple(hook for hook in listed if foreign(hook))


def _drift(want: DesiredHook, listed: Sequence[ListedHook]) -> str:
    if any(hook.name == want.name for hook in listed):
        return "Its URL had been changed at Docker Hub; it was put back."
    if want.slug == want.name:
        return "It had been deleted at Docker Hub; it was made again."
    return ""


def _once(actions: Sequence[Action]) -> tuple[Action, ...]:
    """Each hook is deleted once, however many wants ask for it."""
    kept: list[Action] = []
    deleted: set[str] = set()
    for action in actions:
        if isinstance(action, DeleteHook):
            if action.seen.slug in deleted:
                continue
            deleted.add(action.seen.slug)
        kept.append(action)
    return tuple(kept)
