"""Which digest a tag names and what it is of, asked on config's behalf."""

from __future__ import annotations

from collections.abc import Callable

from services.runner.clients.registry import Manifest, Registries, Registry, RegistryAccount, RegistryProblem, platforms
from services.runner.clients.registry import account_of as registry_account_of
from services.runner.clients.registry.content import Content
from services.runner.clients.registry.kinds import IMAGE, Artifact, read_kind
from services.runner.task_protocol import OpenEndpoint
from shared.contracts.base import Json
from shared.contracts.pushes import Found, RegistryAccess, TagResolve, TagResolved
from shared.process.secrets import CannotOpen, Opener

AccountOf = Callable[[RegistryAccess | None], RegistryAccount]


def accounts(opener: Opener) -> AccountOf:
    """Opens a registry's password for as long as the account is used; may raise CannotOpen and RegistryProblem."""

    def account_of(access: RegistryAccess | None) -> RegistryAccount:
        if access is None:
            raise RegistryProblem("incomplete", "No endpoint says which registry to ask.")
        if (cloud := access.cloud) is not None:
            secrets = {key: opener.open(box) for key, box in cloud.secrets.items()}
            return registry_account_of(OpenEndpoint(cloud.endpoint, "docker", {**cloud.properties, **secrets}))
        return RegistryAccount(
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

    def __call__(self, request: TagResolve) -> TagResolved:
        """Ask the registry; every way to fail is an answer with its reason."""

        def answer(outcome: Found, detail: str = "", **manifest: str | None) -> TagResolved:
            about = {"delivery_id": request.delivery_id, "push_ordinal": request.push_ordinal}
            return TagResolved.model_validate({**about, "outcome": outcome, "detail": detail, **manifest})

        try:
            account = self._account_of(request.access)
        except CannotOpen as error:
            return answer(Found.UNAVAILABLE, f"The registry's password cannot be opened: {error}")
        except RegistryProblem as problem:
            return answer(Found.UNAVAILABLE, problem.message)
        try:
            with self._registries.use(account) as registry:
                manifest, artifact = _look_up(registry, request)
                wants_platforms = manifest is not None and artifact is IMAGE and request.platforms
                there = platforms(registry, request.repository, manifest) if manifest and wants_platforms else ()
        except RegistryProblem as problem:
            return answer(Found.UNAVAILABLE, problem.message)
        if manifest is None:
            return answer(Found.NOT_FOUND, f"{account.base} has no {request.repository}:{request.tag}.")
        if artifact is not IMAGE:
            return answer(Found.FOUND, digest=manifest.digest, media_type=artifact.media_type, kind=artifact.kind)
        if missing := [platform for platform in request.platforms if platform not in there]:
            has = ", ".join(there) or "no platform that it names"
            return answer(Found.NOT_FOUND, f"It is there for {has}, and not yet for {', '.join(missing)}.")
        return answer(Found.FOUND, digest=manifest.digest, media_type=manifest.media_type or None)


def _look_up(registry: Registry, request: TagResolve) -> tuple[Manifest | None, Artifact]:
    """What the tag names, and what it is of. Docker Hub counts a manifest that is read as a pull: there it is not."""
    reference = request.digest or request.tag
    if registry.connection.account.is_hub:
        return registry.resolve(request.repository, reference), IMAGE
    content = Content(registry.connection, request.repository)
    raw = content.manifest(reference)
    if raw is None:
        return None, IMAGE

    def child(digest: str) -> Json | None:
        entry = content.manifest(digest) if digest else None
        return None if entry is None else entry.document

    return Manifest(raw.digest, raw.media_type), read_kind(raw.document, child)
