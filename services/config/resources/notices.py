"""Notices: what administrators should do soon, each with what to do and where. Read from what is, and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from services.config.catalog import references
from services.config.catalog.endings import Ending, box_end, endings
from services.config.catalog.hooks import public_url
from services.config.catalog.webhooks import identity
from services.config.model.definitions import Endpoint
from services.config.model.people import Person
from services.config.resource import unsupported
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, webhooks
from services.config.store.definitions.endpoints import ENDPOINTS, variables_that_end
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Page
from shared.contracts.mirror import MirrorState
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import counted
from shared.contracts.times import day, wire_time

MOST = 500
AHEAD_S = 30 * identity.DAY_S
TOKEN_AHEAD_S = 7 * identity.DAY_S
"""For API tokens by which no webhook acts; those of webhooks are named as early as certificates."""
USED_WITHIN_S = 30 * identity.DAY_S
OUT_OF_STEP = (MirrorState.NEEDS_CREDENTIALS, MirrorState.NOT_PERMITTED, MirrorState.RATE_LIMITED)


class Notices:
    """The kind `notices`, for administrators."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """All of them, those that have an end first and soonest."""
        person.demand_administrator("see the notices")
        rows = [row for source in _SOURCES for row in source(uow)]
        rows.sort(key=lambda row: row["until"] or "~")
        return Page(documents=tuple(rows[:MOST]), total=len(rows))

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """Refuses: a notice has no address of its own."""
        person.demand_administrator("see the notices")
        raise refuse(Code.NOT_FOUND, f"there is no notice {ask.id}", subject=ask.id, next_step="List them.")

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Refuses: a notice ends with its cause."""
        raise unsupported(ask.kind, ask.verb, ())


def notice(about: str, message: str, next_step: str, page: str, *, ends_at: float | None = None) -> Json:
    """One notice in the API's shape; `page` is where to act, and `ends_at` when something ends."""
    return {
        "kind": "NOTICE",
        "about": about,
        "message": message,
        "nextStep": next_step,
        "page": page,
        "until": wire_time(ends_at),
    }


def _webhook_tokens(uow: Reading) -> Iterator[Json]:
    tokens = webhooks.ending_tokens(uow, uow.now + AHEAD_S)[:MOST]
    ids = [token.id for token in tokens]
    owners, webhooks_by_token = people.owners(uow, ids), webhooks.of_tokens(uow, ids)
    for token in tokens:
        _, user = owners[token.id]
        acting = webhooks_by_token[token.id]
        yield notice(
            "api-token",
            f"{identity.token_sentence(token, user, uow.now)} {identity.acting_sentence(acting)}",
            "Make another token, and give it to these webhooks.",
            f"/webhooks/{acting[0].id}",
            ends_at=token.expires_at,
        )


def _tokens(uow: Reading) -> Iterator[Json]:
    """Tokens in use that end soon: builds would stop."""
    tokens = people.ending_tokens(uow, uow.now + TOKEN_AHEAD_S, used_since=uow.now - USED_WITHIN_S)[:MOST]
    owners = people.owners(uow, [token.id for token in tokens])
    for token in tokens:
        _, user = owners[token.id]
        yield notice(
            "api-token",
            f"{identity.token_sentence(token, user, uow.now)} It was last used on {day(token.last_used_at or 0)}.",
            f"{user.name} makes another under My account, and puts it where this one is used.",
            f"/people/{user.id}",
            ends_at=token.expires_at,
        )


def _disabled(uow: Reading) -> Iterator[Json]:
    for user in webhooks.disabled_actors(uow):
        acting = webhooks.of_actor(uow, user.id, user.name)
        yield notice(
            "webhook-user",
            f"User {user.name} is disabled. {identity.acting_sentence(acting)}",
            "Give these webhooks an API token of somebody else, or enable the user again.",
            f"/people/{user.id}",
        )


def _hooks(uow: Reading) -> Iterator[Json]:
    for webhook in webhooks.in_states(uow, [state.value for state in OUT_OF_STEP], MOST):
        yield notice(
            "hook",
            f"The hook of {webhook.project}/{webhook.name} at Docker Hub is out of step ({webhook.hub_state}). "
            f"{webhook.hub_message}".strip(),
            "Correct what it says: Portside tries again within five minutes.",
            f"/webhooks/{webhook.id}",
        )
    for webhook in webhooks.with_hooks_elsewhere(uow):
        count = len(webhook.elsewhere)
        hooks = counted(count, "hook that points", "hooks that point")
        yield notice(
            "hook",
            f"The repository of {webhook.project}/{webhook.name} has {hooks} at another address.",
            "Delete them there if they are left over from another Portside.",
            f"/webhooks/{webhook.id}",
        )
    for stone in webhooks.TOMBSTONES.all(uow, webhooks.TOMBSTONES.column("message") != "", limit=MOST):
        yield notice(
            "hook",
            f"The hook {stone.hook_name} is still at {stone.repository}, and should be gone. {stone.message}".strip(),
            "Delete it at Docker Hub, or correct the sign-in of its endpoint.",
            "/webhooks",
        )


def _endpoints(uow: Reading) -> list[Endpoint]:
    return uow.once("endpoints of notices", lambda: ENDPOINTS.all(uow))


def _endings(uow: Reading) -> Iterator[Json]:
    for endpoint in _endpoints(uow):
        where, page = f"endpoint {endpoint.project}/{endpoint.name}", f"/endpoints/{endpoint.id}"
        yield from _soon(uow.now, where, page, endings(endpoint.properties, endpoint.secrets))
    for provider in people.PROVIDERS.all(uow):
        where, page = f"sign-in provider {provider.name}", f"/settings/providers/{provider.id}"
        yield from _soon(uow.now, where, page, endings(provider.tree, provider.secrets))
    for variable in variables_that_end(uow):
        if (ends_at := box_end(variable.sealed)) is not None:
            ending = Ending("secret", "The token", ends_at, "Put a new one into it.")
            where = f"variable {variable.project}/{variable.name}"
            yield from _soon(uow.now, where, f"/variables/{variable.id}", (ending,))


def _soon(now: float, where: str, page: str, held: Iterable[Ending]) -> Iterator[Json]:
    for ending in held:
        if ending.at <= now + AHEAD_S:
            verb = "ends" if ending.at > now else "ended"
            message = f"{ending.words} in {where} {verb} on {day(ending.at)}."
            yield notice(ending.about, message, ending.step, page, ends_at=ending.at)


def _restricted(uow: Reading) -> Iterator[Json]:
    endpoints = {endpoint.id: endpoint for endpoint in _endpoints(uow) if not endpoint.restricted}
    for endpoint_id, names in references.naming_restricted(uow, endpoints.values()).items():
        endpoint = endpoints[endpoint_id]
        listed = " and ".join(f"${{var.{name}}}" for name in names)
        yield notice(
            "restricted-variable",
            f"Endpoint {endpoint.project}/{endpoint.name} names the restricted {listed}: "
            "runs that use it send the value without an approval.",
            "Mark the endpoint as restricted, or name a SECRET variable in it.",
            f"/endpoints/{endpoint.id}",
        )


def _address(uow: Reading) -> Iterator[Json]:
    for doubt in public_url.doubts(uow, webhooks.hub_urls(uow)):
        yield notice("public-address", doubt, "Change the public address in Settings.", "/settings")


_SOURCES: Iterable[Callable[[Reading], Iterator[Json]]] = (
    _webhook_tokens,
    _tokens,
    _disabled,
    _hooks,
    _endings,
    _restricted,
    _address,
)
