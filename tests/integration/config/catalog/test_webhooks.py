from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, event

from services.config.catalog.hooks import wanted
from services.config.model.triggers import MatchWebhook
from services.config.resources import registry
from services.config.store.definitions import webhooks
from shared.contracts.catalog import Kind, Page
from shared.contracts.mirror import ForeignHook, MirrorReport, MirrorState, WantedAsk, WantedHook
from shared.contracts.problems import Code
from shared.contracts.pushes import AllowlistAsk, AllowlistChanged
from shared.process.secrets import token_hash
from tests.integration.config.accounts.test_people import refused
from tests.integration.config.office import Office


def hooks(office: Office) -> list[WantedHook]:
    with office.store.read() as uow:
        return list(office.catalog.wanted(uow, WantedAsk()).hooks)


def match(office: Office, token: str = "first-token") -> MatchWebhook | None:
    with office.store.read() as uow:
        return office.catalog.webhook(uow, token_hash=token_hash(token))


def allowed(office: Office, token: str | None = None) -> dict[str, float | None]:
    with office.store.read() as uow:
        answer = office.catalog.allowlist(uow, AllowlistAsk(token_hash=token_hash(token) if token else None))
    return {entry.token_hash: entry.good_until for entry in answer.entries}


def report(office: Office, **fields: Any) -> None:
    with office.store.write() as uow:
        office.catalog.report(uow, MirrorReport(**fields))


def complete(office: Office, **body: Any) -> dict[str, Any]:
    office.docker_endpoint()
    office.pipeline()
    return office.webhook(endpoint="hub", pipeline="Deploy web", **body)


def statements_of(office: Office, **ask: Any) -> tuple[int, Page]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        page = office.find(Kind.WEBHOOKS, **ask)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return len(statements), page


def test_a_list_asks_the_database_as_often_for_many_webhooks_as_for_one(office: Office) -> None:
    complete(office)
    for number in range(1, 6):
        office.webhook(name=f"web {number}", token=f"token {number}", endpoint="hub", pipeline="Deploy web")
    few, first = statements_of(office, top=1)
    many, whole = statements_of(office, top=6)
    assert (len(first.documents), len(whole.documents), first.total, whole.total) == (1, 6, 6, 6)
    assert many == few
    # A page that is not full says itself how many there are.
    last, rest = statements_of(office, top=25, skip=4)
    assert (len(rest.documents), rest.total, last) == (2, 6, few - 1)
    assert statements_of(office, top=25, skip=40)[1].total == 6


def test_only_the_name_is_required_and_the_webhook_says_what_it_lacks(office: Office) -> None:
    webhook = office.act(Kind.WEBHOOKS, "create", {"name": "bare"})
    assert webhook["project"] == "default" and webhook["complete"] is False
    assert webhook["missing"] == [
        "It names no pipeline.",
        "It names no endpoint, so no hook can be made at the registry.",
    ]


def test_a_complete_webhook_has_all_fields_of_the_reference(office: Office) -> None:
    webhook = complete(office, tagNamePattern="1\\..*", input={"namespace": "web"})
    assert webhook["complete"] is True and webhook["missing"] == []
    assert webhook["externalListenerLink"] == f"/codestream/api/registry-webhook-listeners/{webhook['id']}"
    pipeline = office.get(Kind.PIPELINES, project="default", name="Deploy web")
    assert webhook["pipelineLink"] == pipeline["_link"]
    assert (webhook["serverType"], webhook["repository"], webhook["secretToken"]) == ("DockerHub", "acme/web", "*****")
    assert webhook["hookUrl"] == "https://portside.example.com/pipelines/api/docker-hub-webhooks?secureToken=*****"
    assert webhook["slug"] == "" and webhook["hubState"] == "pending"


