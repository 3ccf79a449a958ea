"""Settings: facts about this installation that anybody signed in may read, and its public address."""

from __future__ import annotations

from services.config.people import Person
from services.config.resources import unsupported
from services.config.store import Reading, UnitOfWork, catalog_people, catalog_settings
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.grammar.repositories import DOCKER_HUB

from . import actors, auditing, mirroring, public_address
from .documents import link, text

_SHOWN = {"installation": "installation", "public_url": "publicUrl"}


class Settings:
    """The kind `settings`: one object."""

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """A page of one."""
        return Page(documents=(self._document(uow, person),), total=1)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """The one object."""
        return Document(document=self._document(uow, person))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Change the public address: all hooks move to it."""
        if ask.verb != "patch":
            raise unsupported(ask.kind, ask.verb, ("patch",))
        person.demand_administrator("change the settings")
        others = sorted(set(ask.body) - {"publicUrl"})
        if others:
            raise refuse(Code.INVALID, f"{', '.join(others)} cannot be changed: only publicUrl can", subject=others[0])
        before = self._document(uow, person)
        if public_address.change(uow, text(ask.body, "publicUrl", before["publicUrl"])):
            mirroring.ask_pass(uow, "the public address changed")
        after = self._document(uow, person)
        auditing.record(uow, person, "patch", Kind.SETTINGS, before, after)
        return Document(document=after)

    def _document(self, uow: Reading, person: Person) -> Json:
        stored = catalog_settings.settings(uow)
        url = public_address.of(uow)
        address = public_address.why_unreachable(url, DOCKER_HUB), public_address.why_in_clear(url, DOCKER_HUB)
        return {
            "id": "installation",
            "kind": "SETTINGS",
            "name": "installation",
            **{wire: stored.get(key, "") for key, wire in _SHOWN.items()},
            "hookUrl": f"{public_address.hook_base(uow)}<token>",
            "administrators": catalog_people.administrators(uow),
            "notices": [why for why in address if why] + (actors.notices(uow) if person.administers else []),
            "_link": link(Kind.SETTINGS.value, "installation"),
        }
