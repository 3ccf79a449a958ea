"""The sign-in calls A1 to A4: passwords and API tokens become access tokens, and none of them travels in clear."""

from __future__ import annotations

from shared.contracts.catalog import Get, Kind, SignedIn
from shared.contracts.problems import Code, refuse
from shared.process.clock import now
from shared.process.secrets import new_token

from .call import Call, Reply


def by_password(call: Call) -> Reply:
    """A1 and A2: user name and password for an access token and a refresh token."""
    body = call.json_body
    username, password = body.get("username"), body.get("password")
    if not isinstance(username, str) or not isinstance(password, str) or not username or not password:
        raise refuse(Code.INVALID, "username and password are required.", subject="username")
    # Directory clients send `user@domain` or a separate `domain`; users here are local, so the domain says nothing.
    refresh = new_token()
    signed_in = call.context.sign_ins.by_password(call.request, username, password, new_token=refresh)
    return _tokens(call, signed_in, refresh)


def by_refresh_token(call: Call) -> Reply:
    """A3: an API token for an access token."""
    api_token = call.json_body.get("refreshToken")
    if not isinstance(api_token, str) or not api_token:
        raise refuse(Code.INVALID, "refreshToken is required.", subject="refreshToken")
    access = call.context.sessions.issue(call.context.sign_ins.by_token(call.request, api_token), now())
    return Reply({"token": access.token, "tokenType": "Bearer"})


def by_form(call: Call) -> Reply:
    """A4: the same as a form."""
    api_token = call.form.get("refresh_token") or call.form.get("api_token") or ""
    if not api_token:
        raise refuse(Code.INVALID, "refresh_token is required.", subject="refresh_token")
    return _tokens(call, call.context.sign_ins.by_token(call.request, api_token), api_token)


def preferences(call: Call) -> Reply:
    """Who am I? Clients use it to see whether a token is still good."""
    me = call.get(Get(kind=Kind.USERS, id="me")).document
    return Reply(
        {
            "_link": "/codestream/api/user-preferences",
            "_updateTimeInMicros": me.get("_updateTimeInMicros", 0),
            "_createTimeInMicros": me.get("_createTimeInMicros", 0),
            "preferences": {},
            "userName": me.get("userName") or call.caller.user,
        }
    )


def _tokens(call: Call, signed_in: SignedIn, refresh: str) -> Reply:
    access = call.context.sessions.issue(signed_in, now())
    return Reply(
        {
            "scope": "",
            "access_token": access.token,
            "refresh_token": refresh,
            "id_token": "",
            "token_type": "bearer",
            "expires_in": access.expires_in_s,
        },
        # Some clients read the token from the answer's header.
        headers={"Authorization": f"Bearer {access.token}"},
    )
