"""Which hooks should exist at Docker Hub, and what hubsync says of them."""

from __future__ import annotations

from dataclasses import replace

from services.config.catalog import references
from services.config.model.definitions import Endpoint, Tombstone, Webhook
from services.config.store import Reading, UnitOfWork
from services.config.store.definitions import settings
from services.config.store.definitions import webhooks as webhooks_store
from services.config.store.definitions.endpoints import ENDPOINTS
from shared.contracts import topics
from shared.contracts.base import Sealed
from shared.contracts.mirror import ForeignHook, MirrorPass, MirrorReport, MirrorState, Wanted, WantedAsk, WantedHook
from shared.contracts.times import wire_time
from shared.grammar.repositories import DOCKER_HUB, HUB_HOST, Repository, join_repository, meant_repository
from shared.process.addresses import may_be_local

from . import public_url as public_address

PASS_TIMER = "mirror.pass"
PASS_EVERY_S = 300.0
LOOKED_AT = "looked at"
"""The state of a webhook that has no hook and needs none."""
_ALL = "all"


def ask_pass(uow: UnitOfWork, reason: str, *webhook_ids: str) -> None:
    """Have hubsync look at these webhooks, or at all."""
    uow.outbox(topics.MIRROR_PASS, MirrorPass(reason=reason, webhook_ids=webhook_ids), "mirror")


def on_timer(uow: UnitOfWork, subject: str) -> None:
    """Handle the timer: a pass over everything, or over the one webhook that was to be tried again."""
    if subject == _ALL:
        ask_pass(uow, "every five minutes")
        uow.timer(PASS_TIMER, _ALL, uow.now + PASS_EVERY_S)
    else:
        ask_pass(uow, "trying again", subject)


def start(uow: UnitOfWork, from_environment: str, local_url: str) -> None:
    """When config becomes active: a pass soon, with new hooks all over when the public address has changed."""
    public_address.start(uow, from_environment, local_url)
    _note_scopes(uow)
    uow.timer(PASS_TIMER, _ALL, uow.now)


def repository(webhook: Webhook, endpoint: Endpoint | None) -> Repository:
    """What a webhook is about; the endpoint's references are filled in already."""
    if endpoint is None:
        return join_repository(Repository(host="", namespace=""), webhook.repo_name)
    return meant_repository(endpoint.properties, webhook.repo_name, whole_namespace=webhook.whole_namespace)


def _note_scopes(uow: UnitOfWork) -> None:
    """After an update: what each webhook is for that an earlier version defined."""
    webhooks = webhooks_store.without_scope(uow)
    endpoints = ENDPOINTS.named(uow, {(webhook.project, webhook.endpoint) for webhook in webhooks})
    readable = {key: references.readable(uow, endpoint) for key, endpoint in endpoints.items()}
    for webhook in webhooks:
        scope = _scope(repository(webhook, readable.get((webhook.project, webhook.endpoint))))
        webhooks_store.set_hook(uow, replace(webhook, scope=scope))


def _scope(meant: Repository) -> str:
    """`acme/web`, or `acme/` for all of a namespace; blank for all of a registry, or where nothing is known."""
    return meant.path or (f"{meant.namespace}/" if meant.namespace else "")


def refreshed(uow: UnitOfWork, before: Webhook | None, after: Webhook) -> Webhook:
    """The webhook with the hook that it now wants; a new generation where the old hook will not do."""
    endpoint = references.endpoint_of(uow, after.project, after.endpoint)
    hub_url, path, state, message = _target(after, endpoint)
    old_target = (after.hook_hub_url, after.hook_repository)
    moved = (hub_url, path) != old_target
    if moved and after.hook_repository:
        bury(uow, before or after)
    renewed = before is not None and (before.token_hash != after.token_hash or before.name != after.name)
    restated = not path and (state, message) != (after.hub_state, after.hub_message)
    scope = _scope(repository(after, endpoint))
    if not moved and not renewed and not restated:
        if scope == after.scope:
            return after
        new = replace(after, scope=scope)
        webhooks_store.set_hook(uow, new)
        return new
    new = replace(
        after,
        generation=after.generation + 1 if path else after.generation,
        scope=scope,
        hook_repository=path,
        hook_hub_url=hub_url,
        slug=None if moved else after.slug,
        hub_state=state,
        hub_message=message,
    )
    webhooks_store.set_hook(uow, new)
    return new


