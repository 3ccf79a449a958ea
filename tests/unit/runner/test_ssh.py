"""SSH tasks without a server: what is read out of their input, and a script that never stops printing."""

from __future__ import annotations

from typing import Any, cast

import pytest

from services.runner.task_protocol import Done, Running, TaskFailed, TaskRequest
from services.runner.tasks import ssh
from shared.contracts.runs import Started
from tests.support.outbound import LOOPBACK


class Tools:
    """Keeps what is printed."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def log(self, line: str) -> None:
        self.lines.append(line)

    def now(self) -> float:
        return 0.0


def asked(**given: Any) -> TaskRequest:
    about = Started(execution_id="e", project="p", pipeline="x", pipeline_id="p1", index=1, requested_by="ada")
    more = {"host": "app.example.com", "username": "deploy", **given}
    tools = cast("Any", Tools())
    return TaskRequest("SSH", "S", "T", 1, 1, 1, more, {}, about, {}, tools, {})


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("app.example.com", ("app.example.com", 22)),
        ("app.example.com:2222", ("app.example.com", 2222)),
        ("2001:db8::7", ("2001:db8::7", 22)),
        ("[2001:db8::7]", ("2001:db8::7", 22)),
        ("[2001:db8::7]:2222", ("2001:db8::7", 2222)),
    ],
)
def test_a_host_is_read_with_its_port(host: str, expected: tuple[str, int]) -> None:
    login = ssh._login(asked(host=host))
    assert (login.host, login.port) == expected


@pytest.mark.parametrize("host", ["app.example.com:ssh", "app.example.com:", "[::1", "[]:22"])
def test_what_is_no_host_is_told(host: str) -> None:
    with pytest.raises(TaskFailed, match="`host` must be such as"):
        ssh._login(asked(host=host))


@pytest.mark.parametrize("name", ["MY-NAME", "é", "1ST", "A B", ""])
def test_a_variable_that_no_shell_can_export_is_told_and_not_left_out(name: str) -> None:
    with pytest.raises(TaskFailed, match="a shell knows names of letters"):
        ssh._script(asked(environmentVariables={"GOOD_1": "x", name: "y"}), "true")


def test_a_script_that_prints_faster_than_anybody_reads_does_not_keep_a_look_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def call(_client: object, command: str, given: str = "") -> tuple[int, str]:
        calls.append(command)
        assert len(calls) < 1000, "the look does not end"
        return 0, "x" * ssh._CHUNK if command.startswith("tail") else "running"

    monkeypatch.setattr(ssh, "_call", call)
    monkeypatch.setattr(ssh.SSH, "_connect", lambda *_: None)
    step = ssh.SSH(LOOPBACK.guard).observe(asked(), {"folder": "/home/deploy/.portside/id"})
    assert isinstance(step, Running)


def test_a_line_that_is_still_being_written_is_passed_on_when_it_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    log, state = "", "running"

    def call(_client: object, command: str, given: str = "") -> tuple[int, str]:
        if not command.startswith("tail"):
            return 0, "" if command.startswith("head") else state
        at = int(command.split()[2].removeprefix("+")) - 1
        return 0, log[at:] if command.split()[3].endswith("/log") else ""

    monkeypatch.setattr(ssh, "_call", call)
    monkeypatch.setattr(ssh.SSH, "_connect", lambda *_: None)
    one, told = asked(), []
    for more, ended in (("one\nhunter2", False), ("secret\nlast", False), ("", True)):
        log, state = log + more, "0" if ended else "running"
        step = ssh.SSH(LOOPBACK.guard).observe(one, {"folder": "/home/deploy/.portside/id"})
        told.append(list(cast("Any", one.tools).lines))
    assert told == [["one"], ["one", "hunter2secret"], ["one", "hunter2secret", "last"]]
    assert isinstance(step, Done) and step.output["logs"] == log


def test_what_is_kept_of_a_long_log_begins_with_a_whole_line() -> None:
    kept = ssh._tail(b"hunter2secret\n" * 10_000)
    assert kept.startswith(b"hunter2secret\n") and ssh._KEPT_LOG - 14 <= len(kept) <= ssh._KEPT_LOG
