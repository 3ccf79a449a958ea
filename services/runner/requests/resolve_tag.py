"""Which digest a tag names, asked on config's behalf."""

from __future__ import annotations

from collections.abc import Callable

from services.runner.clients.registry import Account, Registries, RegistryProblem, platforms
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
        )

    return account_of


class TagResolver:
    """Answers `tag.resolve`."""

    def __init__(self, account_of: AccountOf, registries: Registries) -> None:
        self._account_of = account_of
        self._registries = registries

    def __call__(self, asked: TagResolve) -> TagResolved:
        """Ask the registry; every way to fail is an answer with its reason."""

        def answer(outcome: Found, detail: str = "", digest: str | None = None, kind: str | None = None) -> TagResolved:
            return TagResolved(
                delivery_id=asked.delivery_id,
                push_ordinal=asked.push_ordinal,
                outcome=outcome,
                digest=digest,
                media_type=kind,
                detail=detail,
            )

        try:
            account = self._account_of(asked.access)
        except CannotOpen as error:
            return answer(Found.UNAVAILABLE, f"The registry's password cannot be opened: {error}")
        except RegistryProblem as problem:
            return answer(Found.UNAVAILABLE, problem.message)
        try:
            with self._registries.use(account) as registry:
                found = registry.resolve(asked.repository, asked.digest or asked.tag)
                there = platforms(registry, asked.repository, found) if found and asked.platforms else ()
        except RegistryProblem as problem:
            return answer(Found.UNAVAILABLE, problem.message)
        if found is None:
            return answer(Found.NOT_FOUND, f"{account.base} has no {asked.repository}:{asked.tag}.")
        if missing := [one for one in asked.platforms if one not in there]:
            has = ", ".join(there) or "no platform that it names"
            return answer(Found.NOT_FOUND, f"It is there for {has}, and not yet for {', '.join(missing)}.")
        return answer(Found.FOUND, digest=found.digest, kind=found.media_type or None)
