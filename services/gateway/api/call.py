"""One request as a handler sees it, and what a handler gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Request

from services.gateway.app_context import AppContext
from services.gateway.commands.changes import send_change
from services.gateway.commands.texts import demand_keepable
from services.gateway.receiver.reading import Unreadable, read_json
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.envelope import Caller
from shared.contracts.problems import Code, Flaw, Problem, Refused, refuse
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml

from . import wire

YAML_TYPES = ("application/x-yaml", "application/yaml", "text/yaml", "text/x-yaml", "text/vnd.yaml")
COMMAND_HEADER = "Idempotency-Key"
MAX_COMMAND_ID = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A request with its caller, once it is known who that is."""

    context: AppContext
    caller: Caller
    request: Request
    path: Mapping[str, str] = field(default_factory=dict)

    @property
    def query(self) -> Mapping[str, str]:
        """Query parameters; of a repeated one the first."""
        return self.request.args

    def listed(self, name: str) -> list[str]:
        """A list in a parameter: given several times, or parted by commas with or without blanks around them."""
        texts = self.request.args.getlist(name)
        return [item for text in texts for part in text.split(",") if (item := part.strip())]

    def asks(self, kind: Kind, *, parent: str = "", options: Json | None = None) -> Find:
        """The page of a kind that the query asks for."""
        return wire.find(kind, self.query, filter=self.filter, parent=parent, options=options)

    @property
    def filter(self) -> str:
        """What `$filter` leaves; given several times, all of them count."""
        return wire.all_of(self.request.args.getlist("$filter"))

    @property
    def is_yaml(self) -> bool:
        return (self.request.mimetype or "") in YAML_TYPES

    @property
    def text(self) -> str:
        """The body as text."""
        try:
            return self.request.get_data().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise refuse(Code.INVALID, f"The body is not UTF-8 (byte {error.start}).") from None

    @property
    def body(self) -> Json:
        """The body as a JSON object (YAML is taken too); none is an empty one. Raises `Refused`.

        Only YAML needs its content type: what else is sent is JSON, whatever it is called.
        """
        raw = self.request.get_data()
        if not raw.strip():
            return {}
        return _object(_yaml(self.text) if self.is_yaml else _json(raw))

    @property
    def json_body(self) -> Json:
        """The same of JSON alone: what a caller sends before it has signed in. Raises `Refused`."""
        if self.is_yaml:
            raise refuse(Code.INVALID, "This address does not accept YAML.", next_step="Send the body as JSON.")
        raw = self.request.get_data()
        return _object(_json(raw)) if raw.strip() else {}

    @property
    def form(self) -> Mapping[str, str]:
        """The fields of a form; of a repeated one the first. Raises `Refused`."""
        demand_keepable([*self.request.form.items(multi=True)])
        return self.request.form

    def find(self, ask: Find) -> Page:
        """One page of a kind, as the caller may see it. Raises `Refused`."""
        return self.context.config.find(self.caller, ask)

    def get(self, ask: Get) -> Document:
        """One object, as the caller may see it. Raises `Refused`."""
        return self.context.config.get(self.caller, ask)

    def act(self, command: Act) -> Document:
        """Change something; a client that names its command may send it again without harm. Raises `Refused`."""
        return self.context.config.act(self.caller, command, self._command_id)

    def act_as_part(self, command: Act, part: str) -> Document:
        """One of several changes of this call; sent again, the call does each of them once. Raises `Refused`."""
        command_id = self._command_id and f"{self._command_id}:{part}"
        return self.context.config.act(self.caller, command, command_id)

    def change(self, kind: Kind, verb: str, body: Json, **address: str) -> Json:
        """Change one object by a body whose secrets are sealed first. Raises `Refused`."""
        return send_change(self.context, self.caller, kind, verb, body, command_id=self._command_id, **address)

    @property
    def _command_id(self) -> str:
        return self.request.headers.get(COMMAND_HEADER, "")[:MAX_COMMAND_ID]


def _object(tree: Any) -> Json:
    if not isinstance(tree, dict):
        raise refuse(Code.INVALID, "The body must be a JSON object.")
    demand_keepable(tree)
    return tree


def _json(raw: bytes) -> Any:
    try:
        return read_json(raw)
    except Unreadable as error:
        raise _broken(str(error), error.line, error.column) from None


def _yaml(text: str) -> Any:
    try:
        return parse_one_yaml(text)
    except Malformed as error:
        raise _broken(f"The body cannot be read{error.described}.", *error.place) from None


def _broken(message: str, line: int, column: int) -> Refused:
    return Refused(
        Problem(code=Code.INVALID, message=message, flaws=(Flaw(message=message, line=line, column=column),))
    )


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler gives back: a document, or text of some kind."""

    document: Any = None
    text: str | None = None
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Reply]
