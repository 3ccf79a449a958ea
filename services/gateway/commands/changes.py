"""A change, sent to config without its secrets; the answer comes back with what was minted for it."""

from __future__ import annotations

from urllib.parse import quote

from services.gateway.app_context import AppContext
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Kind
from shared.contracts.envelope import Caller
from shared.contracts.secrets import MASK
from shared.process.secrets import new_token

from .password_rule import demand_password
from .sealing import Wrapped, wrap

MINTING_VERBS = ("create", "rotate")


def send_change(
    context: AppContext, caller: Caller, kind: Kind, verb: str, body: Json, *, command_id: str = "", **address: str
) -> Json:
    """Send a change of a kind; the answer holds in clear what was minted for it, which nobody can see again.

    `address` says which object: `id`, or `project` and `name`. Raises `Refused`.
    """
    if kind is Kind.USERS:
        demand_password(context, caller, body)
    wrapped = wrap(kind, body, context.sealer.seal_secret, new_token, creating=verb in MINTING_VERBS)
    command = Act(kind=kind, verb=verb, body=wrapped.body, sealed=wrapped.sealed, hashes=wrapped.hashes, **address)
    answer = context.config.act(caller, command, command_id)
    if wrapped.minted and answer.hashes and answer.hashes != wrapped.hashes:
        return {**answer.document, "_warnings": [*(answer.document.get("_warnings") or ()), ONLY_ONCE]}
    return _with_minted(answer.document, wrapped)


ONLY_ONCE = (
    "This request was answered before, and its token was shown in that answer alone. If it was lost, create another or "
    "rotate it."
)


def _with_minted(answer: Json, wrapped: Wrapped) -> Json:
    if not wrapped.minted:
        return answer
    answer = {**answer, **wrapped.minted}
    token = wrapped.minted.get("secretToken")
    if token and isinstance(url := answer.get("hookUrl"), str):
        answer["hookUrl"] = url.replace(MASK, quote(token, safe=""))
    return answer