def test_an_endpoints_sign_in_goes_to_no_other_registry_than_its_own(office: Office) -> None:
    webhook = complete(office, repoName="registry.example.com/acme/api")
    assert hooks(office) == []
    assert webhook["hubMessage"].startswith("The repository is at registry.example.com, not at Docker Hub")
    matched = match(office)
    assert matched is not None and matched.access is None


def test_a_new_token_is_let_in_at_once_and_broadcast_after_the_commit(office: Office) -> None:
    complete(office)
    assert allowed(office) == {token_hash("first-token"): None}
    changed = [message for message in office.broadcasts if isinstance(message, AllowlistChanged)]
    assert [entry.token_hash for entry in changed[-1].put] == [token_hash("first-token")]
    assert allowed(office, "unknown") == {}


def test_what_is_wanted_at_docker_hub_is_named_for_installation_webhook_and_generation(office: Office) -> None:
    webhook = complete(office)
    (hook,) = hooks(office)
    assert hook.hook_name.startswith("portside-") and hook.hook_name.endswith("-1")
    assert (hook.webhook_id, hook.repository, hook.hub_url) == (webhook["id"], "acme/web", "https://hub.docker.com")
    assert office.opener.open(hook.token) == "first-token"
    assert hook.password is not None and office.opener.open(hook.password) == "dckr_pat_secret"
    assert "mirror.pass.v1" in office.promised


def rotated(office: Office, **body: Any) -> str:
    webhook = complete(office, **body)
    office.act(
        Kind.WEBHOOKS,
        "rotate",
        {},
        id=webhook["id"],
        hashes={"secretToken": token_hash("second")},
        sealed=office.sealed(secretToken="second"),
    )
    return str(webhook["id"])


def ends(office: Office, webhook_id: str) -> None:
    with office.store.write() as uow:
        registry.TIMERS["webhook.token-end"](uow, webhook_id)


def test_rotation_overlaps_and_raises_the_generation(office: Office) -> None:
    id = rotated(office)
    assert allowed(office) == {token_hash("first-token"): office.now + 86_400, token_hash("second"): None}
    assert [hook.generation for hook in hooks(office)] == [2]
    assert match(office) is not None
    report(office, webhook_id=id, generation=2, state=MirrorState.IN_STEP)
    office.now += 86_400 - 600
    ends(office, id)
    assert token_hash("first-token") in allowed(office)
    office.now += 601
    assert allowed(office) == {token_hash("second"): None}
    assert match(office) is None
    ends(office, id)
    gone = [message for message in office.broadcasts if isinstance(message, AllowlistChanged)][-1]
    assert gone.removed == (token_hash("first-token"),)


def test_the_earlier_token_stays_good_until_docker_hub_calls_by_the_next_one(office: Office) -> None:
    id = rotated(office, sourceNetworks=["10.0.0.0/8"])
    report(office, webhook_id=id, generation=2, state=MirrorState.NEEDS_CREDENTIALS, message="Wrong password.")
    office.now += 86_400 - 600
    ends(office, id)
    assert allowed(office)[token_hash("first-token")] == office.now + 86_400
    told = [message for message in office.broadcasts if isinstance(message, AllowlistChanged)][-1]
    assert [entry.networks for entry in told.put] == [("10.0.0.0/8",)]
    assert any("stays good" in one["what"] for one in office.get(Kind.WEBHOOKS, id=id)["history"])
    report(office, webhook_id=id, generation=2, state=MirrorState.IN_STEP)
    office.now += 86_401
    ends(office, id)
    assert allowed(office) == {token_hash("second"): None}


def test_a_change_that_does_not_touch_the_hook_keeps_its_generation(office: Office) -> None:
    webhook = complete(office)
    office.act(Kind.WEBHOOKS, "patch", {"enabled": False}, id=webhook["id"])
    office.act(Kind.WEBHOOKS, "replace", {**webhook, "tagNamePattern": "2"}, id=webhook["id"])
    assert [(hook.generation, hook.gone) for hook in hooks(office)] == [(1, False)]
    matched = match(office)
    assert matched is not None and matched.tag_pattern == "2"


