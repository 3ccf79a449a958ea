"""A secret that a process has opened is in none of its log lines, whoever writes them and however it is encoded."""

from __future__ import annotations

import base64
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
import structlog

from services.runner.task_protocol import Step, TaskRequest
from shared.contracts.runs import ResolvedVariable
from shared.process import logging as process_logging
from shared.process.secrets import Opener, Sealer

from .conftest import Probe, Rig, do, pipeline, until
from .ledger import MemoryLedger
from .test_holder import over

PLANTED = 'plänted "secret"/with\\every&thing 7f3a'
FORMS = {
    "plain": PLANTED,
    "base64": base64.b64encode(PLANTED.encode()).decode(),
    "basic": base64.b64encode(f"ann:{PLANTED}".encode()).decode(),
    "url": quote(PLANTED, safe=""),
    "json": json.dumps(PLANTED),
    "hex": PLANTED.encode().hex(),
}


@pytest.fixture
def logs(capfd: pytest.CaptureFixture[str]) -> Iterator[Logs]:
    """Calls something under the logging of a runner whose level is DEBUG, and answers what was printed."""
    root = logging.getLogger()

    def printed_by(act: Callable[[], None]) -> str:
        before, level = root.handlers[:], root.level
        try:
            process_logging.configure("runner", level="DEBUG")
            act()
        finally:
            root.handlers[:] = before
            root.setLevel(level)
            structlog.reset_defaults()
        return capfd.readouterr().err

    yield printed_by
    logging.captureWarnings(capture=False)
    logging.raiseExceptions = True
    sys.excepthook = sys.__excepthook__


Logs = Callable[[Callable[[], None]], str]


def demand_hidden(text: str) -> None:
    for form, planted in FORMS.items():
        assert planted not in text, form
    assert "plänted" not in text and base64.b64encode(PLANTED.encode()).decode()[4:20] not in text


@pytest.mark.parametrize("form", FORMS)
def test_what_was_opened_is_in_no_line_and_no_traceback(keys: tuple[Sealer, Opener], form: str, logs: Logs) -> None:
    def act() -> None:
        assert keys[1].open(keys[0].seal(PLANTED)) == PLANTED
        log = process_logging.get_logger()
        log.info("sent", body=FORMS[form], nested={"list": [FORMS[form]]})
        logging.getLogger("some.library").warning("it answered %s", FORMS[form])
        try:
            try:
                raise ValueError(FORMS[form])
            except ValueError as error:
                raise RuntimeError(f"while it sent {FORMS[form]}") from error
        except RuntimeError:
            log.exception("failed")

    printed = logs(act)
    assert [json.loads(line)["event"][:6] for line in printed.splitlines()] == ["sent", "it ans", "failed"]
    assert "RuntimeError: while it sent" in printed
    demand_hidden(printed)


def test_what_came_in_clear_and_was_sealed_is_hidden_too(keys: tuple[Sealer, Opener], logs: Logs) -> None:
    keys[0].seal_secret("came-in-clear-9d")
    printed = logs(lambda: process_logging.get_logger().error("failed", body="password=came-in-clear-9d"))
    assert "failed" in printed and "came-in-clear-9d" not in printed


def test_libraries_do_not_debug(logs: Logs) -> None:
    def act() -> None:
        for library in ("urllib3.connectionpool", "kubernetes.client.rest", "paramiko.transport"):
            logging.getLogger(library).debug("response body: %s", "anything")
        logging.getLogger("services.runner.engine").debug("ours")

    assert [json.loads(line)["event"] for line in logs(act).splitlines()] == ["ours"]


def test_a_task_that_fails_unforeseen_puts_no_secret_into_the_log(
    rig: Rig, keys: tuple[Sealer, Opener], probe: Probe, monkeypatch: pytest.MonkeyPatch, logs: Logs
) -> None:
    def start(request: TaskRequest) -> Step:
        raise ValueError(" ".join([request.input["output"]["token"], *FORMS.values()]))

    monkeypatch.setattr(probe, "start", start)
    variables = {"token": ResolvedVariable(name="token", type="SECRET", sealed=keys[0].seal(PLANTED))}
    tree: dict[str, Any] = pipeline([[("A", do(output={"token": "x-${var.token}"}))]])
    ledger = MemoryLedger(tree, variables=variables)

    def act() -> None:
        rig.holder(ledger)
        until(lambda: over(ledger))

    printed = logs(act)
    assert "ValueError" in printed
    demand_hidden(printed)