def bury(uow: UnitOfWork, webhook: Webhook) -> None:
    """Remember a hook that must go, with what is needed to delete it."""
    if not webhook.hook_repository:
        return
    endpoint = ENDPOINTS.one(uow, project=webhook.project, name=webhook.endpoint) if webhook.endpoint else None
    username, password = credentials(uow, endpoint)
    webhooks_store.TOMBSTONES.delete(uow, webhook_id=webhook.id, generation=webhook.generation)
    webhooks_store.TOMBSTONES.insert(
        uow,
        Tombstone(
            webhook_id=webhook.id,
            generation=webhook.generation,
            hook_name=hook_name(uow, webhook.id, webhook.generation),
            repository=webhook.hook_repository,
            hub_url=webhook.hook_hub_url,
            hub_local=endpoint is not None and may_be_local(endpoint.properties),
            token=webhook.secret_token,
            username=username,
            password=password.model_dump() if password is not None else None,
            slug=webhook.slug,
            created_at=uow.now,
        ),
    )


def endpoint_changed(uow: UnitOfWork, before: Endpoint | None, after: Endpoint) -> None:
    """A new or changed docker endpoint: webhooks that name it may want other hooks, or only other credentials."""
    if before is None or (before.properties, before.secrets) != (after.properties, after.secrets):
        _look_again(uow, after, f"endpoint {after.name} changed")


def variable_changed(uow: UnitOfWork, project: str, name: str) -> None:
    """A changed variable means as much for the docker endpoints that refer to it."""
    for endpoint in ENDPOINTS.all(uow, ENDPOINTS.column("project") == project, ENDPOINTS.column("type") == "docker"):
        if name in references.referred(endpoint):
            _look_again(uow, endpoint, f"variable {name} changed")


def _look_again(uow: UnitOfWork, endpoint: Endpoint, reason: str) -> None:
    touched = webhooks_store.of_endpoint(uow, endpoint.project, endpoint.name)
    for webhook in touched:
        refreshed(uow, webhook, webhook)
    if touched:
        ask_pass(uow, reason, *(webhook.id for webhook in touched))


def wanted(uow: Reading, ask: WantedAsk) -> Wanted:
    """The wanted state: hooks that should exist, and tombstones of those that should not.

    All webhooks of a repository come together, whichever is asked for: a hook of ours that hubsync does not know of
    would look to it like one of somebody else's.
    """
    url_base = public_address.hook_base(uow)
    webhooks, stones = webhooks_store.hooks_beside(uow, ask.webhook_ids)
    endpoints = ENDPOINTS.named(uow, {(webhook.project, webhook.endpoint) for webhook in webhooks})
    hooks = []
    for webhook in webhooks:
        endpoint = endpoints.get((webhook.project, webhook.endpoint))
        username, password = credentials(uow, endpoint)
        hooks.append(
            WantedHook(
                webhook_id=webhook.id,
                hook_name=hook_name(uow, webhook.id, webhook.generation),
                generation=webhook.generation,
                repository=webhook.hook_repository,
                url_base=url_base,
                token=Sealed.model_validate(webhook.secret_token),
                hub_url=webhook.hook_hub_url,
                hub_local=endpoint is not None and may_be_local(endpoint.properties),
                username=username,
                password=password,
                slug=webhook.slug,
                replace=tuple(webhook.replacing),
            )
        )
    hooks += [_gone(stone, url_base) for stone in stones]
    return Wanted(installation=settings.setting(uow, "installation"), hooks=tuple(hooks))


def report(uow: UnitOfWork, mirror_report: MirrorReport) -> None:
    """Keep what hubsync says; an old generation's report cannot change what is shown of the new one."""
    if mirror_report.state is MirrorState.GONE:
        webhooks_store.TOMBSTONES.delete(uow, webhook_id=mirror_report.webhook_id, generation=mirror_report.generation)
    elif not webhooks_store.note_tombstone(
        uow, mirror_report.webhook_id, mirror_report.generation, mirror_report.message
    ):
        webhook = webhooks_store.WEBHOOKS.one(uow, id=mirror_report.webhook_id)
        if webhook is not None and webhook.generation == mirror_report.generation:
            message = (
                mirror_report.repaired
                if mirror_report.state is MirrorState.IN_STEP and mirror_report.repaired
                else mirror_report.message
            )
            if mirror_report.state is MirrorState.RATE_LIMITED and mirror_report.retry_at is not None:
                message = f"Until {wire_time(mirror_report.retry_at)[:19]} UTC. {message}"
            slug = mirror_report.slug or webhook.slug
            webhooks_store.note_hub(uow, webhook.id, state=mirror_report.state.value, message=message, slug=slug)
            _remember(uow, webhook, mirror_report)
            if mirror_report.elsewhere is not None:
                _note_elsewhere(uow, webhook, mirror_report.elsewhere)
    if mirror_report.retry_at is not None:
        uow.timer(PASS_TIMER, mirror_report.webhook_id, mirror_report.retry_at)


