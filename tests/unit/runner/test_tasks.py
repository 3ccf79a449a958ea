"""The small task types: what they ask, what an answer means, where requests may go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import pytest

from services.config.model.claims import State
from services.runner.clients.registry import Registries
from services.runner.engine.executor import Holder
from services.runner.settings import RunnerSettings
from services.runner.task_protocol import Effect, TaskFailed, TaskRequest
from services.runner.tasks.k8s.cluster import Clusters
from services.runner.tasks.own_output import with_references
from services.runner.tasks.registry import task_types
from services.runner.tasks.rest import RestTask
from shared.contracts.history import Status
from shared.contracts.problems import Code, refuse
from shared.contracts.runs import NestedStarted, ResolvedVariable, Started, StartNested, Take
from shared.grammar.task_schemas import TASK_SCHEMAS
from shared.outbound.guard import Guard
from shared.outbound.http import HttpClient, OutboundAccess, OutboundError
from shared.outbound.tls import trust_of
from shared.process.addresses import is_local
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.hostile import drip, hostile_server
from tests.support.outbound import GUARDED, LOOPBACK
from tests.support.tls import Door, certificate

from .conftest import until
from .ledger import MemoryLedger


class Echo(BaseHTTPRequestHandler):
    """Answers what the path asks for."""

    seen: list[tuple[str, str, dict[str, str], bytes]]
    answers = 0

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        type(self).seen.append((self.command, self.path, dict(self.headers), body))
        type(self).answers += 1
        if self.path.startswith("/kind/"):
            self._send(200, "Zürich".encode(), self.path.removeprefix("/kind/"))
        elif self.path == "/gone":
            self._send(404, b'{"message": "no such thing"}')
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", f"http://{self.path.removeprefix('/to/')}/")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            state = "done" if type(self).answers >= 3 else "busy"
            self._send(200, f'{{"state": "{state}", "list": [1, 2]}}'.encode())

    def _send(self, code: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/sign-in":
            self.send_header("Set-Cookie", "session=of-one-pipeline; Path=/")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def echo() -> Iterator[tuple[str, list[Any]]]:
    handler = type("Handler", (Echo,), {"seen": [], "answers": 0})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", handler.seen  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


Run = Callable[..., MemoryLedger]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs one task to its end, or until it parks."""
    create_keys(tmp_path)
    clusters, registries = Clusters(LOOPBACK.guard), Registries(LOOPBACK)
    holders: list[Holder] = []

    def go(
        type: str, *, local: bool = True, nested: Callable[[StartNested], NestedStarted] | None = None, **given: Any
    ) -> MemoryLedger:
        sealer, opener = Sealer.load(tmp_path), Opener.load(tmp_path)
        task = {"type": type, "input": given}
        ledger = MemoryLedger(
            {"stageOrder": ["S"], "stages": {"S": {"taskOrder": ["T"], "tasks": {"T": task}}}},
            inputs={"x": "1"},
            variables={"pw": ResolvedVariable(name="pw", type="SECRET", sealed=sealer.seal("hunter2secret"))},
        )
        if nested is not None:
            ledger.answer_nested = nested
        client = LOOPBACK if local else GUARDED
        holder = Holder(ledger, task_types(clusters, client, registries), sealer=sealer, opener=opener, runner="r")
        holder.start()
        holders.append(holder)
        go.holder = holder  # type: ignore[attr-defined]
        take(ledger, holder)
        until(lambda: ledger.holding.state in (State.ENDED, State.PARKED))
        return ledger

    yield go
    for holder in holders:
        holder.close(2)
    clusters.close()


def take(ledger: MemoryLedger, holder: Holder) -> None:
    ask = Take(execution_id="e1", dispatch=ledger.holding.dispatch, runner="r", take_id=f"t{ledger.holding.dispatch}")
    assert holder.reserve(1)
    holder.hold(ledger.take(ask).result())


def task(ledger: MemoryLedger) -> Any:
    return ledger.state.task("S", "T")


def test_every_type_has_a_schema_and_every_schema_a_type() -> None:
    assert set(task_types(Clusters(LOOPBACK.guard), GUARDED, Registries(LOOPBACK))) == set(TASK_SCHEMAS)