def test_another_repository_leaves_a_tombstone_for_the_old_hook(office: Office) -> None:
    webhook = complete(office)
    office.act(Kind.WEBHOOKS, "patch", {"repoName": "api"}, id=webhook["id"])
    assert [(h.repository, h.generation, h.gone) for h in hooks(office)] == [
        ("acme/api", 2, False),
        ("acme/web", 1, True),
    ]
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.GONE)
    assert [h.repository for h in hooks(office)] == ["acme/api"]


def test_a_changed_endpoint_moves_the_hooks_of_its_webhooks(office: Office) -> None:
    complete(office)
    endpoint = office.get(Kind.ENDPOINTS, project="default", name="hub")
    moved = {**endpoint, "properties": {**endpoint["properties"], "repoURL": "https://hub.docker.com/r/acme/shop"}}
    office.act(Kind.ENDPOINTS, "replace", moved, id=endpoint["id"])
    assert [(h.repository, h.gone) for h in hooks(office)] == [("acme/shop", False), ("acme/web", True)]


def test_a_deleted_webhook_is_let_in_no_more_and_its_hook_goes_with_its_own_credentials(office: Office) -> None:
    webhook = complete(office)
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.IN_STEP, slug="the-slug")
    office.act(Kind.WEBHOOKS, "delete", id=webhook["id"])
    office.act(Kind.ENDPOINTS, "delete", project="default", name="hub")
    assert allowed(office) == {} and match(office) is None
    (hook,) = hooks(office)
    assert (hook.gone, hook.slug, hook.username) == (True, "the-slug", "acme")
    assert hook.password is not None and office.opener.open(hook.password) == "dckr_pat_secret"
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.GONE)
    assert hooks(office) == []


def test_what_hubsync_says_stands_on_the_webhook_unless_it_is_about_an_old_generation(office: Office) -> None:
    webhook = complete(office)
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.IN_STEP, slug="s", repaired="was deleted")
    shown = office.get(Kind.WEBHOOKS, webhook["id"])
    assert (shown["hubState"], shown["slug"], shown["hubMessage"]) == ("in step", "s", "was deleted")
    report(office, webhook_id=webhook["id"], generation=0, state=MirrorState.NOT_PERMITTED, message="old news")
    assert office.get(Kind.WEBHOOKS, webhook["id"])["hubState"] == "in step"


def test_a_report_that_asks_for_another_try_sets_a_timer(office: Office) -> None:
    webhook = complete(office)
    later = office.now + 60
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.RATE_LIMITED, retry_at=later)
    assert office.get(Kind.WEBHOOKS, webhook["id"])["hubMessage"].startswith("Until 2023-11-14 22:14:20 UTC.")
    office.recorder.promised.clear()
    with office.store.write() as uow:
        registry.TIMERS[wanted.PASS_TIMER](uow, webhook["id"])
    assert office.promised == ["mirror.pass.v1"]


def test_a_changed_public_address_renews_every_hook(office: Office) -> None:
    complete(office)
    with office.store.write() as uow:
        wanted.start(uow, "https://elsewhere.example.com", "")
    assert [hook.generation for hook in hooks(office)] == [2]


def test_a_registry_that_is_not_docker_hub_is_told_by_hand(office: Office) -> None:
    properties = {"serverType": "OCI", "repoURL": "https://registry.example.com/acme/web"}
    office.act(Kind.ENDPOINTS, "create", {"name": "own", "type": "docker", "properties": properties})
    webhook = office.webhook(endpoint="own")
    assert webhook["hubState"] == "create it by hand" and hooks(office) == []
    matched = match(office)
    assert matched is not None and (matched.registry_host, matched.repository) == ("registry.example.com", "acme/web")
    assert matched.access is not None and matched.access.registry_host == "registry.example.com"


