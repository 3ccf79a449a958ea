"""The Flask application over a fake bus, and a config that answers from dictionaries."""

from __future__ import annotations

import re
from functools import cache
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from flask import Flask
from flask.testing import FlaskClient
from nacl.public import PrivateKey

from services.config.catalog.endpoints import schemas
from services.gateway.app_context import AppContext
from services.gateway.config_client import ConfigClient
from services.gateway.event_streams import EventStreams
from services.gateway.health_board import HealthBoard
from services.gateway.origins import Origins
from services.gateway.public_address import KEEP_S, PublicAddress
from services.gateway.roles import Role, Roles
from services.gateway.sessions import COOKIE, Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.sign_ins import SignIns
from services.gateway.sign_on import SignOn
from services.gateway.web import create_app
from shared.bus import BrokerState
from shared.contracts.catalog import Act, Admission, Document, Find, Get, Page, SignedIn, SignIn
from shared.contracts.problems import Code, refuse
from shared.process.clock import now
from shared.process.secrets import Sealer, password_digest, token_hash

from .fakes import FakePost

KEY = b"k" * 32
DIGEST = password_digest("right")


class Site:
    """`asked` are the catalog messages in order; `documents` and `pages` what is answered, by kind.

    Building the application is slow: one serves all tests, and `reset` makes it as new.
    """

    def __init__(self, folder: Path) -> None:
        self.post = FakePost()
        self.sessions = Sessions(KEY)
        self.streams = EventStreams(2)
        settings = GatewaySettings(portside_home=folder, public_url="https://portside.example.com")
        sealer = Sealer([bytes(PrivateKey.generate().public_key)])
        self.origins = Origins(self.sessions, ())
        self.desk, self.wellbeing = ConfigClient(self.post), HealthBoard()
        self.broker = BrokerState(())
        self.app: Flask = create_app(
            AppContext(
                settings,
                self.desk,
                # Nothing is remembered: each test has its own address.
                PublicAddress(self.desk, settings.first_address, count(step=KEEP_S).__next__),
                self.sessions,
                self.origins,
                (sign_ins := SignIns(self.desk, self.origins)),
                SignOn(self.desk, sign_ins, self.sessions, sealer),
                sealer,
                self.streams,
                roles=cast("Roles", SimpleNamespace(of=lambda _: self.role)),
                health=self.wellbeing,
                look_at_broker=lambda: self.broker,
                recent_looks=lambda: (self.broker, self.broker),
            )
        )
        self.signed_in = SignedIn(user="ann", token_id="t1")
        self.reset()

    def reset(self) -> Site:
        """Forget all that a test said and asked."""
        self.post.asked.clear()
        self.post.answers = {
            "catalog.find": self._find,
            "catalog.get": self._document,
            "catalog.act": self._act,
            "auth.admit-sign-in": lambda _ask: Admission(admission_id="a1"),
            "auth.sign-in": self._sign_in,
        }
        self.documents: dict[str, dict[str, Any]] = {}
        self.pages: dict[str, Page] = {}
        self.texts: dict[str, str] = {}
        self.refusal: Exception | None = None
        self.broker = BrokerState(())
        self.role = Role(administrator=True, email="ann@example.com")
        self.bearer = {"Authorization": f"Bearer {self.sessions.issue(self.signed_in, now()).token}"}
        return self

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def browser(self) -> FlaskClient:
        """A client that is signed in to the pages."""
        client = self.client()
        client.set_cookie(COOKIE, self.sessions.issue(self.signed_in, now()).token)
        return client

    @property
    def asked(self) -> list[Any]:
        return [message for _, message, _ in self.post.asked]

    def call(self, method: str, path: str, **more: Any) -> Any:
        headers = self.bearer | more.pop("headers", {})
        return self.client().open(path, method=method, headers=headers, **more)

    def _find(self, ask: Find) -> Page:
        self._maybe_refuse()
        return self.pages.get(ask.kind.value, Page())

    def _document(self, ask: Get) -> Document:
        self._maybe_refuse()
        kind = ask.kind.value
        if ask.options.get("types"):
            return Document(document={"types": schemas.documents()})
        return Document(document=self.documents.get(kind, {"id": ask.id}), text=self.texts.get(kind, ""))

    def _act(self, ask: Act) -> Document:
        self._maybe_refuse()
        kind = ask.kind.value
        answer = self.documents.get(kind, {"id": ask.id or "new", **ask.body})
        return Document(document=answer, text=self.texts.get(kind, ""))

    def _sign_in(self, ask: SignIn) -> SignedIn:
        good = ask.password_digest == DIGEST or token_hash("api-token") == ask.api_token_hash
        if not good and ask.one_time_code_hash != token_hash("once"):
            raise refuse(Code.UNAUTHENTICATED, "The user name or the password is not right")
        return self.signed_in

    def _maybe_refuse(self) -> None:
        if self.refusal is not None:
            raise self.refusal


@cache
def the_site() -> Site:
    """The one application of this run."""
    return Site(Path("/nonexistent"))


def form_token(page: str) -> str:
    """What the forms of a page send back against forged requests."""
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', page)
    assert found
    return found[1]
