"""Which tags a repository has at a registry whose list knows no times: names, and by HEAD some of their digests."""

from __future__ import annotations

from services.runner.clients.registry import Registries, Registry, RegistryProblem
from shared.contracts.pushes import Found
from shared.contracts.tag_polls import SeenTag, TagsLook, TagsSeen
from shared.grammar import patterns
from shared.grammar.versions import parse_version
from shared.process.secrets import CannotOpen

from .resolve_tag import AccountOf


class TagLooker:
    """Answers `tags.look`; every way to fail is an answer with its reason."""

    def __init__(self, account_of: AccountOf, registries: Registries) -> None:
        self._account_of = account_of
        self._registries = registries

    def __call__(self, request: TagsLook) -> TagsSeen:
        def answer(outcome: Found, detail: str = "", tags: tuple[SeenTag, ...] = ()) -> TagsSeen:
            return TagsSeen(
                webhook_id=request.webhook_id, asked_at=request.asked_at, outcome=outcome, tags=tags, detail=detail
            )

        try:
            account = self._account_of(request.access)
        except CannotOpen as error:
            return answer(Found.UNAVAILABLE, f"The registry's password cannot be opened: {error}")
        except RegistryProblem as problem:
            return answer(Found.UNAVAILABLE, problem.message)
        try:
            with self._registries.use(account) as registry:
                names = registry.tags(request.repository)
                digests = _digests(registry, request, names or [])
        except RegistryProblem as problem:
            return answer(Found.UNAVAILABLE, problem.message)
        if names is None:
            return answer(Found.NOT_FOUND, f"{account.base} has no repository {request.repository}.")
        return answer(Found.FOUND, tags=tuple(digests.get(name) or SeenTag(name=name) for name in names))


def _digests(registry: Registry, request: TagsLook, names: list[str]) -> dict[str, SeenTag]:
    seen_tags = {}
    matching = [name for name in names if patterns.wants(request.wanted, name, request.exclude)]
    for name in highest(matching, request.most):
        manifest = registry.resolve(request.repository, name)
        if manifest is not None:
            seen_tags[name] = SeenTag(name=name, digest=manifest.digest, media_type=manifest.media_type or None)
    return seen_tags


def highest(names: list[str], most: int) -> list[str]:
    """Of these names the likeliest to move: names that are not versions (`latest`, `main`), then the highest
    versions."""
    moving = [name for name in names if parse_version(name) is None]
    versions = sorted(((version, name) for name in names if (version := parse_version(name))), reverse=True)
    # Half for each, and what one does not need for the other.
    room = max(most // 2, most - len(versions))
    kept = moving[max(0, len(moving) - room) :]
    return [*kept, *(name for _, name in versions[: most - len(kept)])]
