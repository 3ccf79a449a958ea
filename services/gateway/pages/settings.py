"""Settings, for administrators: the public address, what counts while Portside runs, and sign-in providers."""

from __future__ import annotations

import base64
from typing import Any

from flask import redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from services.gateway.sign_on import CALLBACK
from shared.contracts.base import Json
from shared.contracts.catalog import Act, Get, Kind
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.contracts.texts import counted
from shared.grammar.json_parser import parse_json
from shared.grammar.malformed import Malformed

from . import session
from .forms import every, field, write
from .people import ROLES
from .routing import PageRoute
from .setting_fields import GROUPS, OPTIONS
from .toasts import Undo, say
from .words import NOTICE_EVENTS

SPARE_RULES = 2
"""Blank rows at the end of the rules, so that a form without JavaScript grows too."""
MAX_ROWS = 220
_TEXTS = ("title", "issuer", "clientId", "scopes", "userNameClaim", "caCertificate", "secretExpiresOn")
_FLAGS = ("enabled", "createUsers", "allowLocal")
_NEW: Json = {
    "enabled": True,
    "createUsers": True,
    "scopes": "openid profile email",
    "userNameClaim": "preferred_username",
    "rules": [],
}


def page() -> str:
    session.demand_administrator()
    return _page()


def save() -> str | AnyResponse:
    body: Json = {"localSignIn": "localSignIn" in request.form}
    # What comes from the environment is disabled in the form, and so not sent.
    if "publicUrl" in request.form:
        body["publicUrl"] = field("publicUrl")
    body |= {option.wire: field(option.wire) for option in OPTIONS if option.wire in request.form}
    try:
        before = _settings()
        after = session.act(Act(kind=Kind.SETTINGS, verb="patch", body=body)).document
    except Refused as error:
        return _page(error.problem, body)
    say(moved(before, after) or "The settings are saved.", "/health#in-force", "In force", undo=_back(before, body))
    return redirect("/settings")


def _back(before: Json, body: Json) -> Undo:
    """The form as it was."""
    fields = {key: "" if before.get(key) is None else str(before.get(key)) for key in body if key != "localSignIn"}
    if before.get("localSignIn"):
        fields["localSignIn"] = "on"
    return Undo("/settings", tuple(fields.items()))


def moved(before: Json, after: Json) -> str:
    """How many hooks go to another public address, in words; empty where it stayed."""
    if before.get("publicUrl") == after.get("publicUrl"):
        return ""
    hooks = after.get("hooks") or 0
    return f"Saved. {counted(hooks, 'hook moves', 'hooks move')} to {after.get('publicUrl')}."


def new_provider() -> str:
    session.demand_administrator()
    return _provider_form(_NEW)


def create_provider() -> str | AnyResponse:
    return _sent("create", {**_typed(), "name": field("name")})


def edit_provider(id: str) -> str:
    session.demand_administrator()
    return _provider_form(_stored(id))


def save_provider(id: str) -> str | AnyResponse:
    return _sent("patch", _typed(), id)


def delete_provider(id: str) -> str | AnyResponse:
    return _sent("delete", {}, id)


def try_rules() -> str:
    """The rules as they are typed, on the claims of a sample token; nothing is saved."""
    try:
        body = {"claims": _sample(request.form.get("sample", "")), "rules": _rules()}
        answer = session.act(Act(kind=Kind.PROVIDERS, verb="try", body=body)).document
    except Refused as error:
        return render_template("_provider_tried.html", problem=error.problem, answer={})
    return render_template("_provider_tried.html", problem=None, answer=answer)


def _page(problem: Problem | None = None, typed: Json | None = None) -> str:
    return render_template(
        "settings.html",
        settings={**_settings(), **(typed or {})},
        groups=GROUPS,
        events=NOTICE_EVENTS,
        providers=every(Kind.PROVIDERS),
        problem=problem,
    )


