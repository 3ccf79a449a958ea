"""The `portside` command signs in, runs, watches and steers, against a running system."""

from __future__ import annotations

import os
import pty
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import system
from cli.portside.ending import ExitCode
from tests.support.patience import PATIENCE_S
from tests.support.world import World, wait_for

from .portside_command import Command

PIPELINES = """\
---
kind: PIPELINE
project: default
name: cli checks
enabled: true
input: {value: ''}
stageOrder: [First, Second]
stages:
  First:
    taskOrder: [Say]
    tasks:
      Say: {type: Log, input: {message: "value is ${input.value}"}}
  Second:
    taskOrder: [Check]
    tasks:
      Check: {type: Condition, input: {condition: '${input.value} != "no"'}}
---
kind: PIPELINE
project: default
name: cli asks
enabled: true
stageOrder: [Only]
stages:
  Only:
    taskOrder: [Ask]
    tasks:
      Ask: {type: UserOperation, input: {approvers: [], summary: "Deploy?", expiration: 1}}
"""


@pytest.fixture(scope="module")
def command(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """Signed in by password."""
    signed_in = Command(tmp_path_factory.mktemp("command"))
    password = world.layout.password_file.read_text()
    certificate = ("--certificate", world.layout.certificate)
    done = signed_in.run(
        "login", world.layout.url, "--user", system.ADMIN, "--password-stdin", *certificate, text=password
    )
    assert done.returncode == 0 and done.stdout == "" and "Signed in" in done.stderr, done.stderr
    world.client.import_yaml(PIPELINES)
    yield signed_in
    signed_in.run("logout")


def test_signing_in_leaves_a_token_that_only_the_owner_reads_and_signing_out_revokes_it(
    world: World, tmp_path: Path
) -> None:
    password = world.layout.password_file.read_text().strip()
    own = Command(tmp_path)
    words = ("login", world.layout.url, "--name", "here", "--user", "admin", "--password-stdin")
    untrusted = own.run(*words, text=password)
    assert untrusted.returncode == ExitCode.UNREACHABLE and "--certificate" in untrusted.stderr
    done = own.run(*words, "--certificate", world.layout.certificate, text=password)
    assert done.returncode == 0, done.stderr
    file = tmp_path / "contexts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and password not in file.read_text()
    before = {token["id"] for token in world.client.documents("/api-tokens")}
    assert "admin" in own.out("whoami") and own.out("contexts", "list", "-o", "name") == "here\n"
    assert own.run("logout").returncode == 0
    after = {token["id"] for token in world.client.documents("/api-tokens")}
    assert len(before - after) == 1
    gone = own.run("whoami")
    assert gone.returncode == ExitCode.NOT_ALLOWED and "portside login" in gone.stderr


def test_a_wrong_password_and_a_wrong_token_are_refused(world: World, tmp_path: Path) -> None:
    own = Command(tmp_path, {"REQUESTS_CA_BUNDLE": world.layout.certificate})
    wrong = own.run("login", world.layout.url, "--user", "nobody-of-that-name", "--password-stdin", text="wrong\n")
    assert wrong.returncode == ExitCode.NOT_ALLOWED and not (tmp_path / "contexts.json").exists()
    build = own.run("whoami", PORTSIDE_URL=world.layout.url, PORTSIDE_TOKEN="wrong")
    assert build.returncode == ExitCode.NOT_ALLOWED and "PORTSIDE_TOKEN is not a good API token" in build.stderr


def test_a_build_signs_in_by_its_environment(world: World, tmp_path: Path) -> None:
    made = world.client.post("/api-tokens", {"name": "build of the command"})
    own = Command(tmp_path, {"REQUESTS_CA_BUNDLE": world.layout.certificate})
    done = own.run("whoami", "-o", "name", PORTSIDE_URL=world.layout.url, PORTSIDE_TOKEN=made["token"])
    world.client.delete(f"/api-tokens/{made['id']}")
    assert (done.returncode, done.stdout) == (0, "admin\n"), done.stderr


@pytest.mark.parametrize(("value", "code"), [("yes", 0), ("no", ExitCode.EXECUTION_FAILED)])
def test_run_waits_and_its_exit_code_says_how_it_ended(command: Command, value: str, code: int) -> None:
    done = command.run("run", "cli checks", "-i", f"value={value}", "--wait")
    assert done.returncode == code, done.stderr
    (page,) = done.stdout.splitlines()
    run_id = page.rpartition("/")[2]
    assert command.json("executions", "get", run_id)["input"]["value"] == value
    assert "Second / Check" in done.stderr


def test_a_run_that_takes_too_long_is_left_running_and_can_be_cancelled(command: Command) -> None:
    done = command.run("run", "cli asks", "--wait", "--timeout", "1")
    assert done.returncode == ExitCode.STILL_RUNNING, done.stderr
    run_id = done.stdout.strip().rpartition("/")[2]
    asked = command.run("executions", "cancel", run_id)
    assert asked.returncode == ExitCode.USAGE and "--yes" in asked.stderr
    assert command.run("executions", "cancel", run_id, "--yes", "--reason", "a test").returncode == 0
    assert command.run("executions", "watch", run_id).returncode == ExitCode.EXECUTION_CANCELED


def test_ctrl_c_leaves_the_run_and_says_how_to_watch_it_again(command: Command) -> None:
    waiting = command.start("run", "cli asks", "--wait")
    assert waiting.stdout is not None
    run_id = waiting.stdout.readline().strip().rpartition("/")[2]
    wait_for(lambda: command.json("executions", "get", run_id)["status"] == "WAITING" or None, "the run to wait")
    waiting.send_signal(signal.SIGINT)
    _, error = waiting.communicate(timeout=PATIENCE_S)
    assert waiting.returncode == ExitCode.INTERRUPTED and f"portside executions watch {run_id}" in error
    command.out("executions", "cancel", run_id, "--yes")


def test_ctrl_c_at_a_terminal_asks_whether_to_cancel_too(command: Command) -> None:
    leader, follower = pty.openpty()
    waiting = command.start("run", "cli asks", "--wait", stdin=follower)
    os.close(follower)
    assert waiting.stdout is not None
    run_id = waiting.stdout.readline().strip().rpartition("/")[2]
    wait_for(lambda: command.json("executions", "get", run_id)["status"] == "WAITING" or None, "the run to wait")
    waiting.send_signal(signal.SIGINT)
    os.write(leader, b"y\n")
    _, error = waiting.communicate(timeout=PATIENCE_S)
    os.close(leader)
    assert "Cancel cli asks#" in error and waiting.returncode == ExitCode.INTERRUPTED
    assert command.run("executions", "watch", run_id).returncode == ExitCode.EXECUTION_CANCELED


def test_what_a_list_is_asked_for_is_what_it_has(command: Command) -> None:
    command.run("run", "cli checks", "-i", "value=no", "--wait")
    failed = command.json("executions", "list", "--pipeline", "cli checks", "--status", "failed")
    assert failed and {(run["name"], run["status"]) for run in failed} == {("cli checks", "FAILED")}
    names = command.out("executions", "list", "--pipeline", "cli checks", "--limit", "1", "-o", "name")
    assert names.splitlines() == [failed[0]["id"]]
    table = command.out("executions", "list", "--pipeline", "cli checks").splitlines()
    assert table[0].startswith("EXECUTION") and f"cli checks#{failed[0]['index']}" in table[1]
    assert "\x1b" not in "".join(table)
    assert "BY" in command.out("executions", "list", "-o", "wide") and command.out("executions", "list", "-o", "yaml")
    unknown = command.run("executions", "list", "--project", "no-such-project")
    assert unknown.returncode == ExitCode.NOT_FOUND and "no project no-such-project" in unknown.stderr


def test_an_execution_is_named_by_number_or_as_the_newest_of_its_pipeline(command: Command) -> None:
    command.run("run", "cli checks", "-i", "value=newest", "--wait")
    newest = command.json("executions", "get", "cli checks")
    assert newest["input"]["value"] == "newest"
    assert command.json("executions", "get", f"cli checks#{newest['index']}")["id"] == newest["id"]
    shown = command.out("executions", "get", newest["id"])
    assert "First / Say" in shown and f"/executions/{newest['id']}" in shown
    missing = command.run("executions", "get", "cli checks#99999")
    assert missing.returncode == ExitCode.NOT_FOUND and missing.stderr.startswith("error: ")


def test_logs_are_printed_and_followed_to_the_end(command: Command) -> None:
    started = command.out("run", "cli checks", "-i", "value=printed").strip().rpartition("/")[2]
    followed = command.out("executions", "logs", "-f", started)
    assert "First.Say | value is printed" in followed.splitlines()
    assert command.out("executions", "logs", started, "--task", "First.Say") == "value is printed\n"
    missing = command.run("executions", "logs", started, "--task", "Third")
    assert missing.returncode == ExitCode.NOT_FOUND


def test_a_run_is_paused_resumed_and_run_again_from_a_stage(command: Command) -> None:
    started = command.out("run", "cli asks").strip().rpartition("/")[2]
    wait_for(lambda: command.json("executions", "get", started)["status"] == "WAITING" or None, "the run to wait")
    command.out("executions", "pause", started)
    command.out("executions", "resume", started)
    command.out("executions", "cancel", started, "--yes")
    failed = command.run("run", "cli checks", "-i", "value=no", "--wait")
    run_id = failed.stdout.strip().rpartition("/")[2]
    done = command.run("executions", "rerun", run_id, "--from", "failed", "-i", "value=yes", "--wait")
    assert done.returncode == 0, done.stderr
    again = command.json("executions", "get", done.stdout.strip().rpartition("/")[2])
    assert again["_rerunOf"] == run_id and again["status"] == "COMPLETED"


def test_watch_prints_again_only_when_something_changed(command: Command) -> None:
    watching = command.start("executions", "list", "--pipeline", "cli checks", "--limit", "1", "-o", "name", "--watch")
    assert watching.stdout is not None
    first = watching.stdout.readline().strip()
    started = command.out("run", "cli checks", "-i", "value=watched").strip().rpartition("/")[2]
    assert watching.stdout.readline().strip() == started != first
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=PATIENCE_S)
    assert watching.returncode == ExitCode.INTERRUPTED


