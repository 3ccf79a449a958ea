"""Notices: what administrators should do soon, each with what to do and where. Read from what is, and kept nowhere.

A page of them reads what it shows: each source gives its part of a slice, and says how many it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from services.config.catalog import endings, references
from services.config.catalog.documents import text
from services.config.catalog.endings import Ending, box_end
from services.config.catalog.hooks import public_url
from services.config.catalog.webhooks import identity
from services.config.model.people import Person
from services.config.resource import unsupported
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, webhooks
from services.config.store.definitions.endpoints import endpoints_holding, variables_that_end
from services.config.store.filters import MAX_TOP
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.texts import counted
from shared.contracts.times import day, wire_time

AHEAD_S = 30 * identity.DAY_S
TOKEN_AHEAD_S = 7 * identity.DAY_S
"""For API tokens by which no webhook acts; those of webhooks are named as early as certificates."""
USED_WITHIN_S = 30 * identity.DAY_S


@dataclass(frozen=True, slots=True)
class Slice:
    """Which notices are wanted: `about` one thing, blank for all; `part` is what they name, in small letters."""

    about: str
    part: str
    skip: int
    top: int

    def of(self, rows: list[Json]) -> Part:
        """The slice of notices that are all there."""
        kept = [row for row in rows if self.about in ("", row["about"]) and self.part in row["message"].casefold()]
        return kept[self.skip : self.skip + self.top], len(kept)


Part = tuple[list[Json], int]
"""The rows of a slice, and how many there are in all."""


class Notices:
    """The kind `notices`, for administrators."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page, those that have an end first and soonest; the options `about` and `search` leave some of them. A
        page of none counts them."""
        person.demand_administrator("see the notices")
        about, part = text(ask.options, "about"), text(ask.options, "search").strip().casefold()
        skip, top = max(0, ask.skip), max(0, min(ask.top, MAX_TOP))
        rows, total = _dated(uow, Slice(about, part, skip, top))
        for abouts, source in _UNDATED:
            if about in ("", *abouts):
                wanted = Slice(about, part, max(0, skip - total), top - len(rows))
                more, count = source(uow, wanted)
                rows, total = rows + more, total + count
        return Page(documents=tuple(rows), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """Refuses: a notice has no address of its own."""
        person.demand_administrator("see the notices")
        raise refuse(Code.NOT_FOUND, f"there is no notice {ask.id}", subject=ask.id, next_step="List them.")

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Refuses: a notice ends with its cause."""
        raise unsupported(ask.kind, ask.verb, ())


def _dated(uow: Reading, wanted: Slice) -> Part:
    """What ends, the soonest first: of each source as many as the slice could show, merged."""
    # A page of none only counts.
    reach = replace(wanted, skip=0, top=wanted.skip + wanted.top if wanted.top else 0)
    parts = [source(uow, reach) for abouts, source in _DATED if wanted.about in ("", *abouts)]
    rows = sorted((row for rows, _ in parts for row in rows), key=lambda row: str(row["until"]))
    return rows[wanted.skip : wanted.skip + wanted.top], sum(count for _, count in parts)


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


def _webhook_tokens(uow: Reading, wanted: Slice) -> Part:
    until = uow.now + AHEAD_S
    tokens, count = webhooks.ending_tokens(uow, until, wanted.part, wanted.skip, wanted.top)
    step = "Make another token, and give it to these webhooks."
    rows = [
        notice("api-token", line, step, f"/webhooks/{webhook_id}", ends_at=token.expires_at)
        for token, (line, webhook_id) in zip(tokens, identity.token_lines(uow, tokens), strict=True)
    ]
    return rows, count


def _tokens(uow: Reading, wanted: Slice) -> Part:
    """Tokens in use that end soon: builds would stop."""
    until, used_since = uow.now + TOKEN_AHEAD_S, uow.now - USED_WITHIN_S
    tokens, count = people.ending_tokens(
        uow, until, used_since=used_since, part=wanted.part, skip=wanted.skip, top=wanted.top
    )
    owners = people.owners(uow, [token.id for token in tokens])
    rows = [
        notice(
            "api-token",
            f"{identity.token_sentence(token, user, uow.now)} It was last used on {day(token.last_used_at or 0)}.",
            f"{user.name} makes another under My account, and puts it where this one is used.",
            f"/people/{user.id}",
            ends_at=token.expires_at,
        )
        for token, user in (owners[token.id] for token in tokens)
    ]
    return rows, count


