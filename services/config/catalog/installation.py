"""Settings: facts about this installation that anybody signed in may read."""

from __future__ import annotations

from services.config.people import Person
from services.config.resources import unsupported
from services.config.store import Reading, UnitOfWork, catalog_people, catalog_settings
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page

from .context import Context
from .documents import link
from .objects import Json

_SHOWN = {"installation": "installation", "public_url": "publicUrl"}


class Settings:
    """The kind `settings`: one object."""

    def __init__(self, context: Context) -> None:
        self.context = context

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """A page of one."""
        return Page(documents=(self._document(uow),), total=1)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """The one object."""
        return Document(document=self._document(uow))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Nothing: they come from the environment."""
        raise unsupported(ask.kind, ask.verb, ())

    def _document(self, uow: Reading) -> Json:
        stored = catalog_settings.settings(uow)
        return {
            "id": "installation",
            "kind": "SETTINGS",
            "name": "installation",
            **{wire: stored.get(key, "") for key, wire in _SHOWN.items()},
            "hookUrl": f"{self.context.hook_base}<token>",
            "administrators": catalog_people.administrators(uow),
            "_link": link(Kind.SETTINGS.value, "installation"),
        }
