"""Endpoints: how pipelines and webhooks reach registries, clusters and the rest; secrets sealed, shown as a mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.config.catalog import references
from services.config.catalog.base import Scoped, choose_project, demand, tags_of
from services.config.catalog.documents import common, flag, name_of, table, text
from services.config.catalog.hooks import wanted
from services.config.model.definitions import Endpoint
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import projects, uses
from services.config.store.definitions.endpoints import ENDPOINTS
from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Act, Document, Get, Kind
from shared.contracts.endpoint_names import renamed
from shared.contracts.problems import Code, Problem, Refused, refuse
from shared.contracts.secrets import MASK, SENT_SECRETS, endpoint_secret_keys
from shared.contracts.times import day

from . import schemas
from .types import endpoint_type, flaws_of, for_administrators, servers, spelled

_ACCEPTED_AT = "fingerprintAcceptedAt"


class Endpoints(Scoped[Endpoint]):
    """The kind `endpoints`."""

    kind = Kind.ENDPOINTS
    noun = "endpoint"
    table = ENDPOINTS
    file_fields = ("project", "kind", "name", "description", "type", "isRestricted", "properties")

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One endpoint; with `options.forValidation` as a runner needs it: variables filled in, secrets sealed; with
        `options.forTags` the same, for who may run pipelines and so has its tags listed; with
        `options.types` what each type takes; with `options.mayTry` nothing, refused for who may edit nowhere."""
        if ask.options.get("types"):
            return Document(document={"types": schemas.documents()})
        if ask.options.get("mayTry"):
            _demand_some_edit(person)
            return Document()
        if ask.options.get("forTags"):
            endpoint = self.locate(uow, person, ask)
            demand(uow, person, endpoint.project, Right.EXECUTE, "list tags")
            return Document(document=references.resolve_endpoint(uow, endpoint).model_dump(mode="json"))
        if not ask.options.get("forValidation"):
            return super().get(uow, person, ask)
        body = ask.options.get("body")
        stored = self.locate(uow, person, ask) if ask.id or (ask.name and body is None) else None
        if stored is None and isinstance(body, dict) and body.get("id"):
            stored = self.locate(uow, person, Get(kind=self.kind, id=str(body["id"])))
        if stored is not None:
            # Before the draft: what is only typed must not take the stored password to another address.
            self.demand_edit(uow, person, stored, "try")
        if isinstance(body, dict):
            sealed = {key: Sealed.model_validate(box) for key, box in dict(ask.options.get("sealed") or {}).items()}
            act = Act(kind=self.kind, verb="validate", body=body, sealed=sealed)
            stored = self._draft(uow, person, act, stored)
        if stored is None:
            raise self.not_found(uow, person, ask)
        self.demand_edit(uow, person, stored, "try")
        _demand_variable_right(uow, person, stored)
        resolved = references.resolve_endpoint(uow, stored)
        return Document(document=resolved.model_dump(mode="json"))

    def documents(self, uow: Reading, values: Sequence[Endpoint]) -> list[Json]:
        """Wire documents, with the mask where a secret is."""
        ids = projects.ids(uow, [value.project for value in values])
        return [
            {
                **common(
                    value, kind="ENDPOINT", collection=Kind.ENDPOINTS.value, project_id=ids.get(value.project, "")
                ),
                "type": value.type,
                "properties": masked(value),
                "isRestricted": value.restricted,
                "isLocked": False,
                "cloudProxyId": value.cloud_proxy_id,
                "validationOutput": "",
            }
            for value in values
        ]

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> Endpoint:
        """A new endpoint."""
        endpoint = self._checked(_dated(self._built(uow, person, ask, project), {}, uow.now), ask)
        _demand_administrator(person, None, endpoint)
        _demand_variable_right(uow, person, endpoint)
        return endpoint

    def changed_value(self, uow: UnitOfWork, person: Person, ask: Act, old: Endpoint, *, partial: bool) -> Endpoint:
        """The endpoint after a change; the mask keeps a secret, a blank removes it."""
        body = ask.body
        type_ = endpoint_type(text(body, "type", old.type), table(body, "properties") or old.properties)
        if "properties" in body or not partial:
            new_properties = renamed(type_, table(body, "properties"))
            base = old.properties if partial else {}
            properties, secrets = _split(type_, {**base, **new_properties}, ask.sealed, old.secrets, partial=partial)
            secrets = _without_those_of_another_server(old, type_, properties, secrets, ask)
        else:
            properties, secrets = old.properties, old.secrets
        new = replace(
            old,
            name=name_of(body, self.noun, old.name),
            description=text(body, "description", old.description if partial else ""),
            tags=tags_of(body, old.tags),
            type=type_,
            properties=properties,
            secrets=secrets,
            restricted=flag(body, "isRestricted", old.restricted),
            cloud_proxy_id=text(body, "cloudProxyId", old.cloud_proxy_id),
        )
        endpoint = self._checked(_dated(new, old.properties, uow.now), ask)
        _demand_administrator(person, old, endpoint)
        _demand_variable_right(uow, person, old, endpoint)
        return endpoint

    def is_restricted(self, value: Endpoint) -> bool:
        return value.restricted

    def users_of(self, uow: Reading, value: Endpoint) -> list[str]:
        return uses.users_of_endpoint(uow, value.project, value.name)

    def after_change(
        self, uow: UnitOfWork, person: Person, before: Endpoint | None, after: Endpoint | None
    ) -> Endpoint | None:
        """A changed registry or password means another look at the hooks that depend on it."""
        if after is not None and after.type == "docker":
            wanted.endpoint_changed(uow, before, after)
        return after

    def _built(self, uow: Reading, person: Person, ask: Act, project: str) -> Endpoint:
        body = ask.body
        type_ = endpoint_type(text(body, "type"), table(body, "properties"))
        if not type_:
            raise refuse(
                Code.INVALID,
                "the endpoint has no type: type is required",
                subject="type",
                next_step="Use docker, k8s, git, email, slack or webhook.",
            )
        properties, secrets = _split(type_, table(body, "properties"), ask.sealed, {}, partial=False)
        return Endpoint(
            **self.stamp(uow, person, project, name_of(body, self.noun), body),
            type=type_,
            properties=properties,
            secrets=secrets,
            restricted=flag(body, "isRestricted", False),
            cloud_proxy_id=text(body, "cloudProxyId"),
        )

    def _draft(self, uow: Reading, person: Person, ask: Act, stored: Endpoint | None) -> Endpoint:
        """What a body not yet stored would become."""
        if stored is not None:
            return self.changed_value(uow, person, ask, stored, partial=False)  # type: ignore[arg-type]
        project = choose_project(uow, person, text(ask.body, "project"), self.noun)
        body = {"name": "new endpoint", **{key: value for key, value in ask.body.items() if value}}
        endpoint = self._checked(self._built(uow, person, ask.model_copy(update={"body": body}), project), ask)
        _demand_administrator(person, None, endpoint)
        _demand_variable_right(uow, person, endpoint)
        return endpoint

    def _checked(self, value: Endpoint, ask: Act) -> Endpoint:
        flaws = flaws_of(value.type, value.properties, value.secrets)
        if ask.options.get("imported"):
            # No export holds a secret: it is listed as needed, and nothing else is wrong with the endpoint.
            secret = {f"properties.{key}" for key in endpoint_secret_keys(value.type, value.properties)}
            flaws = [flaw for flaw in flaws if flaw.path not in secret]
        if flaws:
            raise Refused(
                Problem(
                    code=Code.INVALID,
                    message=f"endpoint {value.name} cannot be used: {'; '.join(flaw.message for flaw in flaws)}",
                    subject=value.name,
                    flaws=tuple(flaws),
                )
            )
        return value