def test_a_namespace_endpoint_needs_the_webhook_to_name_the_repository(office: Office) -> None:
    office.docker_endpoint(repo="acme")
    webhook = office.webhook(endpoint="hub")
    assert any("repoName" in one for one in webhook["missing"])
    assert hooks(office) == []
    named = office.act(Kind.WEBHOOKS, "patch", {"repoName": "web"}, id=webhook["id"])
    assert named["repository"] == "acme/web"
    assert [hook.repository for hook in hooks(office)] == ["acme/web"]


def test_a_webhook_acts_as_the_owner_of_its_api_token(office: Office) -> None:
    office.user("ann", default="members")
    token = office.act(Kind.TOKENS, "create", {"name": "ci"}, by="ann", hashes={"token": token_hash("api")})
    webhook = complete(office, refreshToken="*****")
    hashes = {"refreshToken": token_hash("api")}
    changed = office.act(Kind.WEBHOOKS, "patch", {"refreshToken": "*****"}, id=webhook["id"], hashes=hashes)
    assert (changed["actor"], changed["refreshToken"]) == ("ann", "*****")
    again = office.act(Kind.WEBHOOKS, "replace", changed, id=webhook["id"])
    assert again["actor"] == "ann"
    office.act(Kind.TOKENS, "delete", id=token["id"], by="ann")
    matched = match(office)
    assert matched is not None and matched.actor.token_problem == "The API token of ann ended on 14 November 2023."
    assert office.get(Kind.WEBHOOKS, webhook["id"])["missing"] == [matched.actor.problem]


def test_a_webhook_whose_api_token_is_taken_away_acts_as_who_took_it_and_not_as_its_owner(office: Office) -> None:
    for name in ("ann", "ben"):
        office.user(name, default="members")
    office.act(Kind.TOKENS, "create", {"name": "ci"}, by="ann", hashes={"token": token_hash("api")})
    hashes = {"refreshToken": token_hash("api")}
    webhook = complete(office)
    office.act(Kind.WEBHOOKS, "patch", {"refreshToken": "*****"}, id=webhook["id"], hashes=hashes)
    assert office.act(Kind.WEBHOOKS, "patch", {"description": "mine"}, id=webhook["id"], by="ben")["actor"] == "ann"
    taken = office.act(Kind.WEBHOOKS, "patch", {"refreshToken": ""}, id=webhook["id"], by="ben")
    assert (taken["actor"], taken["refreshToken"]) == ("ben", "")


def test_a_webhook_says_thirty_days_ahead_that_its_api_token_ends(office: Office) -> None:
    office.act(Kind.TOKENS, "create", {"name": "ci", "goodForDays": 40}, hashes={"token": token_hash("api")})
    webhook = complete(office)
    hashes = {"refreshToken": token_hash("api")}
    changed = office.act(Kind.WEBHOOKS, "patch", {"refreshToken": "*****"}, id=webhook["id"], hashes=hashes)
    assert changed["notices"] == []
    office.now += 33 * 86_400
    notices = office.get(Kind.WEBHOOKS, webhook["id"])["notices"]
    assert notices == ["The API token of admin ends on 24 December 2023, in 7 days."]


def test_an_unknown_api_token_is_refused(office: Office) -> None:
    hashes = {"refreshToken": token_hash("nobody's")}
    refused(Code.INVALID, office.act, Kind.WEBHOOKS, "create", {"name": "w", "refreshToken": "*****"}, hashes=hashes)


def test_a_webhook_without_api_token_acts_as_who_made_it_while_that_one_may(office: Office) -> None:
    office.user("ann", default="members")
    office.act(Kind.WEBHOOKS, "create", {"name": "w", "project": "default"}, by="ann", hashes={}, sealed={})
    office.act(Kind.USERS, "patch", {"enabled": False}, name="ann")
    assert "ann" in office.get(Kind.WEBHOOKS, project="default", name="w")["missing"][-1]
    refusal = refused(Code.IN_USE, office.act, Kind.USERS, "delete", name="ann")
    assert "w" in refusal


