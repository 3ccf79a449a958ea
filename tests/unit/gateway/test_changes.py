"""What a change answers that was carried out before."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from services.gateway.commands.changes import ONLY_ONCE, send_change
from shared.contracts.catalog import Act, Document, Kind
from shared.contracts.envelope import Caller
from shared.process.secrets import token_hash

ANN = Caller(user="ann")


def context(answer: Document | None = None) -> Any:
    """An application whose config answers so, or as for a command that it has just carried out."""

    def act(_caller: Caller, command: Act, _command_id: str) -> Document:
        return answer or Document(document={"id": "7"}, hashes=command.hashes)

    return SimpleNamespace(config=SimpleNamespace(act=act), sealer=SimpleNamespace(seal_secret=None))


def test_a_token_is_shown_when_it_was_kept() -> None:
    made = send_change(context(), ANN, Kind.TOKENS, "create", {"name": "ci"})
    assert made["token"]
    assert "_warnings" not in made


def test_a_repeated_request_never_shows_a_token_that_was_not_kept() -> None:
    earlier = Document(document={"id": "7"}, hashes={"token": token_hash("of the first answer")})
    made = send_change(context(earlier), ANN, Kind.TOKENS, "create", {"name": "ci"}, command_id="same")
    assert "token" not in made
    assert made["_warnings"] == [ONLY_ONCE]
