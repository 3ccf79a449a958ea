"""The health check as compose runs it: what it says, and what it costs."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from shared.process.health import Health
from tests.support.patience import PATIENCE_S, wait_for

ROOT = Path(__file__).resolve().parents[4]
SERVICES = ("config", "runner", "hubsync")
MOST_OF_A_BARE_START = 6
"""What a check costs at most, in starts of Python that do nothing: a busy machine makes both dearer alike. With the
libraries of a service it would be twenty."""


def compose_check(service: str) -> list[str]:
    """The arguments after `python` of that service's health check."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    kind, program, *arguments = compose["services"][service]["healthcheck"]["test"]
    assert (kind, program) == ("CMD", "python")
    return list(arguments)


def run(arguments: list[str], home: Path) -> tuple[int, str, float]:
    """Exit code, output and CPU seconds of one check."""
    environment = {**os.environ, "PORTSIDE_HOME": str(home)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return ended.returncode, ended.stdout + ended.stderr, cpu_s


@pytest.fixture
def gateway_port() -> Iterator[int]:
    class Probe(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/readyz" else 503)
            self.end_headers()
            self.wfile.write(b"why")

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Probe)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("service", SERVICES)
def test_compose_sees_a_service_become_well_unwell_and_silent(service: str, tmp_path: Path) -> None:
    arguments = compose_check(service)
    assert "does not report" in run(arguments, tmp_path)[1]
    health = Health(service, tmp_path, instance="i1").start()
    try:
        assert run(arguments, tmp_path)[:2] == (0, "")
        health.trouble("broker", "The broker is away; start it.")
        wait_for(lambda: run(arguments, tmp_path)[:2] == (1, "The broker is away; start it.\n"), "the trouble")
    finally:
        health.close()
    assert run(arguments, tmp_path)[0] == 1


def test_compose_asks_the_gateway_whether_it_is_ready(gateway_port: int, tmp_path: Path) -> None:
    *options, url = compose_check("gateway")
    assert url == "http://127.0.0.1:8080/readyz"
    here = url.replace("8080", str(gateway_port))
    assert run([*options, here], tmp_path)[:2] == (0, "")
    code, output, _ = run([*options, here.replace("readyz", "other")], tmp_path)
    assert (code, output) == (1, f"{here.replace('readyz', 'other')} answers 503 Service Unavailable: why\n")
    assert run([*options, "http://127.0.0.1:1/readyz"], tmp_path)[0] == 1
    assert run([*options, "http://127.0.0.1/"], tmp_path)[0] == 1
    assert run(options, tmp_path)[0] == 2


def test_a_check_costs_little_more_than_the_start_of_python(gateway_port: int, tmp_path: Path) -> None:
    """The least of several: other work on the machine makes a run dearer, never cheaper."""
    health = Health("runner", tmp_path, instance="i1").start()
    try:
        for service in (*SERVICES, "gateway"):
            arguments = [part.replace("8080", str(gateway_port)) for part in compose_check(service)]
            pairs = [(run(arguments, tmp_path)[2], run(["-S", "-c", "pass"], tmp_path)[2]) for _ in range(5)]
            check_s, bare_s = (min(costs) for costs in zip(*pairs, strict=True))
            assert check_s <= MOST_OF_A_BARE_START * bare_s, (service, pairs)
    finally:
        health.close()


def test_a_broken_file_or_one_of_another_service_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "runner-x.health.json").write_text("{")
    assert "does not report" in run(compose_check("runner"), tmp_path)[1]
