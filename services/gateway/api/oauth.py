"""Signing a program in by a page: the device authorization grant, in the words of OAuth.

Requests are forms, and errors are `{"error": …}` with status 400 (RFC 6749, 5.2; RFC 8628, 3.2 and 3.5). The codes
leave this process as hashes, but for the short one, which the person types.
"""

from __future__ import annotations

from urllib.parse import urlencode

from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.envelope import SYSTEM
from shared.contracts.problems import HTTP_STATUS, Code, Problem, Refused
from shared.process.clock import now
from shared.process.ids import new_id
from shared.process.secrets import new_token, token_hash

from . import wire
from .call import Call, Reply

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
MAX_FIELD = 200
_NOT_YET = {
    "pending": ("authorization_pending", "Nobody has confirmed the code yet."),
    "hurried": ("slow_down", "Ask less often."),
    "denied": ("access_denied", "The sign-in was refused on the page."),
    "expired": ("expired_token", "The code has expired; begin again."),
    "unknown": ("invalid_grant", "There is no such sign-in, or it has been used."),
}
_NO_STORE = {"Cache-Control": "no-store"}
_ERRORS = {Code.TOO_MANY: "slow_down", Code.UNAVAILABLE: "temporarily_unavailable"}


def begin_device(call: Call) -> Reply:
    """Two codes for a program: one to ask by, and a short one that a person confirms on the page."""
    form, origin = call.form, call.context.origins.of(call.request)
    if not form.get("client_id"):
        return _error(call, "invalid_request", "client_id is missing: name the program, such as portside.")
    device_code = new_token()
    body = {
        "name": (form.get("client_name") or form["client_id"])[:MAX_FIELD].strip() or "a program",
        "project": form.get("project", "")[:MAX_FIELD],
        "access": form.get("scope", "")[:MAX_FIELD],
        "goodForDays": form.get("days", "")[:MAX_FIELD],
        "address": "" if origin.proxied else origin.address,
    }
    command = Act(kind=Kind.DEVICES, verb="create", body=body, hashes={"device": token_hash(device_code)})
    try:
        address = call.context.public_address.in_force()
        begun = call.context.config.act(SYSTEM, command, new_id()).document
    except Refused as refused:
        return _refused(call, refused)
    page = f"{address}/device"
    return Reply(
        {
            "device_code": device_code,
            "user_code": begun["userCode"],
            "verification_uri": page,
            "verification_uri_complete": f"{page}?{urlencode({'user_code': begun['userCode']})}",
            "expires_in": begun["goodForSeconds"],
            "interval": begun["intervalSeconds"],
        },
        headers=_NO_STORE,
    )


def token(call: Call) -> Reply:
    """An API token as `refresh_token`, once somebody has confirmed the code; until then why not."""
    form = call.form
    if form.get("grant_type") != DEVICE_GRANT:
        return _error(call, "unsupported_grant_type", f"grant_type must be {DEVICE_GRANT}.")
    device_code = form.get("device_code", "")[:MAX_FIELD]
    if not device_code:
        return _error(call, "invalid_request", "device_code is missing.")
    device_hash, config = token_hash(device_code), call.context.config
    try:
        status = str(config.get(SYSTEM, Get(kind=Kind.DEVICES, options={"device": device_hash})).document["status"])
        if status in _NOT_YET:
            return _error(call, *_NOT_YET[status])
        api_token = new_token()
        hashes = {"device": device_hash, "token": token_hash(api_token)}
        redeemed = config.act(SYSTEM, Act(kind=Kind.DEVICES, verb="redeem", hashes=hashes), new_id()).document
        signed_in = call.context.sign_ins.by_token(call.request, api_token)
    except Refused as refused:
        return _refused(call, refused)
    access = call.context.sessions.issue(signed_in, now())
    return Reply(
        {
            "access_token": access.token,
            "token_type": "bearer",
            "expires_in": access.expires_in_s,
            "refresh_token": api_token,
            "scope": redeemed["access"],
            "token_id": redeemed["id"],
        },
        headers=_NO_STORE,
    )


def _refused(call: Call, refused: Refused) -> Reply:
    problem = refused.problem
    code = _ERRORS.get(problem.code, "invalid_grant" if problem.code is Code.CONFLICT else "invalid_request")
    step = f" {problem.next_step}" if problem.next_step else ""
    description = f"{problem.message}{'' if problem.message.endswith('.') else '.'}{step}"
    return _answer(call, max(400, HTTP_STATUS[problem.code]), problem, code, description)


def _error(call: Call, code: str, description: str) -> Reply:
    return _answer(call, 400, Problem(code=Code.INVALID, message=description), code, description)


def _answer(call: Call, status: int, problem: Problem, code: str, description: str) -> Reply:
    """The API's own error, with OAuth's two fields: clients of either kind read it."""
    _, body = wire.error_of_status(status, problem, path=call.request.path, at=now(), request_id=new_id())
    return Reply(body | {"error": code, "error_description": description}, status=status, headers=_NO_STORE)
