"""The `portside` command answers approvals, changes definitions and looks at the system, against a running one."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cli import system
from cli.portside.ending import ExitCode
from tests.support.world import World, wait_for

from .portside_command import ROOT, Command
from .test_portside_executions import PIPELINES

DEFINITIONS = """\
---
kind: VARIABLE
project: default
name: cli-greeting
type: REGULAR
value: hello
---
kind: PIPELINE
project: default
name: cli greets
enabled: true
stageOrder: [Only]
stages:
  Only:
    taskOrder: [Say]
    tasks:
      Say: {type: Log, input: {message: "${var.cli-greeting}"}}
"""


@pytest.fixture(scope="module")
def command(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    signed_in = Command(tmp_path_factory.mktemp("command"))
    done = signed_in.run(
        "login", world.layout.url, "--user", system.ADMIN, "--password-stdin",
        "--certificate", world.layout.certificate, text=world.layout.password_file.read_text(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    world.client.import_yaml(PIPELINES)
    yield signed_in
    signed_in.run("logout")


@pytest.mark.parametrize(("verb", "code"), [("approve", 0), ("reject", ExitCode.EXECUTION_FAILED)])
def test_an_approval_is_listed_and_answered(command: Command, verb: str, code: int) -> None:
    run_id = command.out("run", "cli asks").strip().rpartition("/")[2]

    def asked() -> str | None:
        rows = command.json("approvals", "list")
        return next((str(row["id"]) for row in rows if row["executionId"] == run_id), None)

    question = wait_for(asked, "the question")
    execution = command.json("executions", "get", run_id)
    assert "Deploy?" in command.out("approvals", "list")
    command.out(verb, f"cli asks#{execution['index']}" if verb == "approve" else question, "-m", "by a test")
    assert command.run("executions", "watch", run_id).returncode == code
    answered_again = command.run(verb, question)
    assert answered_again.returncode == ExitCode.FAILED and "settled before" in answered_again.stderr


def test_webhooks_are_shown_and_their_token_replaced(world: World, command: Command) -> None:
    assert "acme-web" in command.out("webhooks", "list", "-o", "name").splitlines()
    assert "secureToken=*****" in command.out("webhooks", "get", "acme-web")
    before = world.client.by_name("registry-webhooks", "default", "acme-web")["tokenLastUsedOn"]
    assert command.run("webhooks", "rotate", "acme-web").returncode == ExitCode.USAGE
    url = command.out("webhooks", "rotate", "acme-web", "--yes").strip()
    assert url.startswith(world.layout.url) and "*****" not in url, before
    tested = command.run("webhooks", "test", "acme-web", "--tag", "1.0.0", "-o", "json")
    assert tested.returncode == ExitCode.FAILED and '"hop": "address reachable"' in tested.stdout


def test_endpoints_are_tried_with_the_secrets_that_are_kept(command: Command) -> None:
    assert {"acme-web", "cluster"} <= set(command.out("endpoints", "list", "-o", "name").split())
    assert "token=*****" in command.out("endpoints", "get", "cluster")
    assert "takes the sign-in" in command.out("endpoints", "validate", "cluster")
    missing = command.run("endpoints", "validate", "none-such")
    assert missing.returncode == ExitCode.NOT_FOUND and "portside endpoints list" in missing.stderr


def test_a_secret_variable_is_set_from_standard_input_and_never_shown(command: Command) -> None:
    command.out("variables", "set", "cli-secret", "--secret", text="very-secret-value\n")
    command.out("variables", "set", "cli-plain", "one")
    command.out("variables", "set", "cli-plain", "two")
    shown = {row["name"]: row["value"] for row in command.json("variables", "list")}
    assert shown["cli-plain"] == "two" and shown["cli-secret"] == "*****"
    for name in ("cli-secret", "cli-plain"):
        command.out("variables", "delete", name, "--yes")
    assert command.run("variables", "delete", "cli-plain", "--yes").returncode == ExitCode.NOT_FOUND


def test_a_file_is_planned_applied_and_then_left_alone(command: Command, tmp_path: Path) -> None:
    folder = tmp_path / "definitions"
    folder.mkdir()
    file = folder / "greets.yaml"
    file.write_text(DEFINITIONS)
    plan = command.json("apply", "-f", str(folder), "--dry-run")
    assert [(row["action"], row["name"]) for row in plan] == [("create", "cli-greeting"), ("create", "cli greets")]
    unasked = command.run("apply", "-f", str(folder))
    assert unasked.returncode == ExitCode.USAGE and "--yes" in unasked.stderr
    assert "\ncreate  VARIABLE  cli-greeting" in f"\n{unasked.stderr}" and "\ufffd" not in unasked.stderr
    assert command.run("pipelines", "get", "cli greets").returncode == ExitCode.NOT_FOUND
    report = command.json("apply", "-f", str(folder), "--yes")
    assert [row["status"] for row in report] == ["CREATED", "CREATED"]
    assert command.run("diff", "-f", str(folder)).returncode == 0
    assert command.out("apply", "-f", str(folder), "--yes") == ""
    file.write_text(DEFINITIONS.replace("value: hello", "value: good day").replace("type: Log", "type: Jenkins"))
    differs = command.run("diff", "-f", str(folder))
    assert differs.returncode == ExitCode.DIFFERENT and "+value: good day" in differs.stdout
    changed = command.json("apply", "-f", str(folder), "--dry-run")
    assert [row["action"] for row in changed] == ["change", "change"]
    assert changed[1]["willNotRun"] == ["Only.Say: tasks of type Jenkins do not run here"]
    file.write_text("kind: ]\n")
    broken = command.run("apply", "-f", str(folder), "--yes")
    assert broken.returncode == ExitCode.USAGE and f"{file}:1:" in broken.stderr


def test_an_export_can_be_imported(command: Command, tmp_path: Path) -> None:
    text = command.out("export", "pipelines", "cli checks")
    (document,) = yaml.safe_load_all(text)
    assert (document["kind"], document["name"]) == ("PIPELINE", "cli checks")
    (tmp_path / "copy.yaml").write_text(text.replace("cli checks", "cli copies"))
    (row,) = command.json("import", str(tmp_path / "copy.yaml"), "--action", "create")
    assert (row["status"], row["name"]) == ("CREATED", "cli copies")
    again = command.run("import", str(tmp_path / "copy.yaml"), "--action", "create")
    assert again.returncode == ExitCode.FAILED and "already exists" in again.stdout
    assert len(list(yaml.safe_load_all(command.out("export")))) > 3


def test_a_pipeline_is_read_disabled_and_enabled(command: Command) -> None:
    assert "cli checks" in command.out("pipelines", "list", "-o", "name").splitlines()
    assert yaml.safe_load(command.out("pipelines", "get", "cli checks"))["stageOrder"] == ["First", "Second"]
    command.out("pipelines", "disable", "cli checks")
    refused = command.run("run", "cli checks")
    assert refused.returncode == ExitCode.FAILED and "disabled" in refused.stderr
    command.out("pipelines", "enable", "cli checks")
    assert command.run("pipelines", "run", "cli checks", "-i", "value=x", "--wait").returncode == 0


def test_a_pipeline_is_edited_in_the_editor_of_a_terminal(command: Command, tmp_path: Path) -> None:
    assert command.run("pipelines", "edit", "cli checks").returncode == ExitCode.USAGE
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/value is/the value is/" "$1"\n')
    editor.chmod(0o755)
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "cli", "pipelines", "edit", "cli checks"], cwd=ROOT, stdin=follower, stdout=follower,
        stderr=follower, env=command.variables(EDITOR=str(editor), TERM="xterm"), timeout=60, check=False,
    )  # fmt: skip
    os.close(follower)
    printed = os.read(leader, 10_000).decode()
    os.close(leader)
    assert done.returncode == 0 and "Changed pipeline cli checks" in printed
    assert "the value is" in command.out("pipelines", "get", "cli checks")


def test_users_and_tokens_are_made_and_removed(world: World, command: Command, tmp_path: Path) -> None:
    command.out("users", "add", "cli-ann", "--email", "ann@example.com", text="a-first-password\n")
    assert "cli-ann" in command.out("users", "list", "-o", "name").splitlines()
    command.out("users", "password", "cli-ann", text="another-password\n")
    ann = Command(tmp_path, {"REQUESTS_CA_BUNDLE": world.layout.certificate})
    signed_in = ann.run("login", world.layout.url, "--user", "cli-ann", "--password-stdin", text="another-password\n")
    assert signed_in.returncode == 0, signed_in.stderr
    refused = ann.run("users", "add", "cli-bob", text="whatever-it-is\n")
    assert refused.returncode == ExitCode.NOT_ALLOWED
    token = command.out("tokens", "create", "cli-token", "--days", "1").strip()
    build = command.run("whoami", "-o", "name", PORTSIDE_URL=world.layout.url, PORTSIDE_TOKEN=token,
                        REQUESTS_CA_BUNDLE=world.layout.certificate)  # fmt: skip
    assert build.stdout == "admin\n", build.stderr
    assert token not in command.out("tokens", "list", "-o", "json")
    command.out("tokens", "delete", "cli-token", "--yes")
    assert command.run("tokens", "delete", "cli-token", "--yes").returncode == ExitCode.NOT_FOUND


def test_live_queues_and_doctor_look_at_the_system(world: World, command: Command) -> None:
    world.push("7.1.0")
    world.ended("7.1.0")
    rows = command.json("live", "--look")
    assert any("acme/web:7.1.0" in row["images"][0] and row["_now"] == "same" for row in rows)
    depths = {queue["name"]: queue["ready"] for queue in command.json("queues", "list")}
    assert depths["config.hooks"] == 0
    assert command.out("queues", "list").splitlines()[0].split()[:3] == ["QUEUE", "READY", "UNACKED"]
    assert command.json("queues", "letters") == []
    checked = command.run("doctor", "-o", "json")
    assert checked.returncode == ExitCode.FAILED and "Traceback" not in checked.stderr
    hops = {row["hop"]: row for row in yaml.safe_load(checked.stdout)}
    assert hops["server"]["state"] == hops["sign-in"]["state"] == hops["k8s endpoint cluster"]["state"] == "ok"
    assert hops["webhook acme-web"]["state"] == "failed" and hops["webhook acme-web"]["nextStep"]


START = {
    "bash": (["bash", "--noprofile", "--norc", "-i"], 'eval "$(portside completion bash)"'),
    "zsh": (["zsh", "-f", "-i"], 'autoload -U compinit; compinit -u -D; eval "$(portside completion zsh)"'),
    "fish": (["fish", "--no-config"], "portside completion fish | source"),
}
"""How each shell is started, and the line of `portside completion --help` in its configuration."""
AT_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
"""Makes standard input the session's terminal, without which fish does not start."""