def _settings() -> Json:
    return session.get(Get(kind=Kind.SETTINGS)).document


def _stored(id: str) -> Json:
    return session.get(Get(kind=Kind.PROVIDERS, id=id)).document


def _sent(verb: str, body: Json, id: str = "") -> str | AnyResponse:
    try:
        provider = write(Kind.PROVIDERS, verb, body, **({"id": id} if id else {}))
    except Refused as error:
        stored = _stored(id) if id else {}
        return _provider_form({**stored, **body}, error.problem)
    title = provider.get("title") or provider.get("name")
    if verb == "delete":
        say(f"The sign-in provider {title} is deleted.", "/settings/providers/new", "Make another")
    else:
        say(f"The sign-in provider {title} is saved.", f"/settings/providers/{provider.get('id')}", "The provider")
    return redirect("/settings")


def _typed() -> Json:
    body: Json = {key: field(key) for key in _TEXTS} | {key: key in request.form for key in _FLAGS}
    # Blank keeps the secret: it cannot be shown to be typed again.
    if secret := request.form.get("clientSecret", "").strip():
        body["clientSecret"] = secret
    return body | {"rules": _rules()}


def _rules() -> list[Json]:
    """The rows of the form; one that says nothing is none."""
    columns = {
        name: request.form.getlist(f"rule.{name}")[:MAX_ROWS]
        for name in ("claim", "value", "serviceRole", "projects", "groups")
    }
    rows = zip(*columns.values(), strict=True) if len({len(column) for column in columns.values()}) == 1 else ()
    return [
        {
            "claim": claim.strip(),
            "value": value.strip(),
            "serviceRole": role.strip(),
            "projects": _roles_by_project(projects),
            "groups": _listed(groups),
        }
        for claim, value, role, projects, groups in rows
        if any(text.strip() for text in (claim, value, role, projects, groups))
    ]


def _roles_by_project(text: str) -> Json:
    """`web: Member, api` as roles by project; without a role: Member."""
    pairs = [part.partition(":") for part in _listed(text)]
    return {name.strip(): role.strip() or "Member" for name, _, role in pairs}


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _sample(text: str) -> Json:
    """The claims of a sample, which is a token as the provider gives it, or its claims as JSON."""
    text = text.strip()
    try:
        value: Any = parse_json(text if text.startswith("{") else _payload(text))
    except Malformed as error:
        raise refuse(Code.INVALID, f"The sample cannot be read{error.described}.", subject="sample") from None
    if not isinstance(value, dict):
        step = "Paste an ID token (three parts with dots between), or its claims as a JSON object."
        raise refuse(Code.INVALID, "The sample is not a token.", subject="sample", next_step=step)
    return value


def _payload(token: str) -> bytes:
    """The middle part of a token, unverified: it is only tried. JSON null for what is none."""
    parts = token.split(".")
    try:
        return base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)) if len(parts) == 3 else b"null"
    except ValueError:
        return b"null"


def _provider_form(provider: Json, problem: Problem | None = None) -> str:
    rules = [*(provider.get("rules") or ()), *({} for _ in range(SPARE_RULES))]
    return render_template(
        "provider_form.html",
        provider=provider,
        rules=rules,
        service_roles=[name for name, _ in ROLES],
        callback=f"{session.context().public_address.in_force()}{CALLBACK}",
        problem=problem,
    )


ROUTES = (
    PageRoute("GET", "/settings", page),
    PageRoute("POST", "/settings", save),
    PageRoute("GET", "/settings/providers/new", new_provider),
    PageRoute("POST", "/settings/providers/new", create_provider),
    PageRoute("POST", "/settings/providers/try", try_rules),
    PageRoute("GET", "/settings/providers/<id>", edit_provider),
    PageRoute("POST", "/settings/providers/<id>", save_provider),
    PageRoute("POST", "/settings/providers/<id>/delete", delete_provider),
)