def test_a_disabled_pipeline_and_a_mandatory_input_are_said(office: Office) -> None:
    office.docker_endpoint()
    meta = {"namespace": {"mandatory": True, "description": ""}}
    office.pipeline(enabled=False, input={"namespace": "", "DOCKER_TAG": ""}, _inputMeta=meta)
    webhook = office.webhook(endpoint="hub", pipeline="Deploy web")
    assert webhook["missing"] == [
        "Pipeline Deploy web is disabled: pushes are kept and not run.",
        "Input namespace is mandatory and has no value.",
    ]


def test_an_endpoint_can_be_made_in_the_same_call(office: Office) -> None:
    body = {
        "name": "web",
        "endpoint": {"name": "new hub", "properties": {"repoURL": "acme/web", "password": "*****"}},
    }
    sealed = office.sealed(endpoint__properties__password="pat")
    webhook = office.act(Kind.WEBHOOKS, "create", body, sealed=sealed)
    assert (webhook["endpoint"], webhook["repository"]) == ("new hub", "acme/web")
    assert office.names(Kind.ENDPOINTS) == ["new hub"]


def test_patterns_that_cannot_be_read_are_refused_together(office: Office) -> None:
    body = {"name": "w", "imageNameRegExPattern": "(", "tagNamePattern": "["}
    refusal = refused(Code.INVALID, office.act, Kind.WEBHOOKS, "create", body)
    assert "imageNameRegExPattern" in refusal and "tagNamePattern" in refusal


def test_a_token_that_another_webhook_has_is_refused(office: Office) -> None:
    office.webhook("one")
    assert "another webhook" in refused(Code.CONFLICT, office.webhook, "two")


def test_code_streams_patch_enables_and_disables(office: Office) -> None:
    webhook = complete(office)
    assert office.act(Kind.WEBHOOKS, "patch", {"enabled": False}, id=webhook["id"])["enabled"] is False
    matched = match(office)
    assert matched is not None and matched.enabled is False


def hook_notices(office: Office) -> str:
    return " ".join(row["message"] for row in office.find(Kind.NOTICES).documents if row["about"] == "hook")


def test_hooks_to_another_address_are_shown_and_replaced_only_when_asked(office: Office) -> None:
    webhook = complete(office)
    old = ForeignHook(slug="old", name="portside-old-1", address="https://old.example.com/pipelines/api/x")
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.IN_STEP, elsewhere=(old,))
    assert office.get(Kind.WEBHOOKS, webhook["id"])["elsewhere"] == [old.model_dump()]
    assert "has 1 hook that points at another address" in hook_notices(office)
    assert [hook.replace for hook in hooks(office)] == [()]
    refusal = refused(
        Code.INVALID, office.act, Kind.WEBHOOKS, "replace-elsewhere", {"slugs": ["other"]}, id=webhook["id"]
    )
    assert "none of the hooks that are shown" in refusal
    office.act(Kind.WEBHOOKS, "replace-elsewhere", {}, id=webhook["id"])
    assert hook_notices(office) == ""
    assert [hook.replace for hook in hooks(office)] == [("old",)]
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.IN_STEP, elsewhere=())
    shown = office.get(Kind.WEBHOOKS, webhook["id"])
    assert shown["elsewhere"] == []
    assert "was deleted at Docker Hub, as asked" in shown["history"][0]["what"]
    assert [hook.replace for hook in hooks(office)] == [()]


