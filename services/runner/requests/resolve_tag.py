"""Which digest a tag names and what it is of, asked on config's behalf."""

from __future__ import annotations

from collections.abc import Callable

from services.runner.clients.registry import Account, Manifest, Registries, Registry, RegistryProblem, platforms
from services.runner.clients.registry.content import Content
from services.runner.clients.registry.kinds import IMAGE, Artifact, read_kind
from shared.contracts.base import Json
from shared.contracts.pushes import Found, RegistryAccess, TagResolve, TagResolved
from shared.process.secrets import CannotOpen, Opener

AccountOf = Callable[[RegistryAccess | None], Account]


def accounts(opener: Opener) -> AccountOf:
    """Opens a registry's password for as long as the account is used; may raise CannotOpen and RegistryProblem."""

    def account_of(access: RegistryAccess | None) -> Account:
        if access is None:
            raise RegistryProblem("incomplete", "No endpoint says which registry to ask.")
        return Account(
            access.registry_host,
            access.username,
            opener.open(access.password) if access.password is not None else "",
            plain_http=access.plain_http,
            ca_pem=access.ca_pem,
            fingerprint=access.fingerprint,
            realm=access.realm,
            local=access.allow_local,
        )

    return account_of


class TagResolver:
    """Answers `tag.resolve`."""

    def __init__(self, account_of: AccountOf, registries: Registries) -> None:
        self._account_of = account_of
        self._registries = registries

    def __call__(self, asked: TagResolve) -> TagResolved:
        """Ask the registry; every way to fail is an answer with its reason."""

        def answer(outcome: Found, detail: str = "", **found: str | None) -> TagResolved:
            about = {"delivery_id": asked.delivery_id, "push_ordinal": asked.push_ordinal}
            return TagResolved.model_validate({**about, "outcome": outcome, "detail": detail, **found})

        try:
            account = self._account_of(asked.access)
        except CannotOpen as error:
            return answer(Found.UNAVAILABLE, f"The registry's password cannot be opened: {error}")
        except RegistryProblem as problem:
            return answer(Found.UNAVAILABLE, problem.message)
        try:
            with self._registries.use(account) as registry:
                found, artifact = _look_up(registry, asked)
                wants_platforms = found is not None and artifact is IMAGE and asked.platforms
                there = platforms(registry, asked.repository, found) if found and wants_platforms else ()
        except RegistryProblem as problem:
            return answer(Found.UNAVAILABLE, problem.message)
        if found is None:
            return answer(Found.NOT_FOUND, f"{account.base} has no {asked.repository}:{asked.tag}.")
        if artifact is not IMAGE:
            return answer(Found.FOUND, digest=found.digest, media_type=artifact.media_type, kind=artifact.kind)
        if missing := [platform for platform in asked.platforms if platform not in there]:
            has = ", ".join(there) or "no platform that it names"
            return answer(Found.NOT_FOUND, f"It is there for {has}, and not yet for {', '.join(missing)}.")
        return answer(Found.FOUND, digest=found.digest, media_type=found.media_type or None)


def _look_up(registry: Registry, asked: TagResolve) -> tuple[Manifest | None, Artifact]:
    """What the tag names, and what it is of. Docker Hub counts a manifest that is read as a pull: there it is not."""
    reference = asked.digest or asked.tag
    if registry.connection.account.is_hub:
        return registry.resolve(asked.repository, reference), IMAGE
    content = Content(registry.connection, asked.repository)
    raw = content.manifest(reference)
    if raw is None:
        return None, IMAGE

    def child(digest: str) -> Json | None:
        entry = content.manifest(digest) if digest else None
        return None if entry is None else entry.document

    return Manifest(raw.digest, raw.media_type), read_kind(raw.document, child)