def test_rest_sends_what_it_is_given_and_its_answer_is_the_output(run: Run, echo: tuple[str, list[Any]]) -> None:
    url, seen = echo
    done = run("REST", action="post", url=f"{url}/a?b=c", headers={"X-A": "${input.x}"}, payload={"n": 1})
    assert done.state.status is Status.COMPLETED, done.state.message
    method, path, headers, body = seen[0]
    assert (method, path, body) == ("POST", "/a?b=c", b'{"n": 1}')
    assert headers["X-A"] == "1"
    assert headers["Content-Type"] == "application/json"
    assert len(headers["Idempotency-Key"]) == 32
    output = task(done).output.view
    assert output["responseCode"] == 200
    assert output["responseJson"]["list"] == [1, 2]
    assert output["responseHeaders"]["Content-Type"] == "application/json"


def test_a_cookie_that_one_call_was_given_is_sent_with_no_other(echo: tuple[str, list[Any]]) -> None:
    url, seen = echo
    LOOPBACK.request("POST", f"{url}/sign-in")
    LOOPBACK.request("GET", f"{url}/a")
    assert ["Cookie" in headers for _, _, headers, _ in seen] == [False, False]


@pytest.mark.parametrize("value", ["Bearer t0ken\n", "a\r\nX-B: b", "\u20ac", " padded"])
def test_a_header_that_cannot_be_sent_is_named_without_its_value(
    run: Run, echo: tuple[str, list[Any]], value: str
) -> None:
    url, seen = echo
    done = run("REST", action="get", url=url, headers={"X-Token": value})
    assert done.state.message.startswith("S.T: The header X-Token cannot be sent:")
    assert value.strip() not in done.state.message
    assert seen == []


def test_rest_fails_in_code_streams_words(run: Run, echo: tuple[str, list[Any]]) -> None:
    done = run("REST", action="get", url=f"{echo[0]}/gone")
    assert done.state.message == "S.T: Request failed with status code : 404"
    assert task(done).output.view["responseJson"] == {"message": "no such thing"}


@pytest.mark.parametrize(
    ("given", "effect"),
    [
        ({}, Effect.PURE),
        ({"action": "get"}, Effect.PURE),
        ({"action": "GET", "repeatable": ""}, Effect.PURE),
        ({"action": "get", "repeatable": False}, Effect.ONCE),
        ({"action": "get", "repeatable": True}, Effect.REPEATABLE),
        ({"action": "put"}, Effect.REPEATABLE),
        ({"action": "delete", "repeatable": "false"}, Effect.ONCE),
        ({"action": "post"}, Effect.ONCE),
        ({"action": "post", "repeatable": "true"}, Effect.REPEATABLE),
        ({"action": "patch"}, Effect.ONCE),
    ],
)
def test_what_a_request_changes_is_its_authors_word_or_else_http_s(given: dict[str, Any], effect: Effect) -> None:
    assert RestTask(GUARDED).effect(given) is effect


@pytest.mark.parametrize("path", ["/", "/to/127.0.0.1:9"])
def test_a_pipeline_may_not_call_the_runners_own_machine(run: Run, echo: tuple[str, list[Any]], path: str) -> None:
    done = run("REST", action="get", url=f"{echo[0]}{path}", local=False)
    assert "may not be called" in done.state.message
    assert "OUTGOING_LOCAL" in done.state.message
    assert echo[1] == []


@pytest.mark.parametrize("kind", ["text/plain", "text/plain;charset=utf8mb4", "text/plain;charset=hex", "x;charset="])
def test_a_text_is_read_as_utf_8_unless_another_charset_is_named(
    run: Run, echo: tuple[str, list[Any]], kind: str
) -> None:
    done = run("REST", url=f"{echo[0]}/kind/{kind}")
    assert done.state.status is Status.COMPLETED, done.state.message
    assert task(done).output.view["responseBody"] == "Zürich"
    latin = run("REST", url=f"{echo[0]}/kind/text/plain;charset=latin-1")
    assert task(latin).output.view["responseBody"] == "ZÃ¼rich"


@pytest.mark.parametrize("number", ["nan", "inf", "many"])
def test_what_is_no_number_is_refused_by_name(run: Run, number: str) -> None:
    ledger = run("UserOperation", summary="Deploy?", expiration=number)
    assert ledger.state.message == f"S.T: `expiration` must be a number, not '{number}'."


def test_a_question_that_never_expires_expires_in_a_hundred_years(run: Run) -> None:
    waiting = task(run("UserOperation", summary="Deploy?", expiration=99_999_999)).waiting
    assert waiting.due_at - waiting.since == pytest.approx(100 * 365 * 86_400, abs=5)


LOCAL = ["127.0.0.1", "127.9.9.9", "::1", "169.254.169.254", "fe80::1%eth0", "0.0.0.0", "::ffff:127.0.0.1"]
LOCAL += ["64:ff9b::7f00:1", "2002:a9fe:a9fe::1", "100.100.100.200", "fd00:ec2::254", "224.0.0.1"]