def _demand_administrator(person: Person, before: Endpoint | None, after: Endpoint) -> None:
    """What uses the runner's own machine or identity is set up by administrators alone: its properties say where."""
    reason = for_administrators(after.properties)
    if reason is None or person.administers:
        return
    if before is not None and (before.type, before.properties, before.secrets) == (
        after.type,
        after.properties,
        after.secrets,
    ):
        return
    raise refuse(
        Code.FORBIDDEN,
        f"endpoint {after.name} would {reason.allows}, which {person.user} may not decide",
        subject=f"properties.{reason.property}",
        next_step=f"{reason.instead}, or ask an administrator to make the change.",
    )


def _demand_variable_right(uow: Reading, person: Person, *endpoints: Endpoint) -> None:
    """Who sets up where an endpoint sends a restricted variable learns it, so needs the right to it."""
    names = sorted({name for endpoint in endpoints for name in references.restricted_in(uow, endpoint)})
    if not names or person.may(endpoints[0].project, Right.RESTRICTED):
        return
    named = " and ".join(f"${{var.{name}}}" for name in names)
    raise refuse(
        Code.FORBIDDEN,
        f"endpoint {endpoints[-1].name} names the restricted {named}, which {person.user} may not use",
        subject=endpoints[-1].name,
        next_step=f"Ask an administrator of {endpoints[0].project} to make the change, or name a SECRET variable.",
    )


