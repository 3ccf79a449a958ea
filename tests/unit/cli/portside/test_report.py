"""What `import` and `apply` print of the server's report."""

from __future__ import annotations

from typing import Any

import pytest

from cli.portside.commands.transfer import send_definitions
from cli.portside.connection import PortsideServer
from cli.portside.contexts import ServerContext
from cli.portside.ending import CommandFailed


class Answering:
    """A client whose every import has this report."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects = objects

    def send_yaml(self, *_: str, **__: str) -> dict[str, Any]:
        return {"objects": list(self.objects), "needsSecrets": []}


def printed(capsys: pytest.CaptureFixture[str], document: dict[str, Any]) -> str:
    context = ServerContext("there", "http://127.0.0.1:1", "default", "ann", "token")
    server = PortsideServer(Answering(document), context)  # type: ignore[arg-type]
    try:
        send_definitions(server, "", "apply", "table")
    except CommandFailed:
        pass
    output = capsys.readouterr()
    return output.out + output.err


def test_warnings_and_what_a_webhook_lacks_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    document = {"kind": "DOCKER_WEBHOOK", "name": "web", "status": "CREATED", "statusMessage": ""}
    text = printed(capsys, {**document, "lacks": ["There is no endpoint hub."], "warnings": ["no variable x yet"]})
    assert "web: There is no endpoint hub.\n" in text and "web: note: no variable x yet\n" in text


def test_each_flaw_has_one_line_with_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    flaws = [
        {"message": "no stage Reprot", "line": 6, "column": 2, "hint": "did you mean Report?"},
        {"message": "no tag matches >=1", "path": "tagNamePattern"},
    ]
    message = "web has 2 problems: line 6, column 2: no stage Reprot (did you mean Report?); no tag matches >=1."
    report = {"kind": "PIPELINE", "name": "web", "status": "FAILED", "statusMessage": message, "flaws": flaws}
    text = printed(capsys, report)
    assert "web: line 6, column 2: no stage Reprot (did you mean Report?)\n" in text
    assert "web: tagNamePattern: no tag matches >=1\n" in text
    assert text.count("Reprot") == 1 and "2 problems, below" in text
