"""Where the world reaches us: changed while running, and what Docker Hub cannot call is said."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.accounts.callers import load_person
from services.config.catalog.context import Context
from services.config.catalog.hooks import public_url, wanted
from services.config.catalog.options import Options
from services.config.resources.dispatch import ResourceDispatcher
from services.config.resources.registry import Catalog
from services.config.settings import Settings
from shared.contracts.catalog import Kind
from shared.contracts.mirror import WantedAsk, WantedHook
from shared.contracts.problems import Code, Refused
from shared.grammar.repositories import DOCKER_HUB
from tests.integration.config.office import Office


def hooks(office: Office) -> list[WantedHook]:
    with office.store.read() as uow:
        return list(wanted.wanted(uow, WantedAsk()).hooks)


def move(office: Office, url: str, by: str = "admin") -> dict[str, Any]:
    return office.act(Kind.SETTINGS, "patch", {"publicUrl": url}, by=by)


def test_all_hooks_move_to_a_changed_address(office: Office) -> None:
    office.docker_endpoint()
    made = office.webhook(endpoint="hub")
    office.recorder.promised.clear()
    said = move(office, "https://elsewhere.example.com/")
    assert (said["publicUrl"], said["notices"]) == ("https://elsewhere.example.com", [])
    (hook,) = hooks(office)
    assert hook.generation == 2
    assert hook.url_base == "https://elsewhere.example.com/pipelines/api/docker-hub-webhooks?secureToken="
    assert office.promised == ["mirror.pass.v1"]
    shown = office.get(Kind.WEBHOOKS, made["id"])
    assert shown["hookUrl"].startswith("https://elsewhere.example.com/")
    assert shown["history"][0]["what"].startswith("The public address changed to https://elsewhere.example.com")


LOCAL = "https://portside.example.com"
"""This machine's own address in these tests."""


def restart(office: Office, public_url: str = "", local_url: str = LOCAL) -> dict[str, Any]:
    """Config starts again with another environment; the settings as the API then shows them."""
    options = Options(Settings(public_url=public_url, local_url=local_url))
    catalog = Catalog(Context(office.sealer.seal, options))
    office.desk = ResourceDispatcher(office.store, catalog.resources(), load_person)
    with office.store.write() as uow:
        catalog.start(uow)
    return office.get(Kind.SETTINGS)


def test_the_environments_address_counts_and_cannot_be_changed_while_it_is_set(office: Office) -> None:
    move(office, "https://elsewhere.example.com")
    shown = restart(office, "https://cd.example.com")
    assert (shown["publicUrl"], shown["fromEnvironment"]) == (
        "https://cd.example.com",
        {"publicUrl": "PUBLIC_URL"},
    )
    with pytest.raises(Refused) as caught:
        move(office, "https://elsewhere.example.com")
    problem = caught.value.problem
    assert (problem.code, problem.subject) == (Code.CONFLICT, "publicUrl")
    assert "PUBLIC_URL" in problem.message and "PUBLIC_URL" in problem.next_step
    # What a client read it may send back.
    assert move(office, "https://cd.example.com/")["publicUrl"] == "https://cd.example.com"
    assert restart(office, "https://cd.example.com")["publicUrl"] == "https://cd.example.com"


def test_an_address_that_the_environment_no_longer_says_stays_and_can_be_changed(office: Office) -> None:
    restart(office, "https://cd.example.com")
    shown = restart(office)
    assert (shown["publicUrl"], shown["fromEnvironment"]) == ("https://cd.example.com", {})
    move(office, "https://elsewhere.example.com")
    assert restart(office, local_url="http://127.0.0.1:9090")["publicUrl"] == "https://elsewhere.example.com"


def test_an_address_that_nobody_chose_is_this_machines_own_and_follows_it(office: Office) -> None:
    office.docker_endpoint()
    office.webhook(endpoint="hub")
    assert restart(office)["publicUrl"] == LOCAL
    assert restart(office, public_url=LOCAL)["fromEnvironment"] == {}
    assert restart(office, local_url="https://127.0.0.1:9090")["publicUrl"] == "https://127.0.0.1:9090"
    assert hooks(office)[0].generation == 2


@pytest.mark.parametrize(
    "url",
    ["", "portside.example.com", "ftp://x.example.com", "https://x.example.com/?a=b", "https://x.example.com/portside"],
)
def test_what_is_no_address_is_refused(office: Office, url: str) -> None:
    with pytest.raises(Refused) as caught:
        move(office, url)
    assert caught.value.problem.code is Code.INVALID


def test_only_administrators_change_it(office: Office) -> None:
    office.user("ann", default="administrators")
    with pytest.raises(Refused) as caught:
        move(office, "https://x.example.com", by="ann")
    assert caught.value.problem.code is Code.FORBIDDEN


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("", True),
        ("http://127.0.0.1:8080", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("https://192.168.1.7", True),
        ("https://10.1.2.3", True),
        ("https://169.254.1.1", True),
        ("https://100.64.0.1", True),
        ("https://build-server", True),
        ("https://laptop.local", True),
        ("https://portside.example.com", False),
        ("https://8.8.8.8", False),
    ],
)
def test_what_docker_hub_cannot_reach(url: str, local: bool) -> None:
    assert public_url.is_local(url) is local
    assert bool(public_url.why_unreachable(url, DOCKER_HUB)) is local
    assert public_url.why_unreachable(url, "http://127.0.0.1:9000") == ""


def test_a_webhook_that_docker_hub_cannot_reach_says_so_and_offers_what_works(office: Office) -> None:
    office.docker_endpoint()
    move(office, "http://127.0.0.1:8080")
    made = office.webhook(endpoint="hub")
    assert (made["reachable"], made["offers"]) == (False, ["look", "tunnel"])
    assert made["notices"][0].startswith("Docker Hub cannot reach http://127.0.0.1:8080.")
    looks = office.act(Kind.WEBHOOKS, "patch", {"mode": "look"}, id=made["id"])
    assert (looks["reachable"], looks["offers"], looks["notices"]) == (True, [], [])


def test_plain_http_is_said_to_carry_the_token_in_clear(office: Office) -> None:
    office.docker_endpoint()
    move(office, "http://portside.example.com")
    made = office.webhook(endpoint="hub")
    assert made["reachable"] is True
    assert "travels in clear" in made["notices"][0]