def _note_elsewhere(uow: UnitOfWork, webhook: Webhook, hooks: tuple[ForeignHook, ...]) -> None:
    there = {hook.slug for hook in hooks}
    for hook in webhook.elsewhere:
        if hook["slug"] in webhook.replacing and hook["slug"] not in there:
            line = f"The hook {hook['name']} to {hook['address']} was deleted at Docker Hub, as asked."
            webhooks_store.add_history(uow, webhook.id, line)
    documents = [hook.model_dump() for hook in hooks]
    replacing = [slug for slug in webhook.replacing if slug in there]
    if (documents, replacing) != (webhook.elsewhere, webhook.replacing):
        webhooks_store.set_elsewhere(uow, webhook.id, documents, replacing)


def _remember(uow: UnitOfWork, webhook: Webhook, mirror_report: MirrorReport) -> None:
    """Drift, and changes of state that people look back at, stand in the webhook's history."""
    if mirror_report.repaired:
        webhooks_store.add_history(uow, webhook.id, mirror_report.repaired)
    elif mirror_report.state.value != webhook.hub_state and mirror_report.state is not MirrorState.PENDING:
        line = f"At Docker Hub: {mirror_report.state.value}. {mirror_report.message}".strip()
        webhooks_store.add_history(uow, webhook.id, line)


def hook_name(uow: Reading, webhook_id: str, generation: int) -> str:
    """`portside-<installation>-<webhook>-<generation>`; the last twelve digits of an id are its random ones."""
    installation = uow.once("installation", lambda: settings.setting(uow, "installation"))
    return f"portside-{installation}-{webhook_id.replace('-', '')[-12:]}-{generation}"


def _target(webhook: Webhook, endpoint: Endpoint | None) -> tuple[str, str, str, str]:
    """Management API, repository, state and message of the hook that a webhook wants; none without a repository."""
    if endpoint is None or endpoint.type != "docker":
        return "", "", "", ""
    if webhook.mode == "look":
        return "", "", LOOKED_AT, "No hook is made: the registry is looked at for new tags."
    place = repository(webhook, endpoint)
    if endpoint.properties.get("serverType") != "DockerHub":
        by_hand = "This registry's hooks are not managed: set the Hook URL there by hand."
        return "", "", MirrorState.BY_HAND.value, by_hand
    if place.host != HUB_HOST:
        other = f"The repository is at {place.host}, not at Docker Hub: choose an endpoint of that registry."
        return "", "", MirrorState.PENDING.value, other
    if not place.path and webhook.whole_namespace:
        by_hand = (
            f"A namespace has no hook of its own: set the Hook URL at each repository of {place.namespace} by hand."
        )
        return "", "", MirrorState.BY_HAND.value, by_hand
    if not place.path:
        return "", "", MirrorState.PENDING.value, "The repository is not known: give the webhook a repoName."
    hub_url = str(endpoint.properties.get("hubURL") or DOCKER_HUB).rstrip("/")
    return hub_url, place.path, MirrorState.PENDING.value, "Docker Hub has not been asked yet."


def credentials(uow: Reading, endpoint: Endpoint | None) -> tuple[str, Sealed | None]:
    """The user name and the sealed password of an endpoint; nothing where there is none."""
    if endpoint is None:
        return "", None
    resolved = references.resolve_endpoint(uow, endpoint)
    password = resolved.secrets.get("password") or resolved.secrets.get("token")
    return str(resolved.properties.get("username") or ""), password


def _gone(stone: Tombstone, url_base: str) -> WantedHook:
    return WantedHook(
        webhook_id=stone.webhook_id,
        hook_name=stone.hook_name,
        generation=stone.generation,
        repository=stone.repository,
        url_base=url_base,
        token=Sealed.model_validate(stone.token),
        hub_url=stone.hub_url,
        hub_local=stone.hub_local,
        username=stone.username,
        password=Sealed.model_validate(stone.password) if stone.password else None,
        gone=True,
        slug=stone.slug,
    )