def _dated(new: Endpoint, before: Mapping[str, Any], now: float) -> Endpoint:
    """Keeps on which day its certificate was accepted, for the day on which the server shows another."""
    properties = {key: value for key, value in new.properties.items() if key != _ACCEPTED_AT}
    if fingerprint := properties.get("fingerprint"):
        same = fingerprint == before.get("fingerprint") and before.get(_ACCEPTED_AT)
        properties[_ACCEPTED_AT] = before[_ACCEPTED_AT] if same else day(now)
    return replace(new, properties=properties)


def masked(value: Endpoint) -> Json:
    """The properties with the mask where a secret is."""
    return {**value.properties, **dict.fromkeys(value.secrets, MASK)}


def _demand_some_edit(person: Person) -> None:
    if person.may_somewhere(Right.EDIT):
        return
    raise refuse(
        Code.FORBIDDEN,
        f"{person.user} may not look at servers: that is for who makes endpoints",
        subject=person.user,
        next_step="Ask an administrator of a project to make you a member.",
    )


def _split(
    type_: str,
    properties_sent: Mapping[str, Any],
    sealed: Mapping[str, Sealed],
    kept: Mapping[str, Any],
    *,
    partial: bool,
) -> tuple[Json, Json]:
    """Clear properties and secrets apart; a reference `${var.x}` is not a secret and stays readable."""
    properties = spelled(type_, properties_sent)
    boxes = {path.removeprefix("properties."): box.model_dump() for path, box in sealed.items()}
    boxes = spelled_keys(type_, boxes)
    secrets: Json = dict(kept) if partial else {}
    for key in endpoint_secret_keys(type_, {**boxes, **properties, **secrets}):
        value = properties.get(key)
        if key in boxes:
            secrets[key] = boxes[key]
        elif value == MASK and key in kept:
            secrets[key] = kept[key]
        elif isinstance(value, str) and value.startswith("${") and value.endswith("}"):
            secrets.pop(key, None)
            continue
        elif key in properties:
            if value not in (None, "", MASK):
                raise refuse(
                    Code.INVALID,
                    f"properties.{key} is a secret and must arrive sealed, or as a reference such as ${{var.{key}}}",
                    subject=f"properties.{key}",
                )
            if value != MASK:
                secrets.pop(key, None)
        properties.pop(key, None)
    return properties, secrets


def _without_those_of_another_server(old: Endpoint, type_: str, properties: Json, secrets: Json, ask: Act) -> Json:
    """A kept secret goes to no server that it was not given for: who may change the address may not read it there.

    An import leaves it out and lists it as needed; any other request is refused until it gives it again.
    """
    before, after = servers(old.type, old.properties), servers(type_, properties)
    kept = {key for key, box in secrets.items() if key in SENT_SECRETS and old.secrets.get(key) == box}
    if not kept or after <= before:
        return secrets
    if ask.options.get("imported"):
        return {key: box for key, box in secrets.items() if key not in kept}
    new = ", ".join(sorted(after - before))
    names = " and ".join(f"properties.{key}" for key in sorted(kept))
    raise refuse(
        Code.INVALID,
        f"endpoint {old.name} would send a secret that was given for {', '.join(sorted(before)) or 'another server'} "
        f"to {new}",
        subject=f"properties.{min(kept)}",
        next_step=f"Give {names} again together with the new address.",
    )


def spelled_keys(type_: str, boxes: Mapping[str, Any]) -> Json:
    """Sealed boxes under the property names that we read."""
    new = renamed(type_, boxes)
    keys = {key.casefold(): key for key in endpoint_secret_keys(type_, new)}
    return {keys.get(key.casefold(), key): box for key, box in new.items()}
