"""Settings: facts about this installation that anybody signed in may read, and its public address."""

from __future__ import annotations

from services.config.model.people import Person
from services.config.resource import unsupported
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import people, settings
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.grammar.repositories import DOCKER_HUB

from . import audit
from .documents import flag, link, text
from .hooks import public_url, wanted
from .webhooks import identity

_CHANGEABLE = ("publicUrl", "localSignIn")
_SHOWN = {"installation": "installation", "public_url": "publicUrl"}


class InstallationSettings:
    """The kind `settings`: one object."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """A page of one."""
        return Page(documents=(self._document(uow, person),), total=1)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """The one object."""
        return Document(document=self._document(uow, person))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Change the public address, to which all hooks move, or whether passwords let people in."""
        if ask.verb != "patch":
            raise unsupported(ask.kind, ask.verb, ("patch",))
        person.demand_administrator("change the settings")
        others = sorted(set(ask.body) - set(_CHANGEABLE))
        if others:
            can = " and ".join(_CHANGEABLE)
            raise refuse(Code.INVALID, f"{', '.join(others)} cannot be changed: only {can} can", subject=others[0])
        before = self._document(uow, person)
        if "publicUrl" in ask.body and public_url.change(uow, text(ask.body, "publicUrl", before["publicUrl"])):
            wanted.ask_pass(uow, "the public address changed")
        _switch_local_sign_in(uow, person, flag(ask.body, "localSignIn", before["localSignIn"]))
        after = self._document(uow, person)
        audit.record(uow, person, "patch", Kind.SETTINGS, before, after)
        return Document(document=after)

    def _document(self, uow: Reading, person: Person) -> Json:
        stored = settings.settings(uow)
        url = public_url.of(uow)
        address = public_url.why_unreachable(url, DOCKER_HUB), public_url.why_in_clear(url, DOCKER_HUB)
        return {
            "id": "installation",
            "kind": "SETTINGS",
            "name": "installation",
            **{wire: stored.get(key, "") for key, wire in _SHOWN.items()},
            "localSignIn": settings.local_sign_in(uow),
            "hookUrl": f"{public_url.hook_base(uow)}<token>",
            "administrators": people.administrators(uow),
            "notices": [why for why in address if why] + (identity.notices(uow) if person.administers else []),
            "_link": link(Kind.SETTINGS.value, "installation"),
        }


def _switch_local_sign_in(uow: UnitOfWork, person: Person, on: bool) -> None:
    if not on and not people.PROVIDERS.all(uow, people.PROVIDERS.column("enabled").is_(True), limit=1):
        raise refuse(
            Code.CONFLICT,
            "sign-in by password stays on: no sign-in provider is enabled, so nobody could sign in",
            subject="localSignIn",
            next_step="Set a sign-in provider up first.",
        )
    settings.set_setting(uow, settings.LOCAL_SIGN_IN, "on" if on else "off")
