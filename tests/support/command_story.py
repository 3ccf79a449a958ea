"""One story that uses every command of `portside`, for any system in which the demo's push of 1.4.0 was deployed.

The acceptance tests look closely at what each command does; the story shows that each one works with a system however
it was started.
"""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from cli.portside.ending import ExitCode
from cli.portside.root import main

ROOT = Path(__file__).resolve().parents[2]
RunMachine = Callable[[str, str], str]
"""Runs a command line on the system's machine, with that standard input; answers what it printed."""
DEFINITIONS = """\
---
kind: PROJECT
name: story
---
kind: ENDPOINT
project: story
name: away
type: git
properties: {serverType: GIT, repoURL: "https://git.invalid/acme/config.git", authType: none}
---
kind: PIPELINE
project: default
name: story checks
enabled: true
input: {value: ''}
stageOrder: [Only]
stages:
  Only:
    taskOrder: [Check]
    tasks:
      Check: {type: Condition, input: {condition: '${input.value} != "no"'}}
---
kind: PIPELINE
project: default
name: story asks
enabled: true
stageOrder: [Only]
stages:
  Only:
    taskOrder: [Ask]
    tasks:
      Ask: {type: UserOperation, input: {approvers: [], summary: "Deploy?", expiration: 1}}
"""


@dataclass(frozen=True)
class Line:
    """One command line. `{name}` in it is what an earlier line kept, or what the story was given."""

    words: str
    prints: str = ""
    """What its output holds; a regular expression."""
    code: int = 0
    typed: str = ""
    keeps: str = ""
    """Name under which the last word of its first line is kept, or the id at the end of an address there."""
    waits: bool = False
    """Is repeated until it prints that."""
    calls_hook: bool = False
    """Fails, with its report, where a runner cannot reach the address of the hooks."""


CLIENT = (
    Line("login {url} --name story --user admin --password-stdin", "Signed in", typed="{password}"),
    Line("whoami -o name", "^admin$"),
    Line("contexts list -o name", "^story$"),
    Line("contexts use story --project default"),
    Line("completion bash", "_portside_completion"),
    Line("doctor", "sign-in +ok", calls_hook=True),
    # What the demo defined and pushed.
    Line("projects list -o name", "^default$"),
    Line("endpoints list -o name", "^cluster$"),
    Line("endpoints get cluster", "k8s"),
    Line("endpoints validate cluster"),
    Line("webhooks list -o name", "^acme-web$"),
    Line("webhooks get acme-web", "acme/web"),
    Line("webhooks test acme-web --tag 1.4.2", "address reachable +{reachable}", calls_hook=True),
    Line("push acme/web:1.4.2 --webhook acme-web", "address reachable +{reachable}", calls_hook=True),
    Line("pipelines list -o name", "^Deploy web$"),
    Line("why acme/web:1.4.0", "started: Started Deploy web"),
    Line("events list --image acme/web:1.4.0 --verdict started -o name", keeps="event"),
    Line("events get {event}", "1.4.0"),
    Line("events rerun {event} --anyway"),
    Line("live --look", "acme/web:1.4.0"),
    # Definitions as files.
    Line("apply -f {folder}/story.yaml --dry-run", "create .*story asks"),
    Line("apply -f {folder}/story.yaml --yes", "CREATED"),
    Line("diff -f {folder}/story.yaml"),
    Line("export pipelines 'story checks'", "kind: PIPELINE"),
    Line("import {folder}/story.yaml --action update", "UPDATED"),
    Line("pipelines get 'story checks'", "stageOrder"),
    Line("pipelines disable 'story checks'"),
    Line("pipelines enable 'story checks'"),
    Line("variables set story-secret --secret", typed="very-secret-value"),
    Line("variables list", r"story-secret.*\*\*\*\*\*"),
    Line("variables delete story-secret --yes"),
    Line("projects follow story --endpoint away"),
    Line("projects sync story", code=ExitCode.FAILED),
    Line("projects status story", "AWAY"),
    Line("projects unfollow story --yes"),
    # Executions.
    Line("pipelines run 'story checks' -i value=yes --wait", "COMPLETED"),
    Line("run 'story checks' -i value=no --wait", "FAILED", code=ExitCode.EXECUTION_FAILED, keeps="failed"),
    Line("executions list --pipeline 'story checks' -o name", "^{failed}$"),
    Line("executions get {failed}", "Only / Check"),
    Line("executions watch {failed}", code=ExitCode.EXECUTION_FAILED),
    Line("executions rerun {failed} --from failed -i value=yes --wait", "COMPLETED", keeps="again"),
    Line("executions logs {again}"),
    Line("run 'story asks'", keeps="approved"),
    Line("approvals list", r"story asks#1 .*Deploy\?", waits=True),
    Line("approve 'story asks#1' -m 'by the story'", "Approved: story asks#1"),
    Line("executions watch {approved}"),
    Line("run 'story asks'", keeps="rejected"),
    Line("approvals list", r"story asks#2 .*Deploy\?", waits=True),
    Line("reject 'story asks#2'", "Rejected: story asks#2"),
    Line("executions watch {rejected}", code=ExitCode.EXECUTION_FAILED),
    Line("run 'story asks'", keeps="paused"),
    Line("executions pause {paused}"),
    Line("executions resume {paused}"),
    Line("executions cancel {paused} --yes"),
    Line("executions watch {paused}", code=ExitCode.EXECUTION_CANCELED),
    # The system and its people.
    Line("users add story-ann --email ann@example.com", typed="a first long password"),
    Line("users list -o name", "^story-ann$"),
    Line("users password story-ann", typed="another long password"),
    Line("tokens create story --days 1"),
    Line("tokens list -o name"),
    Line("tokens delete story --yes"),
    Line("queues list", r"config\.hooks"),
    Line("queues letters"),
    Line("queues requeue none-such", code=ExitCode.NOT_FOUND),
    Line("queues discard none-such --yes", code=ExitCode.NOT_FOUND),
    Line("webhooks rotate acme-web --yes", "secureToken="),
    Line("logout"),
    Line("contexts delete story"),
)
EDIT = "pipelines edit 'story checks'"
"""Needs a terminal, and so a process of its own."""
MACHINE = (
    Line("system link", "/sign-in\\?code="),
    Line("system local-sign-in on", "sign-in by password is on"),
    Line("system password --user story-ann", typed="a third long password"),
    Line("system init", "keys are in|exist"),
    Line("system backup {backup}"),
    Line("system verify {backup}", "sealed secrets need key"),
)