def test_why_and_events_say_what_became_of_a_push(world: World, command: Command) -> None:
    world.push("7.0.1")
    wait_for(lambda: world.events(tag="7.0.1", state="judged") or None, "the verdict")
    assert "started: Started Deploy web" in command.out("why", "acme/web:7.0.1")
    # A webhook without a repository, which other tests leave in this world, may be for any.
    silent = ("No webhook that you can see is for acme/nothing", "No delivery of acme/nothing was received")
    assert command.out("why", "acme/nothing").startswith(silent)
    (event,) = command.json("events", "list", "--image", "acme/web:7.0.1", "--verdict", "started")
    assert event["webhook"] == "acme-web"
    assert command.json("events", "get", event["id"])["payload"]["push_data"]["tag"] == "7.0.1"
    again = command.json("events", "rerun", event["id"])
    assert again["rerunOf"] == event["id"]


def test_a_test_delivery_says_which_hop_failed(world: World, command: Command) -> None:
    """Here the first one: the runner does not trust the certificate that this system serves."""
    before = len(world.executions(name="Deploy web"))
    done = command.run("push", "acme/web:8.0.0", "--webhook", "acme-web")
    assert done.returncode == ExitCode.FAILED and "certificate is not trusted" in done.stderr
    assert "address reachable  failed" in done.stdout and "Not tried" in done.stdout
    assert len(world.executions(name="Deploy web")) == before
    assert command.run("push", "acme/web", "--webhook", "acme-web").returncode == ExitCode.USAGE
    assert command.run("push", "acme/web:1", "--webhook", "none-such").returncode == ExitCode.NOT_FOUND
