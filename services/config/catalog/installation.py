"""Settings: facts about this installation that anybody signed in may read, its public address and its options."""

from __future__ import annotations

from services.config.model.people import Person
from services.config.resource import unsupported
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, settings, webhooks
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.grammar.repositories import DOCKER_HUB

from . import audit, options
from .documents import flag, link, text
from .hooks import public_url, wanted
from .webhooks import identity

_CHANGEABLE = frozenset({"publicUrl", "localSignIn", *options.WIRES})
_SHOWN = {"installation": "installation", "public_url": "publicUrl"}


class InstallationSettings:
    """The kind `settings`: one object."""

    def __init__(self, changeable: options.Options) -> None:
        self._options = changeable

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """A page of one."""
        return Page(documents=(self._document(uow, person),), total=1)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """The one object."""
        return Document(document=self._document(uow, person))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Change the public address, to which all hooks move, whether passwords let people in, or the options."""
        if ask.verb != "patch":
            raise unsupported(ask.kind, ask.verb, ("patch",))
        person.demand_administrator("change the settings")
        others = sorted(set(ask.body) - _CHANGEABLE)
        if others:
            can = ", ".join(sorted(_CHANGEABLE))
            raise refuse(
                Code.INVALID, f"{', '.join(others)} cannot be changed: only these can: {can}", subject=others[0]
            )
        before = self._document(uow, person)
        if "publicUrl" in ask.body:
            self._move(uow, text(ask.body, "publicUrl", before["publicUrl"]))
        self._options.change(uow, ask.body)
        _switch_local_sign_in(uow, person, flag(ask.body, "localSignIn", before["localSignIn"]))
        after = self._document(uow, person)
        audit.record(uow, person, "patch", Kind.SETTINGS, before, after)
        return Document(document=after)

    def _move(self, uow: UnitOfWork, url: str) -> None:
        public_url.demand_changeable(self._options.public_url, url)
        if public_url.change(uow, url):
            wanted.ask_pass(uow, "the public address changed")

    def _document(self, uow: Reading, person: Person) -> Json:
        stored = settings.settings(uow)
        doubts = public_url.doubts(uow, webhooks.hub_urls(uow) or [DOCKER_HUB])
        return {
            "id": "installation",
            "kind": "SETTINGS",
            "name": "installation",
            **{wire: stored.get(key, "") for key, wire in _SHOWN.items()},
            "localSignIn": settings.local_sign_in(uow),
            **self._options.document(uow),
            "hooks": webhooks.count_hooks(uow),
            "hookUrl": f"{public_url.hook_base(uow)}<token>",
            "administrators": people.administrators(uow),
            "notices": doubts + (identity.notices(uow) if person.administers else []),
            "_link": link(Kind.SETTINGS.value, "installation"),
        }


def _switch_local_sign_in(uow: UnitOfWork, person: Person, on: bool) -> None:
    if not on and not any(provider.is_way_in for provider in people.PROVIDERS.all(uow)):
        raise refuse(
            Code.CONFLICT,
            "sign-in by password stays on: no sign-in provider is enabled and has a rule, so nobody could sign in",
            subject="localSignIn",
            next_step="Set a sign-in provider up first, and sign in with it.",
        )
    settings.set_setting(uow, settings.LOCAL_SIGN_IN, "on" if on else "off")