@pytest.mark.parametrize("address", LOCAL)
def test_addresses_of_this_machine_and_of_metadata_are_known(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["10.0.0.7", "192.168.1.1", "203.0.113.9", "2001:db8::1"])
def test_other_addresses_are_open(address: str) -> None:
    assert not is_local(address)


def test_poll_asks_until_its_criterion_holds(run: Run, echo: tuple[str, list[Any]]) -> None:
    criteria = {"success": 'response.responseJson.state == "done" && response.responseJson.list[1] == 2'}
    done = run("POLL", url=echo[0], pollIntervalSeconds=0.1, pollCount=9, exitCriteria=criteria)
    assert done.state.status is Status.COMPLETED, done.state.message
    assert task(done).output.view["iterationCount"] == 3


def test_the_bare_word_is_not_taken_out_of_texts_and_references() -> None:
    written = 'response.a[0].b == "response.a" && ${input.response.a} != 1 && my.response.a'
    expected = '${output.a[0].b} == "response.a" && ${input.response.a} != 1 && my.response.a'
    assert with_references(written, "response") == expected


def test_poll_gives_up_after_its_count_and_at_its_failure_criterion(run: Run, echo: tuple[str, list[Any]]) -> None:
    tired = run("POLL", url=echo[0], pollIntervalSeconds=0.1, pollCount=1, exitCriteria={"success": "1 == 2"})
    assert "After 1 answers neither criterion held." in tired.state.message
    failure = {"success": "1 == 2", "failure": 'response.responseJson.state == "busy"'}
    failed = run("POLL", url=echo[0], pollIntervalSeconds=0.1, exitCriteria=failure)
    assert "The failure criterion held" in failed.state.message


def test_poll_asks_again_while_the_answer_lacks_a_field_and_fails_for_a_reference_that_never_comes(
    run: Run, echo: tuple[str, list[Any]]
) -> None:
    absent = {"success": 'response.responseJson.never == "there"'}
    tired = run("POLL", url=echo[0], pollIntervalSeconds=0.1, pollCount=2, exitCriteria=absent)
    assert "After 2 answers neither criterion held." in tired.state.message
    misspelt = {"success": 'response.responseJson.state == "${input.nowhere}"'}
    failed = run("POLL", url=echo[0], pollIntervalSeconds=0.1, pollCount=2, exitCriteria=misspelt)
    assert "The exit criterion cannot be evaluated" in failed.state.message


def test_an_approval_asks_with_its_approvers_and_deadline_and_goes_on(run: Run) -> None:
    ledger = run("UserOperation", summary="Deploy?", approvers=["grace"], expiration=2, expirationUnit="HOURS")
    waiting = task(ledger).waiting
    assert waiting.reason == "approval"
    assert waiting.ask["approvers"] == ["grace"]
    assert waiting.due_at - waiting.since == pytest.approx(7200, abs=5)
    until(lambda: run.holder.holding == 0)  # type: ignore[attr-defined]
    ledger.answer("S", "T", {"status": "Approved", "respondedBy": "grace", "comments": "fine"})
    take(ledger, run.holder)  # type: ignore[attr-defined]
    until(lambda: ledger.holding.state is State.ENDED)
    assert ledger.state.status is Status.COMPLETED
    assert task(ledger).output.view == {"status": "Approved", "respondedBy": "grace", "comments": "fine"}


def test_a_rejection_fails_with_who_and_why(run: Run) -> None:
    ledger = run("UserOperation", summary="Deploy?")
    until(lambda: run.holder.holding == 0)  # type: ignore[attr-defined]
    ledger.answer("S", "T", {"status": "Rejected", "respondedBy": "grace", "comments": "not on Friday"})
    take(ledger, run.holder)  # type: ignore[attr-defined]
    until(lambda: ledger.holding.state is State.ENDED)
    assert ledger.state.message == "S.T: Rejected by grace: not on Friday"


