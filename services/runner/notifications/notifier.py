"""Notices on config's behalf: what a notification says is filled in and sent, and each try is an answer."""

from __future__ import annotations

from typing import Any

from services.runner.engine.secrets import RunSecrets
from services.runner.task_protocol import TaskFailed
from shared.contracts.base import Json
from shared.contracts.notices import Notice, NoticeTried
from shared.contracts.texts import without_controls
from shared.grammar.json_parser import parse_json
from shared.grammar.resolving import Scope, Unresolved, as_text, resolve
from shared.outbound.http import HttpClient
from shared.process.secrets import Opener, Sealer

from .channels import NotSent, Sent, defaults, send, writers

TRIES = 5
"""One at once, and one after each rung of the bus's ladder: 1 s, 10 s, 1 min, 10 min."""
_MAX_MESSAGE = 500


class Notifier:
    """Sends notices. Safe to use from several threads."""

    def __init__(self, client: HttpClient, opener: Opener, sealer: Sealer) -> None:
        self._client = client
        self._opener = opener
        self._sealer = sealer

    def __call__(self, notice: Notice, try_number: int) -> NoticeTried:
        """One try; every way to fail is an answer, its secrets masked."""
        endpoints = {} if notice.endpoint is None else {notice.endpoint.name: notice.endpoint}
        secrets = RunSecrets(endpoints, notice.variables, self._opener, self._sealer)

        def tried(success: bool, final: bool, target: str, code: int, message: str) -> NoticeTried:
            text = without_controls(str(secrets.masker.mask(message)))
            return NoticeTried(
                notice_id=notice.notice_id,
                execution_id=notice.execution_id,
                try_number=try_number,
                success=success,
                final=final,
                target=without_controls(str(secrets.masker.mask(target))),
                code=code,
                message=text if len(text) <= _MAX_MESSAGE else text[: _MAX_MESSAGE - 1] + "…",
            )

        try:
            sent = self._send(notice, secrets)
        except NotSent as failed:
            final = not failed.again or try_number >= TRIES
            return tried(False, final, failed.target, failed.code, failed.message)
        except TaskFailed as failed:  # nothing answered, or a secret cannot be opened
            return tried(False, try_number >= TRIES, "", 0, failed.message)
        return tried(True, True, sent.target, sent.code, sent.message)

    def _send(self, notice: Notice, secrets: RunSecrets) -> Sent:
        usual = defaults(notice.kind)
        named = str(notice.entry.get("endpoint") or "")
        endpoint = None if notice.endpoint is None else secrets.endpoint(notice.endpoint.name)
        if named and endpoint is None:
            raise NotSent(f"The project has no endpoint {named}, which the notification names.")
        scope = Scope(notice.inputs, secrets.variables, notice.tasks, notice.about, notice.outputs)
        try:
            entry = _filled_entry(notice.kind, {**usual, **notice.entry}, scope)
            if (payload := _as_json(notice.entry.get("payload"))) is not None:
                entry["payload"] = _filled(payload, scope)
        except Unresolved as error:
            raise NotSent(str(error)) from None
        return send(notice, entry, endpoint, self._client)


def _filled_entry(kind: str, entry: Json, scope: Scope) -> Json:
    """Each field with its references put in, written as the language of its text wants it."""
    by = writers(kind, entry)
    return {key: resolve(value, scope, (key,), by.get(key)) for key, value in entry.items()}


def _as_json(value: Any) -> Any:
    """A payload that is JSON as it was written, references and all; None for any other text."""
    if not isinstance(value, str) or value.strip()[:1] not in ("{", "["):
        return None
    try:
        return parse_json(value)
    except ValueError:
        return None


def _filled(value: Any, scope: Scope) -> Any:
    """Texts within JSON filled in one by one, so that a quote in a message does not end the text that it stands in."""
    if isinstance(value, str):
        return as_text(resolve(value, scope, ("payload",)))
    if isinstance(value, dict):
        return {as_text(resolve(key, scope, ("payload",))): _filled(item, scope) for key, item in value.items()}
    return [_filled(item, scope) for item in value] if isinstance(value, list) else value