def test_a_repository_is_told_whole_whichever_of_its_webhooks_is_asked_for(office: Office) -> None:
    one = complete(office)
    two = office.webhook("two", token="second-token", endpoint="hub", pipeline="Deploy web")
    gone = office.webhook("gone", token="third-token", endpoint="hub", pipeline="Deploy web")
    office.act(Kind.WEBHOOKS, "delete", {}, id=gone["id"])
    far = office.webhook("far", token="fourth-token", endpoint="hub", pipeline="Deploy web", repoName="acme/other")

    def told(webhook_id: str) -> set[str]:
        with office.store.read() as uow:
            return {hook.webhook_id for hook in office.catalog.wanted(uow, WantedAsk(webhook_ids=(webhook_id,))).hooks}

    for asked in (one, two, gone):
        assert told(asked["id"]) == {one["id"], two["id"], gone["id"]}
    assert told(far["id"]) == {far["id"]}


def test_drift_that_was_repaired_stands_in_the_history(office: Office) -> None:
    webhook = complete(office)
    repaired = "It had been deleted at Docker Hub; it was made again."
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.IN_STEP, repaired=repaired)
    report(office, webhook_id=webhook["id"], generation=1, state=MirrorState.IN_STEP)
    assert [one["what"] for one in office.get(Kind.WEBHOOKS, webhook["id"])["history"]] == [repaired]


def test_what_a_webhook_demands_is_kept_checked_and_told_to_the_receiver(office: Office) -> None:
    demands: dict[str, Any] = {
        "gatherSeconds": 10,
        "platforms": ["linux/amd64", "linux/arm64/v8"],
        "sourceNetworks": ["192.0.2.7", "10.1.2.3/8"],
        "signed": True,
    }
    webhook = office.webhook(**demands)
    assert webhook["sourceNetworks"] == ["192.0.2.7/32", "10.0.0.0/8"]
    with office.store.read() as uow:
        (entry,) = office.catalog.allowlist(uow, AllowlistAsk()).entries
    assert (entry.networks, entry.signed) == (("192.0.2.7/32", "10.0.0.0/8"), True)
    matched = match(office)
    assert matched is not None
    assert (matched.gather_s, matched.platforms) == (10.0, ("linux/amd64", "linux/arm64/v8"))
    assert (matched.networks, matched.signed) == (entry.networks, entry.signed)
    cleared = office.act(Kind.WEBHOOKS, "replace", {"name": "web"}, id=webhook["id"])
    assert [cleared[name] for name in demands] == [0.0, [], [], False]
    for bad in ({"gatherSeconds": 9999}, {"platforms": ["amd64"]}, {"sourceNetworks": ["here"]}):
        refused(Code.INVALID, office.act, Kind.WEBHOOKS, "patch", bad, id=webhook["id"])


def test_a_webhook_that_goes_to_another_registry_is_of_its_kind(office: Office) -> None:
    webhook = complete(office, signed=True)
    assert webhook["serverType"] == "DockerHub" and "Docker Hub signs nothing" in webhook["notices"][-1]
    properties = {"serverType": "OCI", "repoURL": "https://registry.example.com/acme/web"}
    office.act(Kind.ENDPOINTS, "create", {"name": "own", "type": "docker", "properties": properties})
    moved = office.act(Kind.WEBHOOKS, "patch", {"endpoint": "own"}, id=webhook["id"])
    assert (moved["serverType"], moved["notices"]) == ("OCI", [])
    kept = office.act(Kind.WEBHOOKS, "patch", {"enabled": False}, id=webhook["id"])
    assert kept["serverType"] == "OCI"


def test_the_day_of_a_tokens_last_use_is_shown_and_written_once_a_day(office: Office) -> None:
    webhook = complete(office)
    assert webhook["tokenLastUsedOn"] == ""
    for wait_s, day in ((0.0, "2023-11-14"), (60.0, "2023-11-14"), (86_400.0, "2023-11-15")):
        office.now += wait_s
        with office.store.write() as uow:
            webhooks.note_use(uow, token_hash("first-token"), uow.now)
        assert office.get(Kind.WEBHOOKS, webhook["id"])["tokenLastUsedOn"] == day