@pytest.mark.parametrize("shell", START)
def test_tab_completes_a_command_in_a_shell(command: Command, shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"needs {shell}: apt-get install {shell}")
    (tmp_path / "portside").write_text(f'#!/bin/sh\ncd {ROOT} && exec {sys.executable} -m cli "$@"\n')
    (tmp_path / "portside").chmod(0o755)
    words, loads = START[shell]
    leader, follower = pty.openpty()
    environment = command.variables(PATH=f"{tmp_path}:{os.environ['PATH']}", TERM="xterm", PS1="$ ")
    process = subprocess.Popen(
        [sys.executable, "-c", AT_TERMINAL, *words], stdin=follower, stdout=follower, stderr=follower,
        env=environment, cwd=tmp_path, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    shown = bytearray()

    def shows(text: str) -> bool | None:
        while select.select([leader], [], [], 0.05)[0]:
            part = os.read(leader, 4_096)
            shown.extend(part)
            if b"\x1b[c" in part:  # fish asks what the terminal is, and waits for the answer.
                os.write(leader, b"\x1b[?62c")
        return text.encode() in shown or None

    try:
        # The sum shows that the line has run: the line itself does not hold it.
        os.write(leader, f"{loads}; echo loaded-$(expr 40 + 2)\n".encode())
        wait_for(lambda: shows("loaded-42"), f"{shell} to load it")
        os.write(leader, b"portside execu\t--help\n")
        wait_for(lambda: shows("Usage: portside executions"), f"{shell} to complete execu")
    finally:
        process.kill()
        process.wait(10)
        os.close(leader)
