"""Gateway and config in one process, without a broker: every question travels through its bytes as it does on the wire.

For what is tried by the thousand. Nothing leaves the process, and nobody runs what is started.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.config.accounts.callers import load_person
from services.config.pushes.deliveries import Deliveries as Deliveries
from services.config.resource import Resource
from services.config.resources.dead_letters import DeadLetters
from services.config.resources.deployments import Deployments
from services.config.resources.dispatch import ResourceDispatcher
from services.config.resources.events import Events
from services.config.resources.executions import Executions
from services.config.resources.logs import Logs
from services.config.resources.user_operations import UserOperations
from services.gateway.app_context import AppContext
from services.gateway.config_client import ConfigClient
from services.gateway.event_streams import EventStreams
from services.gateway.health_board import HealthBoard
from services.gateway.origins import Origins
from services.gateway.public_address import PublicAddress
from services.gateway.roles import Roles
from services.gateway.sessions import COOKIE, Sessions
from services.gateway.settings import GatewaySettings
from services.gateway.sign_ins import SignIns
from services.gateway.sign_on import SignOn
from services.gateway.web import create_app
from shared.bus import BrokerState, RequestTimeout, wire
from shared.contracts.base import Message
from shared.contracts.catalog import Act, AdmissionAsk, Find, Get, Kind, SignIn
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Problem, Refused
from shared.contracts.topics import Service, Topic
from tests.integration.config.office import PASSWORD, Office
from tests.support.fake_bus import carry, carry_back

KEY = b"k" * 32


class Asking:
    """The bus of the gateway: a question is packed, read, answered, and its answer packed and read."""

    def __init__(self, desk: ResourceDispatcher, office: Office) -> None:
        self.connected = True
        self._answers: dict[str, Callable[[Any, Caller | None, str | None], Message]] = {
            Find.__name__: lambda ask, caller, _: desk.find(ask, caller),
            Get.__name__: lambda ask, caller, _: desk.get(ask, caller),
            Act.__name__: desk.act,
            AdmissionAsk.__name__: lambda ask, _caller, _id: office.sign_ins.admit(ask),
            SignIn.__name__: lambda ask, _caller, _id: office.sign_ins.finish(office.sign_ins.begin(ask)),
        }

    def request(
        self,
        topic: Topic,
        message: Message,
        *,
        subject: str = "",
        caller: Caller | None = None,
        command_id: str | None = None,
        timeout_s: float = 5.0,
    ) -> Message:
        answer = self._answers.get(type(message).__name__)
        if answer is None:
            raise RequestTimeout(f"nobody answers {topic.name}")
        try:
            envelope, ask = carry(
                topic, message, sender=Service.GATEWAY, subject=subject, caller=caller, command_id=command_id
            )
        except wire.Undecodable as error:
            raise Refused(Problem(code=Code.INTERNAL, message=str(error))) from None
        return carry_back(topic, answer(ask, envelope.caller, envelope.commandid), request_id=envelope.id)


class InProcess:
    """`client` is anybody, `call` the administrator by the API, `browser` the administrator on the pages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.office = Office(folder)
        deliveries = Deliveries(self.office.catalog)
        resources: dict[Kind, Resource] = {
            **self.office.catalog.resources(),
            Kind.EXECUTIONS: Executions(),
            Kind.EVENTS: Events(deliveries),
            Kind.DEAD_LETTERS: DeadLetters(deliveries),
            Kind.USER_OPERATIONS: UserOperations(),
            Kind.LOGS: Logs(),
            Kind.DEPLOYMENTS: Deployments(),
        }
        desk = ResourceDispatcher(self.office.store, resources, load_person)
        client, sessions = ConfigClient(Asking(desk, self.office)), Sessions(KEY)
        origins = Origins(sessions, ())
        sign_ins = SignIns(client, origins)
        self.app: Flask = create_app(
            AppContext(
                settings=(settings := GatewaySettings(portside_home=folder, public_url="https://portside.example.com")),
                config=client,
                public_address=PublicAddress(client, settings.first_address),
                sessions=sessions,
                origins=origins,
                sign_ins=sign_ins,
                sign_on=SignOn(client, sign_ins, sessions, self.office.sealer),
                sealer=self.office.sealer,
                streams=EventStreams(2),
                roles=Roles(client),
                health=HealthBoard(),
                look_at_broker=lambda: BrokerState(()),
                recent_looks=lambda: (),
            )
        )
        body = {"username": "admin", "password": PASSWORD}
        answer = self.client().post("/csp/gateway/am/api/login", json=body).get_json()
        self._cookie = str(answer["access_token"])
        self.ids: dict[str, str] = {}
        """Of objects that a test has made, for its addresses."""
        self.form_token = sessions.form_token(sessions.read(self._cookie))
        self.bearer = {"Authorization": f"Bearer {self._cookie}"}

    def client(self) -> FlaskClient:
        return self.app.test_client()

    def browser(self) -> FlaskClient:
        client = self.client()
        client.set_cookie(COOKIE, self._cookie)
        return client

    def call(self, method: str, path: str, **more: Any) -> TestResponse:
        headers = self.bearer | more.pop("headers", {})
        return self.client().open(path, method=method, headers=headers, **more)

    def close(self) -> None:
        self.office.store.close()
