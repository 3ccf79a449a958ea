"""A whole catalog over a real database, as the gateway would use it: acts and questions on behalf of people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from services.config.accounts import bootstrap
from services.config.accounts.admissions import Admissions
from services.config.accounts.callers import load_person
from services.config.accounts.passwords import hash_password
from services.config.accounts.sign_in import Authenticator
from services.config.accounts.sign_in_limits import SignInLimits
from services.config.catalog.context import Context
from services.config.catalog.options import Options
from services.config.resources.dispatch import ResourceDispatcher
from services.config.resources.registry import Catalog
from services.config.settings import Settings
from services.config.store import Store
from services.config.tables import catalog as _catalog_tables
from services.config.tables import ledger as _ledger_tables
from services.config.tables import machinery as _machinery
from services.config.tables.base import Base
from shared.contracts.base import Message, Sealed
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.envelope import Caller
from shared.process.secrets import Opener, Sealer, create_keys, token_hash
from tests.integration.config.recorder import Recorder
from tests.support.digests import digest_of

TABLES = (_catalog_tables, _ledger_tables, _machinery)
PASSWORD = "correct horse battery staple"


class Office:
    """The desk, a clock that a test moves, and what was promised and broadcast."""

    def __init__(self, folder: Path, url: str | None = None) -> None:
        create_keys(folder)
        self.sealer, self.opener = Sealer.load(folder), Opener.load(folder)
        self.now = 1_700_000_000.0
        self.store = Store(url or f"sqlite:///{folder}/test.db", clock=lambda: self.now)
        Base.metadata.create_all(self.store.writer)
        self.catalog = Catalog(Context(self.sealer.seal, Options(Settings(local_url="https://portside.example.com"))))
        self.desk = ResourceDispatcher(self.store, self.catalog.resources(), load_person)
        self.limits = SignInLimits(lambda: self.now)
        self.sign_ins = Authenticator(self.store, self.limits, Admissions(self.limits, lambda: self.now))
        self.recorder = Recorder(self.store)
        password = hash_password(digest_of(PASSWORD))
        with self.store.write() as uow:
            bootstrap.ensure_first(uow, password)
            self.catalog.start(uow)

    @property
    def promised(self) -> list[str]:
        """The wire types of what was promised."""
        return [row.type for row in self.recorder.promised]

    @property
    def broadcasts(self) -> list[Message]:
        return [message for _, message, _ in self.recorder.broadcasts]

    def act(
        self, kind: Kind, verb: str, body: dict[str, Any] | None = None, *, by: str = "admin", **more: Any
    ) -> dict[str, Any]:
        """Do something, and have the document."""
        return self.document(kind, verb, body, by=by, **more).document

    def document(
        self, kind: Kind, verb: str, body: dict[str, Any] | None = None, *, by: str = "admin", **more: Any
    ) -> Document:
        """Do something, and have the whole answer."""
        return self.desk.act(Act(kind=kind, verb=verb, body=body or {}, **more), Caller(user=by), None)

    def get(self, kind: Kind, id: str = "", *, by: str = "admin", **more: Any) -> dict[str, Any]:
        """One object."""
        return self.desk.get(Get(kind=kind, id=id, **more), Caller(user=by)).document

    def find(self, kind: Kind, *, by: str = "admin", **more: Any) -> Page:
        """One page."""
        return self.desk.find(Find(kind=kind, **more), Caller(user=by))

    def names(self, kind: Kind, *, by: str = "admin", **more: Any) -> list[str]:
        """The names on one page."""
        return [document["name"] for document in self.find(kind, by=by, **more).documents]

    def sealed(self, **secrets: str) -> dict[str, Sealed]:
        """Secrets as the gateway seals them; `__` in a name stands for a dot."""
        return {name.replace("__", "."): self.sealer.seal(value) for name, value in secrets.items()}

    def user(self, name: str, *, service: str = "User", **roles: str) -> str:
        """A new user with roles in projects."""
        self.act(
            Kind.USERS,
            "create",
            {"name": name, "email": f"{name}@example.com", "serviceRole": service},
            hashes={"password": digest_of(PASSWORD)},
        )
        for project, role in roles.items():
            document = self.get(Kind.PROJECTS, name=project)
            lists = {key: document[key] for key in ("administrators", "members", "viewers")}
            lists[role].append({"email": name})
            self.act(Kind.PROJECTS, "patch", lists, id=document["id"])
        return name

    def docker_endpoint(self, name: str = "hub", repo: str = "acme/web", **more: Any) -> dict[str, Any]:
        """A Docker Hub endpoint with a password."""
        properties = {"serverType": "DockerHub", "repoURL": repo, "username": "acme", "password": "*****"}
        return self.act(
            Kind.ENDPOINTS,
            "create",
            {"name": name, "project": "default", "type": "docker", "properties": properties, **more},
            sealed=self.sealed(properties__password="dckr_pat_secret"),
        )

    def webhook(self, name: str = "web", token: str = "first-token", **body: Any) -> dict[str, Any]:
        """A webhook with a secure token."""
        return self.act(
            Kind.WEBHOOKS,
            "create",
            {"name": name, "project": "default", "secretToken": "*****", **body},
            hashes={"secretToken": token_hash(token)},
            sealed=self.sealed(secretToken=token),
        )

    def pipeline(self, name: str = "Deploy web", *, enabled: bool = True, **body: Any) -> dict[str, Any]:
        """A small pipeline."""
        return self.act(
            Kind.PIPELINES,
            "create",
            {**PIPELINE, "name": name, "enabled": enabled, **body},
            options={"keepEnabled": True},
        )


PIPELINE: dict[str, Any] = {
    "project": "default",
    "kind": "PIPELINE",
    "name": "Deploy web",
    "options": ["DOCKER_TRIGGER"],
    "supersede": "queue-latest",
    "input": {"namespace": "web", "DOCKER_TAG": ""},
    "_inputMeta": {"namespace": {"description": "where", "mandatory": True}},
    "stageOrder": ["Deploy"],
    "stages": {
        "Deploy": {
            "taskOrder": ["Apply"],
            "tasks": {
                "Apply": {
                    "type": "K8S",
                    "endpoints": {"kubernetesServer": "cluster"},
                    "input": {
                        "action": "APPLY",
                        "timeout": 5,
                        "yaml": "image: acme/web:${input.DOCKER_TAG}\nkey: ${var.greeting}\n",
                    },
                }
            },
        }
    },
}