def test_a_nested_pipeline_is_started_once_under_its_own_id_and_waited_for(run: Run) -> None:
    ledger = run("Pipeline", pipeline="Other", inputProperties={"a": "${input.x}"})
    ((ask, user),) = ledger.nested
    assert (ask.pipeline, ask.project, user) == ("Other", "default", "ada")
    assert ask.inputs == {"a": "1"}
    assert (ask.parent, ask.stage, ask.task, ask.requested_by) == ("e1", "S", "T", "ada")
    until(lambda: run.holder.holding == 0)  # type: ignore[attr-defined]
    said = {"executionStatus": "COMPLETED", "executionIndex": 4, "outputProperties": {"n": 2}}
    ledger.answer("S", "T", {**said, "executionId": ask.execution_id})
    take(ledger, run.holder)  # type: ignore[attr-defined]
    until(lambda: ledger.holding.state is State.ENDED)
    assert ledger.state.status is Status.COMPLETED
    assert task(ledger).output.view["outputProperties"] == {"n": 2}


def test_a_nested_pipeline_that_is_refused_says_why(run: Run) -> None:
    def refused(ask: StartNested) -> NestedStarted:
        raise refuse(Code.NOT_FOUND, f"there is no pipeline {ask.pipeline}")

    ledger = run("Pipeline", pipeline="Nothing", nested=refused)
    assert ledger.state.message == "S.T: Pipeline Nothing was not started: there is no pipeline Nothing"


def test_a_secret_that_a_nested_run_is_given_travels_sealed(run: Run) -> None:
    ledger = run("Pipeline", pipeline="Other", inputProperties={"a": "${var.pw}", "b": "x"})
    ((ask, _),) = ledger.nested
    assert ask.inputs == {"a": "*****", "b": "x"}
    assert list(ask.sealed_inputs) == ["a"]
    assert "hunter2secret" not in "".join(report.model_dump_json() for report in ledger.reports)


def test_requests_take_the_certificate_that_an_endpoint_accepted_and_go_no_further(
    echo: tuple[str, list[Any]], tmp_path: Path
) -> None:
    host, _, port = echo[0].removeprefix("http://").partition(":")
    shown = certificate()
    door = Door(tmp_path, shown, (host, int(port)))
    accepted = OutboundAccess(trust_of({"fingerprint": shown.fingerprint}))
    ours = HttpClient(Guard(allow_local=True), user_agent="test")
    try:
        with pytest.raises(OutboundError, match="certificate is not trusted"):
            ours.request("POST", door.url, body=b"{}")
        assert ours.request("POST", door.url, body=b"{}", access=accepted).status == 200
        by_authority = OutboundAccess(trust_of({"caCertificate": shown.pem}))
        assert ours.request("POST", door.url, body=b"{}", access=by_authority).status == 200
        ours.close()
        door.show(certificate())
        with pytest.raises(OutboundError, match="not the one that was accepted"):
            ours.request("POST", door.url, body=b"{}", access=accepted)
        with pytest.raises(OutboundError, match="may not be called"):
            GUARDED.request("POST", door.url, body=b"{}", access=accepted)
    finally:
        ours.close()
        door.close()


def test_sixteen_slow_servers_stop_no_other_run_and_end_by_their_timeout(
    tmp_path: Path, echo: tuple[str, list[Any]]
) -> None:
    create_keys(tmp_path)
    sealer, opener = Sealer.load(tmp_path), Opener.load(tmp_path)
    types = task_types(Clusters(LOOPBACK.guard), LOOPBACK, Registries(LOOPBACK))
    threads = RunnerSettings.model_fields["runner_threads"].default
    holder = Holder(cast("Any", None), types, sealer=sealer, opener=opener, runner="r", threads=threads)
    with hostile_server(drip()) as slow:
        given = {"action": "get", "url": slow.url, "timeout": 2}
        began = time.monotonic()
        waiting = [begin(holder, f"slow{number}", given) for number in range(16)]
        quick = begin(holder, "quick", {"action": "get", "url": echo[0]})
        assert quick.result(1.5).message == "Answered 200."
        for call in waiting:
            with pytest.raises(TaskFailed, match="did not answer in full within 2 s"):
                call.result(5)
        assert time.monotonic() - began < 6
    holder.close(1)


def begin(holder: Holder, name: str, given: dict[str, Any]) -> Future[Any]:
    about = Started(execution_id=name, project="p", pipeline="x", pipeline_id="p1", index=1, requested_by="ada")
    asked = TaskRequest("REST", "S", "T", 1, 1, 1, given, {}, about, {}, cast("Any", Quiet()), {})
    done: Future[Any] = Future()
    holder.work("p", lambda _scope: settle(done, lambda: holder.types["REST"].start(asked)), lambda _answer: None)
    return done


def settle(done: Future[Any], call: Callable[[], Any]) -> None:
    try:
        done.set_result(call())
    except Exception as error:
        done.set_exception(error)


class Quiet:
    def log(self, line: str) -> None:
        """Nobody reads it."""
