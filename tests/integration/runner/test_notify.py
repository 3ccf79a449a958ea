"""Notify: a message really arrives, is tried again, and tells what became of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.runner.tasks.notify import Notify
from shared.contracts.history import Status
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.outbound import LOOPBACK
from tests.support.runs import OneTask, output


class Hook:
    """Takes what is posted, and answers with the codes that it is told to, then 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], str]] = []
        self.codes: list[int] = []
        self.paths: list[str] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                hook.paths.append(self.path)
                hook.got.append((dict(self.headers), body))
                self.send_response(hook.codes.pop(0) if hook.codes else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/in"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[OneTask]:
    create_keys(tmp_path)
    outgoing = LOOPBACK
    yield OneTask(Notify(outgoing), (Sealer.load(tmp_path), Opener.load(tmp_path)))
    outgoing.close()


def message(ledger: Any) -> str:
    return str(ledger.state.task("S", "T").message)


def test_a_channel_is_told_the_text_or_which_run_it_is(runs: OneTask, hook: Hook) -> None:
    runs.endpoint("team", "slack", url=hook.url)
    done = runs.run({"text": "on its way"}, {"notify": "team"})
    assert done.state.status is Status.COMPLETED, message(done)
    assert json.loads(hook.got[0][1]) == {"text": "on its way"}
    assert output(done)["code"] == 200
    runs.run({}, {"notify": "team"})
    assert ": S.T" in json.loads(hook.got[1][1])["text"]


def test_what_a_task_fills_into_a_channels_text_is_text(runs: OneTask, hook: Hook) -> None:
    runs.endpoint("team", "slack", url=hook.url)
    said = "<!channel> a & b"
    done = runs.run({"text": "<!here> ${comments}"}, {"notify": "team"}, comments=said)
    assert done.state.status is Status.COMPLETED, message(done)
    assert json.loads(hook.got[0][1]) == {"text": "<!here> &lt;!channel&gt; a &amp; b"}
    runs.run({"kind": "webhook", "url": f"{hook.url}?tag=${{comments}}", "payload": "x"}, {}, comments=said)
    assert hook.paths[-1] == "/in?tag=%3C%21channel%3E%20a%20%26%20b"


def test_one_that_is_told_later_is_tried_again_with_the_same_id(
    runs: OneTask, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.runner.tasks.notify._AGAIN_AFTER_S", 0.05)
    hook.codes = [503, 429]
    runs.endpoint("hook", "webhook", {"secret": "s3cret-signing"}, url=hook.url)
    done = runs.run({"payload": '{"a": 1}'}, {"notify": "hook"})
    assert done.state.status is Status.COMPLETED, message(done)
    headers = [{name.lower(): value for name, value in one.items()} for one, _ in hook.got]
    assert len(headers) == 3
    assert len({one["webhook-id"] for one in headers}) == 1
    assert headers[0]["webhook-signature"].startswith("v1,")


def test_a_refusal_and_a_missing_endpoint_are_told(runs: OneTask, hook: Hook) -> None:
    hook.codes = [404]
    refused = runs.run({"kind": "webhook", "url": hook.url, "payload": "x"}, {})
    assert refused.state.status is Status.FAILED
    assert f"{hook.url} answers 404" in message(refused)
    assert len(hook.got) == 1
    assert "names no endpoint" in message(runs.run({"kind": "slack", "text": "x"}, {}))
    assert "of kind nothing" in message(runs.run({"text": "x"}, {}))