def _endings(uow: Reading, wanted: Slice) -> Part:
    return wanted.of(sorted(_all_endings(uow), key=lambda row: str(row["until"])))


def _all_endings(uow: Reading) -> Iterator[Json]:
    for endpoint in endpoints_holding(uow, endings.PROPERTIES, endings.SECRETS):
        where, page = f"endpoint {endpoint.project}/{endpoint.name}", f"/endpoints/{endpoint.id}"
        yield from _soon(uow.now, where, page, endings.endings(endpoint.properties, endpoint.secrets))
    for provider in people.PROVIDERS.all(uow):
        where, page = f"sign-in provider {provider.name}", f"/settings/providers/{provider.id}"
        yield from _soon(uow.now, where, page, endings.endings(provider.tree, provider.secrets))
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


def _disabled(uow: Reading, wanted: Slice) -> Part:
    users, count = webhooks.disabled_actors(uow, wanted.part, wanted.skip, wanted.top)
    step = "Give these webhooks an API token of somebody else, or enable the user again."
    lines = identity.user_lines(uow, users)
    return [notice("webhook-user", line, step, f"/people/{user_id}") for line, user_id in lines], count


def _out_of_step(uow: Reading, wanted: Slice) -> Part:
    shown, count = webhooks.out_of_step(uow, wanted.part, wanted.skip, wanted.top)
    rows = [
        notice(
            "hook",
            f"The hook of {webhook.project}/{webhook.name} at Docker Hub is out of step ({webhook.hub_state}). "
            f"{webhook.hub_message}".strip(),
            "Correct what it says: Portside tries again within five minutes.",
            f"/webhooks/{webhook.id}",
        )
        for webhook in shown
    ]
    return rows, count


def _hooks_elsewhere(uow: Reading, wanted: Slice) -> Part:
    shown, count = webhooks.with_hooks_elsewhere(uow, wanted.part, wanted.skip, wanted.top)
    rows = [
        notice(
            "hook",
            f"The repository of {webhook.project}/{webhook.name} has "
            f"{counted(len(webhook.elsewhere), 'hook that points', 'hooks that point')} at another address.",
            "Delete them there if they are left over from another Portside.",
            f"/webhooks/{webhook.id}",
        )
        for webhook in shown
    ]
    return rows, count


def _hooks_to_go(uow: Reading, wanted: Slice) -> Part:
    stones, count = webhooks.still_there(uow, wanted.part, wanted.skip, wanted.top)
    rows = [
        notice(
            "hook",
            f"The hook {stone.hook_name} is still at {stone.repository}, and should be gone. {stone.message}".strip(),
            "Delete it at Docker Hub, or correct the sign-in of its endpoint.",
            "/webhooks",
        )
        for stone in stones
    ]
    return rows, count


def _restricted(uow: Reading, wanted: Slice) -> Part:
    return wanted.of(list(_all_restricted(uow)))


def _all_restricted(uow: Reading) -> Iterator[Json]:
    referring = endpoints_holding(uow, (references.MARK,))
    endpoints = {endpoint.id: endpoint for endpoint in referring if not endpoint.restricted}
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


def _address(uow: Reading, wanted: Slice) -> Part:
    step = "Change the public address in Settings."
    doubts = public_url.doubts(uow, webhooks.hub_urls(uow))
    return wanted.of([notice("public-address", doubt, step, "/settings") for doubt in doubts])


_Source = tuple[tuple[str, ...], Callable[[Reading, Slice], Part]]
"""What its notices are about, and its part of a slice."""
_DATED: tuple[_Source, ...] = (
    (("api-token",), _webhook_tokens),
    (("api-token",), _tokens),
    (("certificate", "secret"), _endings),
)
_UNDATED: tuple[_Source, ...] = (
    (("webhook-user",), _disabled),
    (("hook",), _out_of_step),
    (("hook",), _hooks_elsewhere),
    (("hook",), _hooks_to_go),
    (("restricted-variable",), _restricted),
    (("public-address",), _address),
)
