"""Sign-in providers: the OpenID Connect servers that vouch for people, and the rules by which they are let in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from services.config.catalog import audit
from services.config.catalog.base import tags_of
from services.config.catalog.context import new_id
from services.config.catalog.documents import common, demand_known, flag, name_of, name_taken, table, text, texts
from services.config.catalog.endings import DECLARED, is_day
from services.config.catalog.hooks import public_url
from services.config.model.definitions import SignInProvider
from services.config.model.people import SYSTEM, Person
from services.config.model.rights import ProjectRole, ServiceRole
from services.config.resource import chosen
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import settings
from services.config.store.definitions.people import PROVIDERS
from services.config.store.definitions.projects import PROJECTS
from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Act, Document, Find, Get, Kind, Page
from shared.contracts.problems import Code, refuse
from shared.contracts.runs import ResolvedEndpoint
from shared.contracts.secrets import MASK
from shared.process.addresses import is_private_way

from .claim_rules import ClaimRule, Grants, grants

MAX_RULES = 200
_SECRET = "clientSecret"
_TEXTS = {
    "title": "",
    "issuer": "",
    "clientId": "",
    "scopes": "openid profile email",
    "userNameClaim": "preferred_username",
    "caCertificate": "",
    DECLARED: "",
}
"""Text fields with what a blank one means."""
_FLAGS = {"createUsers": True, "allowLocal": False}
_FIELDS = frozenset({"name", "description", "tags", "enabled", "rules", _SECRET, *_TEXTS, *_FLAGS})
_RULE_FIELDS = ("claim", "value", "serviceRole", "projects", "groups")


class SignInProviders:
    """The kind `sign-in-providers`, for administrators."""

    def __init__(self) -> None:
        self._verbs = {
            "create": self._create,
            "replace": self._change,
            "patch": self._change,
            "delete": self._delete,
            "try": self._try,
        }

    def find(self, uow: Reading, person: Person, ask: Find) -> Page:
        """One page."""
        person.demand_administrator("see the sign-in providers")
        values, total = PROVIDERS.page(uow, ask)
        return Page(documents=tuple(_document(value) for value in values), total=total)

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One provider; for the gateway itself with `options.connect` as an endpoint that the runner can open, and
        with `options.offered` what the sign-in page shows."""
        person.demand_administrator("see the sign-in providers")
        if ask.options.get("offered") and person is SYSTEM:
            return Document(document=_offered(uow))
        value = _locate(uow, ask)
        if ask.options.get("connect") and person is SYSTEM:
            return Document(document=_connection(uow, value))
        return Document(document=_document(value))

    def act(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Create, change, delete, or `try` rules on claims."""
        person.demand_administrator("change the sign-in providers")
        return chosen(self._verbs, ask)(uow, person, ask)

    def _create(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        demand_known(ask.body, "sign-in provider", _FIELDS, {})
        name = name_of(ask.body, "sign-in provider")
        if PROVIDERS.one(uow, name=name) is not None:
            raise name_taken(f"there is a sign-in provider {name} already", name)
        value = SignInProvider(
            id=new_id(),
            name=name,
            description=text(ask.body, "description"),
            tags=tags_of(ask.body, []),
            created_at=uow.now,
            updated_at=uow.now,
            created_by=person.user,
            updated_by=person.user,
            enabled=flag(ask.body, "enabled", True),
            tree=_tree(ask.body, {}),
            secrets=_secrets(ask, {}),
        )
        document = _document(PROVIDERS.insert(uow, value))
        audit.record(uow, person, "create", Kind.PROVIDERS, None, document)
        return Document(document=document)

    def _change(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        old = _locate(uow, ask)
        demand_known(ask.body, "sign-in provider", _FIELDS, _document(old))
        if name_of(ask.body, "sign-in provider", old.name) != old.name:
            raise refuse(Code.INVALID, f"sign-in provider {old.name} cannot be renamed: people carry its name")
        new = replace(
            old,
            description=text(ask.body, "description", old.description),
            tags=tags_of(ask.body, old.tags),
            enabled=flag(ask.body, "enabled", old.enabled),
            tree=_tree(ask.body, old.tree),
            secrets=_secrets(ask, old.secrets),
            version=old.version + 1,
            updated_at=uow.now,
            updated_by=person.user,
        )
        if not new.is_way_in:
            _demand_some_way_in(uow, old)
        before, document = _document(old), _document(PROVIDERS.update(uow, new))
        audit.record(uow, person, ask.verb, Kind.PROVIDERS, before, document)
        return Document(document=document)

    def _delete(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        old = _locate(uow, ask)
        _demand_some_way_in(uow, old)
        document = _document(old)
        PROVIDERS.delete(uow, id=old.id)
        audit.record(uow, person, "delete", Kind.PROVIDERS, document, None)
        return Document(document=document)

    def _try(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """What somebody with `claims` would get by `rules`, or by those of the provider. Nothing is changed."""
        rules = _rules(ask.body["rules"]) if "rules" in ask.body else _locate(uow, ask).tree["rules"]
        granted = grants(rules_of(rules), table(ask.body, "claims"))
        missing = [name for name in (granted.projects if granted else ()) if PROJECTS.one(uow, name=name) is None]
        return Document(document=grants_document(granted, missing))


def rules_of(documents: Any) -> list[ClaimRule]:
    """The rules of a provider as it is stored."""
    return [
        ClaimRule(
            rule["claim"],
            rule["value"],
            ServiceRole(rule["serviceRole"]) if rule["serviceRole"] else None,
            {name: ProjectRole(role) for name, role in rule["projects"].items()},
            tuple(rule["groups"]),
        )
        for rule in documents
    ]


def grants_document(granted: Grants | None, missing_projects: Sequence[str] = ()) -> Json:
    """What rules give, in the API's shape; a project that does not exist gives nobody anything."""
    if granted is None:
        return {"letsIn": False, "message": "No rule matches: this person could not sign in."}
    return {
        "letsIn": True,
        "matched": list(granted.matched),
        "serviceRole": granted.service_role.value if granted.service_role else "",
        "projects": {name: role.value for name, role in granted.projects.items() if role},
        "groups": list(granted.groups or ()),
        "message": " ".join(
            (
                f"May sign in by rule {', '.join(str(position + 1) for position in granted.matched)}.",
                *(f"There is no project {name} here." for name in missing_projects),
            )
        ),
    }


def _tree(body: Json, old: Json) -> Json:
    """The fields that nobody filters by; what the body leaves out stays."""
    tree: Json = {key: text(body, key, old.get(key, "")).strip() or blank for key, blank in _TEXTS.items()}
    tree |= {key: flag(body, key, old.get(key, default)) for key, default in _FLAGS.items()}
    tree["rules"] = _rules(body["rules"]) if "rules" in body else old.get("rules", [])
    tree["issuer"] = tree["issuer"].rstrip("/")
    if not _is_address(tree["issuer"]):
        message = f"issuer must be an address such as https://sso.example.com, not {tree['issuer'][:200]!r}"
        raise refuse(Code.INVALID, message, subject="issuer")
    if not is_private_way(tree["issuer"]) or (tree["issuer"].startswith("http:") and not tree["allowLocal"]):
        step = "Use https. Only a provider on the runner's own machine may have http, with allowLocal."
        raise refuse(Code.INVALID, "issuer must begin with https://", subject="issuer", next_step=step)
    if not tree["clientId"]:
        raise refuse(Code.INVALID, "clientId is missing: the provider gives it to each application", subject="clientId")
    if tree[DECLARED] and not is_day(tree[DECLARED]):
        message = f"{DECLARED} must be a day such as 2027-03-31, not {tree[DECLARED][:50]!r}"
        raise refuse(Code.INVALID, message, subject=DECLARED)
    if "openid" not in tree["scopes"].split():
        raise refuse(Code.INVALID, "scopes must hold openid", subject="scopes")
    return tree


def _is_address(issuer: str) -> bool:
    try:
        parts = urlsplit(issuer)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and not parts.query and not parts.fragment
    except ValueError:
        return False


def _rules(value: Any) -> list[Json]:
    if not isinstance(value, list | tuple) or not all(isinstance(rule, dict) for rule in value):
        raise refuse(Code.INVALID, "rules must be a list of objects", subject="rules")
    if len(value) > MAX_RULES:
        raise refuse(Code.INVALID, f"there are more than {MAX_RULES} rules", subject="rules")
    return [_rule(rule, f"rules[{position}]") for position, rule in enumerate(value)]


def _rule(body: Json, place: str) -> Json:
    """A rule with every field. A misspelt or missing one would make it match more people than it should."""
    if unknown := sorted(set(body) - set(_RULE_FIELDS)):
        message = f"{place} has no field {unknown[0][:50]!r}: a rule has {', '.join(_RULE_FIELDS)}"
        raise refuse(Code.INVALID, message, subject=f"{place}.{unknown[0][:50]}")
    role, claim, value = (text(body, field).strip() for field in ("serviceRole", "claim", "value"))
    if value and not claim:
        message = f"{place} has a value and no claim that must have it: without a claim it matches everybody"
        raise refuse(Code.INVALID, message, subject=f"{place}.claim")
    return {
        "claim": claim,
        "value": value,
        "serviceRole": _role(ServiceRole, role, f"{place}.serviceRole") if role else "",
        "projects": {
            name: _role(ProjectRole, str(granted), f"{place}.projects.{name}")
            for name, granted in table(body, "projects").items()
        },
        "groups": [group.strip() for group in texts(body, "groups") if group.strip()],
    }


def _role(roles: type[ServiceRole] | type[ProjectRole], word: str, subject: str) -> str:
    for role in roles:
        if role.value.casefold() == word.strip().casefold():
            return role.value
    names = ", ".join(role.value for role in roles)
    raise refuse(Code.INVALID, f"{subject} must be one of {names}, not {word!r}", subject=subject)


def _secrets(ask: Act, old: Json) -> Json:
    """The sealed client secret; blank removes it, for a public client, and the mask keeps it."""
    if box := ask.sealed.get(_SECRET):
        return {_SECRET: box.model_dump()}
    return old if ask.body.get(_SECRET, MASK) == MASK else {}


def _enabled(uow: Reading) -> list[SignInProvider]:
    return PROVIDERS.all(uow, PROVIDERS.column("enabled").is_(True))


def _demand_some_way_in(uow: Reading, leaving: SignInProvider) -> None:
    others = [value for value in PROVIDERS.all(uow) if value.is_way_in and value.id != leaving.id]
    if not settings.local_sign_in(uow) and not others:
        raise refuse(
            Code.CONFLICT,
            f"{leaving.name} is the only way in: sign-in by password is switched off",
            subject=leaving.id,
            next_step="Switch sign-in by password on first.",
        )


def _offered(uow: Reading) -> Json:
    offered = [{"name": value.name, "title": value.tree["title"] or value.name} for value in _enabled(uow)]
    return {"providers": sorted(offered, key=lambda button: button["title"]), "passwords": settings.local_sign_in(uow)}


def connection(value: SignInProvider) -> ResolvedEndpoint:
    """The provider as an endpoint that a runner can open."""
    keys = ("issuer", "clientId", "scopes", "caCertificate", "allowLocal")
    return ResolvedEndpoint(
        name=value.tree["title"] or value.name,
        type="oidc",
        properties={key: value.tree[key] for key in keys},
        secrets={key: Sealed.model_validate(box) for key, box in value.secrets.items()},
    )


def looked_at(value: SignInProvider) -> tuple[str, ...]:
    """The claims by which a person is recognised and judged, as paths."""
    paths = (value.tree["userNameClaim"], *(rule["claim"] for rule in value.tree["rules"]))
    return tuple(dict.fromkeys(path for path in paths if path))


def _connection(uow: Reading, value: SignInProvider) -> Json:
    if not value.enabled:
        raise refuse(Code.NOT_FOUND, f"the sign-in provider {value.name} is disabled", subject=value.name)
    endpoint = connection(value).model_dump(mode="json")
    return {"endpoint": endpoint, "claims": list(looked_at(value)), "publicUrl": public_url.of(uow)}


def _locate(uow: Reading, ask: Act | Get) -> SignInProvider:
    value = PROVIDERS.one(uow, id=ask.id) if ask.id else None
    value = value or PROVIDERS.one(uow, name=ask.id or ask.name)
    if value is None:
        key = ask.id or ask.name
        raise refuse(Code.NOT_FOUND, f"there is no sign-in provider {key}", subject=key)
    return value


def _document(value: SignInProvider) -> Json:
    return {
        **common(value, kind="SIGN_IN_PROVIDER", collection=Kind.PROVIDERS.value),
        "enabled": value.enabled,
        **value.tree,
        _SECRET: MASK if value.secrets else "",
    }
