"""Two databases: a store with a catalog that is a dictionary, and an office with the real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select

from services.config.accounts import passwords
from services.config.model.triggers import Actor, MatchWebhook, RunnablePipeline
from services.config.store import Reading, Store, UnitOfWork
from services.config.tables import catalog, ledger, machinery
from services.config.tables.base import Base
from shared.contracts.mirror import MirrorReport
from shared.contracts.runs import ResolvedEndpoint, ResolvedVariable
from shared.grammar.plan import Plan
from tests.integration.config.office import Office
from tests.support import postgres

assert catalog and ledger and machinery

CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
CHEAP_NOBODY = CHEAP_HASHER.hash("nobody's")


class Clock:
    """A clock that moves when told to, and a microsecond each time it is asked."""

    def __init__(self) -> None:
        self.at = 1_790_000_000.0

    def __call__(self) -> float:
        self.at += 1e-6
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """An empty database with all tables; no batch is ever too long for it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/portside.db"
    else:
        url = postgres.empty_database(request.getfixturevalue("postgres_url"))
    made = Store(url, clock=clock, ticks=lambda: 0.0)
    Base.metadata.create_all(made.writer)
    yield made
    made.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def office(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """A new installation: project default, user admin. argon2 is real and as cheap as it can be."""
    monkeypatch.setattr(passwords, "_HASHER", CHEAP_HASHER)
    monkeypatch.setattr(passwords, "_NOBODY", CHEAP_NOBODY)
    url = None
    if request.param == "postgresql":
        url = postgres.empty_database(request.getfixturevalue("postgres_url"))
    opened = Office(tmp_path, url)
    yield opened
    opened.store.close()


def pipeline(name: str = "Deploy web", **tree: Any) -> RunnablePipeline:
    """A pipeline of three tasks in two stages."""
    whole: dict[str, Any] = {
        "name": name,
        "project": "default",
        "options": ["DOCKER_TRIGGER"],
        "supersede": "queue-latest",
        "input": {"DOCKER_TAG": "", "replicas": "2"},
        "stageOrder": ["Build", "Deploy"],
        "stages": {
            "Build": {
                "taskOrder": ["Check,Scan"],
                "tasks": {
                    "Check": {"type": "Condition", "input": {"condition": "1 == 1"}},
                    "Scan": {"type": "Condition", "input": {"condition": "1 == 1"}},
                },
            },
            "Deploy": {"taskOrder": ["Apply"], "tasks": {"Apply": {"type": "K8S", "input": {"action": "APPLY"}}}},
        },
        **tree,
    }
    return RunnablePipeline(
        id=f"pipeline-{name}", project="default", name=name, version=1, state="ENABLED", tree=whole, concurrency=10
    )


def webhook(**change: Any) -> MatchWebhook:
    """A webhook on acme/web that starts Deploy web."""
    plain = MatchWebhook(
        id="webhook-1",
        project="default",
        name="web pushes",
        enabled=True,
        pipeline="Deploy web",
        registry_host="docker.io",
        repository="acme/web",
        image_pattern="",
        tag_pattern="",
        exclude=(),
        input={},
        actor=Actor("ann"),
    )
    return replace(plain, **change)


@dataclass
class Definitions:
    """The catalog's part, in memory."""

    webhooks: dict[str, MatchWebhook] = field(default_factory=dict)
    """By token hash."""
    pipelines: dict[str, RunnablePipeline] = field(default_factory=dict)

    def webhook(self, uow: Reading, *, token_hash: str = "", webhook_id: str = "") -> MatchWebhook | None:
        if token_hash:
            return self.webhooks.get(token_hash)
        return next((one for one in self.webhooks.values() if one.id == webhook_id), None)

    def pipeline(self, uow: Reading, project: str, name: str) -> RunnablePipeline | None:
        return self.pipelines.get(name)

    def resolve(
        self, uow: Reading, project: str, plan: Plan, inputs: Mapping[str, Any]
    ) -> tuple[dict[str, ResolvedEndpoint], dict[str, ResolvedVariable]]:
        return {}, {}

    def report(self, uow: UnitOfWork, said: MirrorReport) -> None:
        raise AssertionError("not asked here")


@pytest.fixture
def definitions() -> Definitions:
    return Definitions({"token": webhook()}, {"Deploy web": pipeline()})


def count(store: Store, table: str) -> int:
    """How many rows a table has."""
    with store.read() as uow:
        return int(uow.session.execute(select(func.count()).select_from(Base.metadata.tables[table])).scalar_one())
