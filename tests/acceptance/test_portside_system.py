"""The commands beside a running system: its keys, links and passwords, and messages that could not be processed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import system
from cli.portside.api import ApiError, Client
from cli.portside.ending import ExitCode
from tests.support.letters import publish, quarantine_hook
from tests.support.world import World, wait_for

from .portside_command import Command


@pytest.fixture
def command(world: World, tmp_path: Path) -> Command:
    """On the machine of the system, with the environment of its processes; signed in."""
    on_the_machine = Command(tmp_path, {**world.environment, "REQUESTS_CA_BUNDLE": world.layout.certificate})
    on_the_machine.environment["PAGE_URL"] = world.layout.url
    words = ("login", world.layout.url, "--name", "here", "--user", system.ADMIN, "--password-stdin")
    done = on_the_machine.run(*words, text=world.layout.password_file.read_text())
    assert done.returncode == 0, done.stderr
    return on_the_machine


def test_keys_that_are_there_stay(world: World, command: Command) -> None:
    keys = {file: file.read_bytes() for file in (world.layout.home / "keys").iterdir()}
    assert keys and "keys are in" in command.out("system", "init")
    assert {file: file.read_bytes() for file in (world.layout.home / "keys").iterdir()} == keys


def test_a_link_signs_in_once(world: World, command: Command) -> None:
    link = command.out("system", "link").strip()
    client = Client(world.layout.url, certificate=world.layout.certificate)
    client.sign_in_by_link(link)
    assert client.get("/user-preferences")
    with pytest.raises(ApiError, match="was not accepted"):
        client.sign_in_by_link(link)


def test_a_forgotten_password_is_set_on_the_machine(world: World, command: Command) -> None:
    world.client.post("/users", {"name": "cli-forgot", "password": "a first long password"})
    client = Client(world.layout.url, certificate=world.layout.certificate)
    command.out("system", "password", "--user", "cli-forgot", text="another long password\n")
    client.sign_in("cli-forgot", "another long password")
    with pytest.raises(ApiError):
        client.sign_in("cli-forgot", "a first long password")
    assert command.out("system", "local-sign-in", "on") == "sign-in by password is on\n"


def test_contexts_are_changed_and_forgotten(world: World, command: Command) -> None:
    command.out("contexts", "use", "here", "--project", "elsewhere")
    assert command.json("contexts", "list")[0]["project"] == "elsewhere"
    assert command.run("contexts", "use", "none-such").returncode != ExitCode.DONE
    command.out("logout")
    command.out("contexts", "delete", "here")
    assert command.json("contexts", "list") == []


def test_dead_letters_are_counted_read_sent_again_and_discarded(world: World, command: Command) -> None:
    publish(world, "config.hooks", b"{not a message", "unreadable-by-command")
    (delivery,) = world.push("8.1.0")["deliveries"]
    hook = world.hub_state()["deliveries"][delivery["number"]]["url"]
    quarantine_hook(world, hook, "8.1.1", "requeued-by-command")

    def both() -> dict[str, str] | None:
        letters = {row["queue"]: row["id"] for row in command.json("queues", "letters")}
        return letters if len(letters) == 2 else None

    letters = wait_for(both, "two dead letters")
    listed = command.run("queues", "list", "--waiting")
    assert "2 dead letters, the oldest from" in listed.stderr and "portside queues letters" in listed.stderr
    unreadable = letters.pop("config.hooks")
    refused = command.run("queues", "requeue", unreadable)
    assert refused.returncode == ExitCode.FAILED and "Nobody knows messages of type" in refused.stderr
    assert command.run("queues", "discard", unreadable).returncode == ExitCode.USAGE
    command.out("queues", "discard", unreadable, "--yes")
    command.out("queues", "requeue", *letters.values())
    wait_for(lambda: world.events(tag="8.1.1") or None, "the hook that was sent again")
    assert command.json("queues", "letters") == []
    assert {row["id"] for row in command.json("queues", "letters", "--state", "discarded")} == {unreadable}
