"""Docker webhooks: which pushes start which pipeline, by what token they come in, and as whom they run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.config.catalog import references
from services.config.catalog.base import Scoped, tags_of
from services.config.catalog.context import Context, new_token, token_hash
from services.config.catalog.documents import flag, name_of, table, text, texts
from services.config.catalog.endpoints.resource import Endpoints
from services.config.catalog.endpoints.types import server_type
from services.config.catalog.hooks import allowlist, wanted
from services.config.model.definitions import Webhook
from services.config.model.people import Person
from services.config.model.rights import Right
from services.config.store import Reading, UnitOfWork, polls
from services.config.store.definitions import people, webhooks
from services.config.store.definitions.webhooks import WEBHOOKS
from shared.contracts.base import Json, Sealed
from shared.contracts.catalog import Act, Document, Get, Kind
from shared.contracts.problems import Code, refuse
from shared.contracts.pushes import TokenEntry
from shared.contracts.secrets import MASK

from . import documents, identity, sender_rules
from .validation import check_patterns, preview

_TEXT_FIELDS = {
    "endpoint": "endpoint",
    "pipeline": "pipeline",
    "repoName": "repo_name",
    "imageNameRegExPattern": "image_pattern",
    "tagNamePattern": "tag_pattern",
}
MODES = ("hook", "look")


class Webhooks(Scoped[Webhook]):
    """The kind `registry-webhooks`."""

    kind = Kind.WEBHOOKS
    noun = "webhook"
    table = WEBHOOKS
    file_fields = (
        "project",
        "kind",
        "name",
        "description",
        "enabled",
        "mode",
        "endpoint",
        "pipeline",
        "serverType",
        "repoName",
        "imageNameRegExPattern",
        "tagNamePattern",
        "exclude",
        "input",
        "wholeNamespace",
        *sender_rules.FIELDS,
    )

    def __init__(self, context: Context, endpoints: Endpoints) -> None:
        super().__init__(context)
        self.endpoints = endpoints
        self.verbs |= {"rotate": self.rotate, "test": self.test, "replace-elsewhere": self.replace_elsewhere}

    def get(self, uow: Reading, person: Person, ask: Get) -> Document:
        """One webhook; with `options.forCheck` what a test delivery to it needs, its token sealed."""
        if not ask.options.get("forCheck"):
            return super().get(uow, person, ask)
        webhook = self.locate(uow, person, ask)
        person.demand(webhook.project, Right.EXECUTE, f"send test deliveries to webhook {webhook.name}")
        return Document(document=documents.for_check(uow, webhook))

    def documents(self, uow: Reading, values: Sequence[Webhook]) -> list[Json]:
        return documents.documents(uow, values)

    def new_value(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> Webhook:
        """A new webhook; what it lacks it says."""
        name = name_of(ask.body, self.noun)
        ask = self._with_endpoint(uow, person, ask, project)
        box, hashed = self._secure_token(ask)
        blank = Webhook(
            **self.stamp(uow, person, project, name, ask.body),
            enabled=True,
            mode="hook",
            endpoint="",
            pipeline="",
            server_type="",
            repo_name="",
            image_pattern="",
            tag_pattern="",
            exclude=[],
            input={},
            secret_token=box,
            token_hash=hashed,
            api_token_id=None,
            actor=person.user,
            platforms=[],
            networks=[],
            history=[],
            elsewhere=[],
            replacing=[],
        )
        return self._filled(uow, ask, blank, partial=False)

    def changed_value(self, uow: UnitOfWork, person: Person, ask: Act, old: Webhook, *, partial: bool) -> Webhook:
        """The webhook after a change; a token that is not given again is kept."""
        ask = self._with_endpoint(uow, person, ask, old.project)
        new = self._filled(uow, ask, old, partial=partial)
        new = replace(
            new,
            name=name_of(ask.body, self.noun, old.name),
            description=text(ask.body, "description", old.description),
            tags=tags_of(ask.body, old.tags),
        )
        if "secretToken" in ask.hashes:
            box, hashed = self._secure_token(ask)
            new = replace(new, secret_token=box, token_hash=hashed)
        if _by_token(old) and not _by_token(new):
            # Its owner vouches for it no more; who took the token away does.
            new = replace(new, actor=person.user)
        return new

    def rotate(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """A new secure token; the old one stays good for a day."""
        old = self.locate(uow, person, ask)
        self.demand_edit(uow, person, old, "rotate the token of")
        box, hashed = self._secure_token(ask)
        return self.save(uow, person, old, replace(old, secret_token=box, token_hash=hashed), "rotate")

    def replace_elsewhere(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Hooks at the Hub that point at another address go: those of `slugs`, or all that are shown."""
        old = self.locate(uow, person, ask)
        self.demand_edit(uow, person, old, "replace the hooks elsewhere of")
        slugs = [str(hook["slug"]) for hook in old.elsewhere]
        chosen = texts(ask.body, "slugs") or slugs
        if unknown := sorted(set(chosen) - set(slugs)):
            raise refuse(Code.INVALID, f"{unknown[0]} is none of the hooks that are shown", subject="slugs")
        return self.save(uow, person, old, replace(old, replacing=chosen), "replace-elsewhere")

    def test(self, uow: UnitOfWork, person: Person, ask: Act) -> Document:
        """Which of these `tags` a push of would run, and why; nothing is started."""
        webhook = self.locate(uow, person, ask)
        patterns = self._filled(uow, Act(kind=self.kind, verb="test", body=ask.body), webhook, partial=True)
        document = {**self.document(uow, webhook), "tags": preview(patterns, texts(ask.body, "tags"))}
        return Document(document=document)

    def after_change(
        self, uow: UnitOfWork, person: Person, before: Webhook | None, after: Webhook | None
    ) -> Webhook | None:
        """The allowlist and the mirror follow."""
        if after is None:
            if before is not None:
                allowlist.remove(uow, (entry.token_hash for entry in webhooks.tokens_of(uow, before.id)))
                wanted.bury(uow, before)
                wanted.ask_pass(uow, f"webhook {before.name} deleted", before.id)
            return None
        self._let_in(uow, before, after)
        if before is None or (after.enabled and not before.enabled):
            # Nothing that was pushed until now is recovered.
            polls.start_afresh(uow, after.id)
        elif before.mode != after.mode:
            polls.look_now(uow, after.id)
        refreshed = wanted.refreshed(uow, before, after)
        wanted.ask_pass(uow, f"webhook {after.name} {'changed' if before else 'created'}", after.id)
        return refreshed

    def _let_in(self, uow: UnitOfWork, before: Webhook | None, after: Webhook) -> None:
        provider = "dockerhub" if after.server_type in ("", "DockerHub") else "auto"
        entry = TokenEntry(
            token_hash=after.token_hash,
            webhook_id=after.id,
            provider=provider,
            networks=tuple(after.networks),
            signed=after.signed,
        )
        others = {other.token_hash: other for other in webhooks.token_entries(uow, after.token_hash)}
        other = others.get(after.token_hash)
        if other is not None and other.webhook_id != after.id:
            raise refuse(
                Code.CONFLICT,
                "this secure token belongs to another webhook: a token must tell which webhook is meant",
                subject="secretToken",
                next_step="Leave secretToken out to have one made.",
            )
        entries = [entry]
        if before is not None and before.token_hash != after.token_hash:
            end = uow.now + allowlist.OVERLAP_S
            entries.append(entry.model_copy(update={"token_hash": before.token_hash, "good_until": end}))
        if entries != [other]:
            allowlist.put(uow, entries)

    def _filled(self, uow: UnitOfWork, ask: Act, old: Webhook, *, partial: bool) -> Webhook:
        """The fields of its own, out of a body; a full body clears what it does not name."""
        body = ask.body
        named: Json = {
            column: text(body, key).strip() for key, column in _TEXT_FIELDS.items() if key in body or not partial
        }
        if "pipeline" in named and not named["pipeline"] and body.get("pipelineLink"):
            named["pipeline"] = documents.pipeline_of_link(uow, text(body, "pipelineLink")) or ""
        mode = text(body, "mode", old.mode).lower() or "hook"
        if mode not in MODES:
            raise refuse(Code.INVALID, f"mode must be hook or look, not {mode!r}", subject="mode")
        new = replace(
            old,
            **named,
            mode=mode,
            enabled=flag(body, "enabled", old.enabled),
            whole_namespace=flag(body, "wholeNamespace", old.whole_namespace if partial else False),
            server_type=server_type(text(body, "serverType")),
            exclude=texts(body, "exclude") if "exclude" in body or not partial else old.exclude,
            input=table(body, "input") if "input" in body or not partial else old.input,
            **sender_rules.read(body, old, partial=partial),
        )
        if not new.server_type:
            kept = old.server_type if new.endpoint == old.endpoint else ""
            new = replace(new, server_type=kept or documents.server_type_of(uow, new))
        check_patterns(new, old)
        return self._with_actor(uow, ask, new, partial=partial)

    def _with_actor(self, uow: UnitOfWork, ask: Act, new: Webhook, *, partial: bool) -> Webhook:
        hashed = ask.hashes.get("refreshToken")
        reference = text(ask.body, "refreshToken")
        if variable := references.variable_in(reference):
            return identity.by_variable(uow, replace(new, token_variable=variable))
        if hashed is None:
            if reference not in ("", MASK):
                message = f"refreshToken is an API token or ${{var.name}}, not {reference!r}"
                raise refuse(Code.INVALID, message, subject="refreshToken")
            removed = "refreshToken" in ask.body and reference != MASK
            return replace(new, api_token_id=None, token_variable="") if removed else new
        token = people.TOKENS.one(uow, token_hash=hashed)
        owner = people.USERS.one(uow, id=token.user_id) if token is not None else None
        if token is None or owner is None or token.revoked_at is not None:
            if ask.options.get("imported"):
                # A file from another installation names tokens that mean nothing here.
                return new
            raise refuse(
                Code.INVALID,
                "refreshToken is not an API token of this installation, or it has been revoked",
                subject="refreshToken",
                next_step="Generate one, name a variable that holds one as ${var.name}, or leave it out.",
            )
        return replace(new, api_token_id=token.id, token_variable="", actor=owner.name)

    def _secure_token(self, ask: Act) -> tuple[Json, str]:
        """The sealed token and its hash; made here only when the request brought none."""
        sealed, hashed = ask.sealed.get("secretToken"), ask.hashes.get("secretToken")
        if sealed is not None and hashed:
            return sealed.model_dump(), hashed
        token = new_token()
        return self.context.seal(token).model_dump(), token_hash(token)

    def _with_endpoint(self, uow: UnitOfWork, person: Person, ask: Act, project: str) -> Act:
        """An endpoint given as an object is created in the same call; the webhook then names it."""
        new_endpoint = ask.body.get("endpoint")
        if not isinstance(new_endpoint, dict):
            return ask
        sealed: dict[str, Sealed] = {
            path.removeprefix("endpoint."): box for path, box in ask.sealed.items() if path.startswith("endpoint.")
        }
        body = {"type": "docker", **new_endpoint, "project": project}
        answer = self.endpoints.create(uow, person, Act(kind=Kind.ENDPOINTS, verb="create", body=body, sealed=sealed))
        return ask.model_copy(update={"body": {**ask.body, "endpoint": answer.document["name"]}})


def _by_token(webhook: Webhook) -> bool:
    return webhook.api_token_id is not None or bool(webhook.token_variable)
