"""Signing in to the management API, and who a bearer token is."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any

import jwt

from .http import Answer, Answered, Json, Request
from .world import SCOPES, Account, Repository, World

MFA = "Require secondary authentication on MFA enabled account"
WRONG = "Incorrect authentication credentials"
LOCK_S = 600.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and how much a token lets them do."""

    name: str
    scope: str = "repo:admin"
    by_token: bool = False

    def may(self, scope: str) -> bool:
        return SCOPES.index(self.scope) >= SCOPES.index(scope)


def auth_token(world: World, request: Request) -> Answer:
    """`POST /v2/auth/token`."""
    body = _object(request.json(), "identifier", "secret")
    account, scope = _check(world, str(body["identifier"]), str(body["secret"]), code_given=False)
    return Answer(200, {"access_token": _token(world, account.name, scope)})


def login(world: World, request: Request) -> Answer:
    """`POST /v2/users/login`, the older call."""
    body = _object(request.json(), "username", "password")
    account, scope = _check(world, str(body["username"]), str(body["password"]), code_given=False, tells=True)
    return Answer(200, _signed_in(world, request, account.name, scope))


def two_factor(world: World, request: Request) -> Answer:
    """`POST /v2/users/2fa-login`."""
    body = _object(request.json(), "login_2fa_token", "code")
    try:
        claims = jwt.decode(str(body["login_2fa_token"]), world.key, algorithms=["HS256"])
    except jwt.InvalidTokenError as wrong:
        raise Answered(401, {"detail": WRONG}) from wrong
    account = world.accounts.get(str(claims.get("second_factor_of")))
    if account is None or body["code"] != account.two_factor_code:
        raise Answered(401, {"detail": "Invalid two factor code"})
    return Answer(200, _signed_in(world, request, account.name, None))


def _object(body: Any, *names: str) -> Json:
    if not isinstance(body, dict):
        raise Answered(400, {"fields": {}, "text": "the body must be an object"})
    missing = {name: ["This field is required."] for name in names if not isinstance(body.get(name), str)}
    if missing:
        raise Answered(400, missing)
    return body


def _check(
    world: World, name: str, secret: str, *, code_given: bool, tells: bool = False
) -> tuple[Account, str | None]:
    now = time.time()
    with world.lock:
        account = world.accounts.get(name)
        if account is None:
            raise Answered(401, {"detail": WRONG})
        if account.locked_until > now:
            raise Answered(
                429,
                {"detail": "Too many failed login attempts for this account"},
                {"X-Retry-After": str(int(account.locked_until) + 1)},
            )
        scope = account.tokens.get(secret)
        right = scope is not None or (secret == account.password and not account.sso_only)
        if not right:
            account.failures += 1
            if account.failures >= world.settings.failed_logins:
                account.failures, account.locked_until = 0, now + LOCK_S
            raise Answered(401, {"detail": WRONG})
        account.failures = 0
    if scope is None and account.two_factor_code and not code_given:
        if not tells:
            raise Answered(401, {"detail": WRONG})
        due = jwt.encode({"second_factor_of": name, "exp": now + 300}, world.key, algorithm="HS256")
        raise Answered(401, {"detail": MFA, "login_2fa_token": due})
    return account, scope


def _token(world: World, name: str, scope: str | None) -> str:
    now = time.time()
    claims: Json = {
        "username": name,
        "iat": now,
        "exp": now + world.settings.token_life_s,
        "jti": secrets.token_hex(8),
        "epoch": world.epoch,
    }
    if scope is not None:
        claims["scope"] = scope
    return jwt.encode(claims, world.key, algorithm="HS256")


def _signed_in(world: World, request: Request, name: str, scope: str | None) -> Json:
    answer: Json = {"token": _token(world, name, scope)}
    if request.text("refresh_token") == "true":
        answer["refresh_token"] = secrets.token_urlsafe(24)
    return answer


def caller(world: World, request: Request) -> Caller | None:
    """Who calls; None without a header, 401 for a token that has ended or is none."""
    header = request.headers.get("authorization", "")
    if not header:
        return None
    scheme, _, token = header.partition(" ")
    if scheme not in ("Bearer", "JWT"):
        raise Answered(401, {"detail": "Authentication credentials were not provided."})
    try:
        claims = jwt.decode(token, world.key, algorithms=["HS256"])
    except jwt.ExpiredSignatureError as late:
        raise Answered(401, {"detail": "Signature has expired."}) from late
    except jwt.InvalidTokenError as wrong:
        raise Answered(401, {"detail": "Error decoding signature."}) from wrong
    if claims.get("epoch") != world.epoch or claims.get("username") not in world.accounts:
        raise Answered(401, {"message": "unauthorized", "errinfo": {}})
    scope = claims.get("scope")
    return Caller(str(claims["username"]), scope or "repo:admin", by_token=scope is not None)


def administered(world: World, request: Request, name: str) -> Repository:
    """The repository if the caller may manage it; 401, 403 or 404."""
    account = caller(world, request)
    if account is None:
        raise Answered(401, {"detail": "Authentication credentials were not provided."})
    repository = world.repository(name)
    if account.name not in repository.admins:
        if repository.private and account.name not in repository.readers:
            raise Answered(404, {"message": "object not found", "errinfo": {}})
        raise Answered(403, {"detail": "You do not have permission to perform this action."})
    if not account.may("repo:admin"):
        raise Answered(403, {"message": "access to the resource is forbidden with personal access token"})
    return repository


def readable(world: World, request: Request, name: str) -> Repository:
    """The repository if the caller may see it; else 404, as for one that does not exist."""
    repository = world.repository(name)
    if not repository.private:
        return repository
    account = caller(world, request)
    if account is None or account.name not in repository.admins | repository.readers or not account.may("repo:read"):
        raise Answered(404, {"message": "object not found", "errinfo": {}})
    return repository