def command_lines() -> list[str]:
    """Every command line of the story."""
    return [line.words for line in (*CLIENT, *MACHINE)] + [EDIT]


def play(
    url: str, password: str, folder: Path, on_machine: RunMachine, backup: str, *, hook_is_reachable: bool = True
) -> None:
    """Take every step; the first that ends otherwise fails the test.

    `folder` is an empty one of this machine; `backup` is where the system's machine may write a file;
    `hook_is_reachable` is whether a runner can call the address that registries call.
    """
    (folder / "story.yaml").write_text(DEFINITIONS)
    kept = {"url": url, "password": password, "folder": str(folder), "backup": backup}
    kept["reachable"] = "ok" if hook_is_reachable else "failed"
    environment = {"PORTSIDE_CONFIG": str(folder / "contexts.json"), "no_proxy": "*", "NO_COLOR": "1"}
    signed_in, last = CLIENT[:-2], CLIENT[-2:]
    _take(signed_in, kept, environment)
    _edit(folder, environment)
    for line in MACHINE:
        printed = on_machine(_filled(line.words, kept), line.typed)
        assert re.search(line.prints, printed), f"{line.words}: {printed}"
    _take(last, kept, environment)


def _take(lines: Iterable[Line], kept: dict[str, str], environment: dict[str, str]) -> None:
    for line in lines:
        words = shlex.split(_filled(line.words, kept))
        deadline = time.monotonic() + 60
        while True:
            done = CliRunner().invoke(main, words, input=_filled(line.typed, kept) + "\n", env=environment)
            printed = done.stdout + done.stderr
            code = ExitCode.FAILED if line.calls_hook and kept["reachable"] == "failed" else line.code
            is_right = done.exit_code == code and re.search(_filled(line.prints, kept), printed, re.MULTILINE)
            if is_right or not line.waits or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        assert is_right, f"portside {line.words}: {done.exit_code}\n{printed}"
        if line.keeps:
            kept[line.keeps] = done.stdout.splitlines()[0].rpartition("/")[2]


def _filled(text: str, kept: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda match: kept[match[1]], text)


def _edit(folder: Path, environment: dict[str, str]) -> None:
    editor = folder / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/value/edited/" "$1"\n')
    editor.chmod(0o755)
    leader, follower = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "cli", *shlex.split(EDIT)], cwd=ROOT, stdin=follower, stdout=follower, stderr=follower,
        env={**os.environ, **environment, "EDITOR": str(editor), "TERM": "xterm"}, timeout=60, check=False,
    )  # fmt: skip
    os.close(follower)
    printed = os.read(leader, 10_000).decode()
    os.close(leader)
    assert done.returncode == 0 and "Changed pipeline story checks" in printed, printed
