"""SSH tasks on a real server."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.runner.engine.executor import Holder
from services.runner.tasks.ssh import SSH
from shared.contracts.history import Status
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.outbound import LOOPBACK
from tests.support.patience import until
from tests.support.runs import OneTask, output
from tests.support.sshd import Sshd

pytestmark = pytest.mark.ssh


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    made = Sshd(tmp_path_factory.mktemp("sshd"))
    yield made
    made.close()


@pytest.fixture
def runs(tmp_path: Path) -> OneTask:
    create_keys(tmp_path)
    return OneTask(SSH(LOOPBACK.guard), (Sealer.load(tmp_path), Opener.load(tmp_path)))


def given(server: Sshd, script: str, **more: Any) -> dict[str, Any]:
    about = {"host": "127.0.0.1", "port": server.port, "username": server.user, "hostKey": server.host_key}
    return {**about, "privatekey": server.private_key, "script": script, **more}


def message(ledger: Any) -> str:
    return str(ledger.state.task("S", "T").message)


def test_a_script_gets_arguments_and_environment_and_answers_with_json(
    runs: OneTask, server: Sshd, tmp_path: Path
) -> None:
    script = 'echo "$GREETING $1 $2"; pwd\necho "{\\"version\\": 3}" > "$SCRIPT_RESPONSE_FILE"'
    more = {"arguments": ["big world", 7], "environmentVariables": {"GREETING": "it's"}}
    done = runs.run(given(server, script, workingDirectory=str(tmp_path), **more), {})
    assert done.state.status is Status.COMPLETED, message(done) + "\n".join(done.lines)
    found = output(done)
    assert found["response"] == {"version": 3}
    assert (found["exitCode"], found["completed"], found["error"]) == (0, True, "")
    assert found["logs"] == f"it's big world 7\n{tmp_path}\n"
    assert Path(found["logFilePath"]).read_text() == found["logs"]
    left = {one.name for one in Path(found["userFolder"]).iterdir()}
    assert left == {"log", "error", "response", "pid", "exit"}


def test_the_first_command_that_fails_ends_the_script_unless_it_is_to_go_on(runs: OneTask, server: Sshd) -> None:
    script = "echo first\nls /no/such/file\necho second"
    done = runs.run(given(server, script), {})
    assert done.state.status is Status.FAILED
    assert "The script ended with exit code 2: ls: cannot access '/no/such/file'" in message(done)
    assert output(done)["logs"] == "first\n"
    on = runs.run(given(server, script, continueOnCommandFailure=True), {})
    assert on.state.status is Status.COMPLETED, message(on)
    assert output(on)["logs"] == "first\nsecond\n"
    assert "No such file" in output(on)["error"]


def test_a_script_may_name_its_own_interpreter(runs: OneTask, server: Sshd) -> None:
    done = runs.run(given(server, "#!/usr/bin/env python3\nimport sys\nprint(sys.argv[1:])", arguments=["a"]), {})
    assert output(done)["logs"] == "['a']\n"


def test_a_cancel_ends_the_script_and_all_that_it_started(runs: OneTask, server: Sshd, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    ledger, holder = runs.begin(given(server, f"sleep 300 &\necho $! > {pid}\nwait"), {})
    until(lambda: pid.exists() and pid.read_text().strip() != "")
    runs.cancel(ledger, holder)
    runs.until_over(ledger)
    holder.close(3)
    assert ledger.state.status is Status.CANCELED
    state = Path(f"/proc/{pid.read_text().strip()}/stat")
    # Where nobody collects orphans, one that has ended is still listed.
    until(lambda: not state.exists() or state.read_text().split()[2] == "Z")


def test_a_successor_finds_the_script_that_a_dead_runner_started(runs: OneTask, server: Sshd, tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"echo once >> {count}\nsleep 3\necho done"
    ledger, holder = runs.begin(given(server, script), {})
    until(count.exists)
    holder.close(3)
    heir = Holder(ledger, {"SSH": runs.kind}, sealer=runs.sealer, opener=runs.opener, runner="r2")
    heir.start()
    runs.take(ledger, heir)
    runs.until_over(ledger)
    heir.close(3)
    assert ledger.state.status is Status.COMPLETED, message(ledger)
    assert count.read_text() == "once\n"
    assert output(ledger)["logs"] == "done\n"


def test_a_script_that_was_killed_is_told(runs: OneTask, server: Sshd, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    ledger, holder = runs.begin(given(server, f"echo $PPID > {pid}; sleep 300"), {})
    until(lambda: pid.exists() and pid.read_text().strip() != "")
    until(lambda: any(entry.event.type == "task.handle" for entry in ledger.history))
    os.killpg(os.getpgid(int(pid.read_text())), signal.SIGKILL)
    runs.until_over(ledger)
    holder.close(3)
    assert "gone without an exit code" in message(ledger)


def test_a_host_that_shows_another_key_or_refuses_is_told_and_no_secret_is(runs: OneTask, server: Sshd) -> None:
    other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    changed = runs.run(given(server, "true", hostKey=other), {})
    assert "somebody may be intercepting" in message(changed)
    wrong = runs.run(given(server, "true", privatekey="", password="s3cret-password"), {})
    assert "does not let us in: its user name or password is wrong" in message(wrong)
    assert "s3cret-password" not in message(wrong)
    away = runs.run(given(server, "true", port=1), {})
    assert "connection refused" in message(away)
    unseen = runs.run(given(server, "true", hostKey=""), {})
    assert unseen.state.status is Status.COMPLETED
    assert any(server.host_key in line and "`hostKey`" in line for line in unseen.lines)
