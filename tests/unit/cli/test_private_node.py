"""The private RabbitMQ node, as far as it can be tried without RabbitMQ."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli import rabbitmq


def test_a_node_whose_start_is_interrupted_is_not_left_running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(rabbitmq, "server_script", lambda: program)
    monkeypatch.setattr(rabbitmq, "epmd_program", lambda: program)
    node = rabbitmq.PrivateNode(tmp_path / "rabbitmq")
    started: list[int | None] = []

    def interrupted(_port: int) -> bool:
        started.append(node.pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(rabbitmq, "speaks_amqp", interrupted)
    with pytest.raises(KeyboardInterrupt):
        node.start()
    assert node.pid is None
    cookie = tmp_path / "rabbitmq" / "erlang" / ".erlang.cookie"
    assert len(cookie.read_text()) == 40 and cookie.stat().st_mode & 0o077 == 0, "Erlang would refuse to start"
    (pid,) = started
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("program", "why"),
    [("echo no space; exit 1", r"ended as it started.*\n.*no space"), ("exec sleep 60", "did not start within 0 s")],
)
def test_a_node_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, why: str
) -> None:
    server, epmd = tmp_path / "server", tmp_path / "epmd"
    for path, command in ((server, program), (epmd, "exec sleep 60")):
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(0o755)
    monkeypatch.setattr(rabbitmq, "server_script", lambda: server)
    monkeypatch.setattr(rabbitmq, "epmd_program", lambda: epmd)
    limit_s = 0.3 if "sleep" in program else 20.0
    with pytest.raises(rabbitmq.BrokerFailed, match=why):
        rabbitmq.PrivateNode(tmp_path / "rabbitmq", start_limit_s=limit_s).start()
