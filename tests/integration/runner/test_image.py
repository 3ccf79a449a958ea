"""IMAGE between repositories and registries that are real, and at the demo Hub with its token service."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.runner.clients.registry import Registries
from services.runner.tasks.image.task import ImageTask
from shared.contracts.history import Status, TaskHandle
from shared.contracts.pushes import Push
from shared.grammar.resolving import Scope, resolve
from shared.process.secrets import Opener, Sealer, create_keys
from tests.support.distribution import MANIFEST, RealRegistry
from tests.support.outbound import LOOPBACK
from tests.support.patience import until
from tests.support.runs import OneTask, output
from tests.support.tokens import TokenService

pytestmark = pytest.mark.registry
ROLES = {"target": "registry"}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    made = RealRegistry(tmp_path_factory.mktemp("registry"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    """Asks for a password."""
    made = RealRegistry(tmp_path_factory.mktemp("other"), user="ann", password="s3cret-password")
    yield made
    made.close()


@pytest.fixture
def runs(tmp_path: Path, registry: RealRegistry, other: RealRegistry) -> OneTask:
    create_keys(tmp_path)
    registries = Registries(LOOPBACK)
    made = OneTask(ImageTask(registries), (Sealer.load(tmp_path), Opener.load(tmp_path)))
    made.endpoint("registry", "docker", serverType="OCI", repoURL=f"{registry.url}/acme/web")
    secret = {"password": "s3cret-password"}
    made.endpoint("other", "docker", secret, serverType="OCI", repoURL=f"{other.url}/acme/web", username="ann")
    return made


def message(ledger: Any) -> str:
    return str(ledger.state.task("S", "T").message)


def pushings(ledger: Any) -> list[tuple[str, str, str, str]]:
    handles = [one.event for one in ledger.history if isinstance(one.event, TaskHandle)]
    return [(p.registry_host, p.repository, p.tag, p.digest) for handle in handles for p in handle.pushing]


def test_a_tag_of_the_same_repository_is_moved_and_on_record_before(runs: OneTask, registry: RealRegistry) -> None:
    digest = registry.index("acme/web", "1.0", "one")
    done = runs.run({"source": "acme/web:1.0", "target": ":prod"}, ROLES)
    assert done.state.status is Status.COMPLETED, message(done)
    assert registry.digest("acme/web", "prod") == digest
    assert pushings(done) == [(registry.host, "acme/web", "prod", digest)]
    found = output(done)
    assert found["image"] == f"{registry.host}/acme/web:prod@{digest}"
    assert (found["moved"], found["previousDigests"]) == (True, {})
    again = runs.run({"source": "acme/web:1.0", "target": ":prod"}, ROLES)
    assert message(again) == f"{registry.host}/acme/web:prod: already {digest}."
    assert pushings(again) == []
    assert output(again)["moved"] is False


def test_an_index_goes_whole_to_another_repository_its_blobs_mounted(runs: OneTask, registry: RealRegistry) -> None:
    digest = registry.index("acme/api", "1.0", "api")
    done = runs.run({"source": "acme/api:1.0", "target": "mirror/api:1.0", "tags": ["latest", "stable"]}, ROLES)
    assert done.state.status is Status.COMPLETED, message(done)
    assert [registry.digest("mirror/api", tag) for tag in ("1.0", "latest", "stable")] == [digest] * 3
    # Six layers and three configurations, of which one layer is shared.
    assert output(done)["blobs"] == {"present": 0, "mounted": 7, "copied": 0, "bytes": 0}
    source, target = (registry.call("GET", f"/v2/{name}/manifests/{digest}", headers={"Accept": "*/*"}) for name in ("acme/api", "mirror/api"))  # fmt: skip  # noqa: E501
    assert source.content == target.content


def test_to_another_registry_it_is_streamed_and_a_second_copy_finds_all_there(
    runs: OneTask, registry: RealRegistry, other: RealRegistry
) -> None:
    digest = registry.index("acme/web", "2.0", "two")
    roles = {"source": "registry", "target": "other"}
    done = runs.run({"source": "acme/web:2.0", "target": f"{other.host}/acme/web:2.0"}, roles)
    assert done.state.status is Status.COMPLETED, message(done)
    assert other.digest("acme/web", "2.0") == digest
    blobs = output(done)["blobs"]
    assert (blobs["copied"], blobs["mounted"]) == (7, 0)
    assert blobs["bytes"] > 20_000
    assert other.digest("acme/web", digest) == digest
    assert "s3cret-password" not in str(done.history) + str(done.lines)


def test_the_pushed_image_is_meant_by_its_digest_even_when_its_tag_has_moved_on(
    runs: OneTask, registry: RealRegistry
) -> None:
    first = registry.image("acme/web", "latest", "first")
    second = registry.image("acme/web", "latest", "second")
    assert first != second
    push = Push(provider="distribution", registry_host=registry.host, repository="acme/web", tag="latest", digest=first)
    done = runs.run({"target": ":tested"}, ROLES, push=push)
    assert done.state.status is Status.COMPLETED, message(done)
    assert registry.digest("acme/web", "tested") == first


def test_a_tag_is_not_overwritten_where_that_is_not_wanted(runs: OneTask, registry: RealRegistry) -> None:
    registry.image("acme/web", "3.0", "three")
    before = registry.image("acme/web", "kept", "kept")
    done = runs.run({"source": "acme/web:3.0", "target": ":kept", "overwrite": False}, ROLES)
    assert done.state.status is Status.FAILED
    assert f"acme/web:kept already names {before}, and `overwrite` is false" in message(done)
    assert registry.digest("acme/web", "kept") == before
    moved = runs.run({"source": "acme/web:3.0", "target": ":kept"}, ROLES)
    assert output(moved)["previousDigests"] == {"kept": before}


@pytest.mark.parametrize(
    ("given", "roles", "words"),
    [
        ({"source": "acme/web:nothing", "target": ":x"}, ROLES, "There is no"),
        ({"target": ":x"}, ROLES, "Which image?"),
        (
            {"source": "acme/web:1", "target": "acme/Web:x"},
            ROLES,
            "a repository's name is in lower case, and Web is not.",
        ),
        ({"source": "acme/web:1", "target": "ghcr.io/acme/web:1"}, ROLES, "choose the endpoint of that registry"),
        ({"source": "acme/web:1", "target": "acme/web:1"}, {}, "names no endpoint for target"),
        ({"source": "acme/web:1", "target": "acme/web@sha256:" + "a" * 64}, ROLES, "must name a tag"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(
    runs: OneTask, given: dict[str, str], roles: dict[str, str], words: str
) -> None:
    done = runs.run(given, roles)
    assert done.state.status is Status.FAILED
    assert words in message(done)


def test_a_wrong_password_is_told_and_nothing_is_pushed(runs: OneTask, registry: RealRegistry) -> None:
    digest = registry.image("acme/web", "4.0", "four")
    runs.endpoints["other"] = runs.endpoints["other"].model_copy(
        update={"secrets": {"password": runs.sealer.seal("wrong-password")}}
    )
    done = runs.run({"source": "acme/web:4.0", "target": "acme/web:4.0"}, {"source": "registry", "target": "other"})
    assert done.state.status is Status.FAILED
    assert "does not let ann push to acme/web" in message(done)
    assert pushings(done) == []
    assert digest not in message(done)


def test_a_successor_finishes_what_a_dead_runner_began(runs: OneTask, registry: RealRegistry) -> None:
    digest = registry.index("acme/web", "5.0", "five")
    ledger, holder = runs.begin({"source": "acme/web:5.0", "target": "heir/web:5.0"}, ROLES)
    holder.close(3)
    if ledger.state.status is not Status.COMPLETED:
        from services.runner.engine.executor import Holder

        heir = Holder(ledger, {"IMAGE": runs.kind}, sealer=runs.sealer, opener=runs.opener, runner="r2")
        heir.start()
        runs.take(ledger, heir)
        runs.until_over(ledger)
        heir.close(3)
    assert ledger.state.status is Status.COMPLETED, message(ledger)
    assert registry.digest("heir/web", "5.0") == digest
    assert set(pushings(ledger)) == {(registry.host, "heir/web", "5.0", digest)}


def test_with_a_token_service_a_blob_is_mounted_with_both_rights_in_one_token(runs: OneTask, tmp_path: Path) -> None:
    rights = {name: {"pull", "push"} for name in ("acme/web", "acme/prod")}
    service = TokenService(tmp_path / "tokens", "ann", "s3cret-password", {**rights, "acme/locked": {"pull"}})
    registry = RealRegistry(tmp_path / "registry", auth=service.config)
    try:
        about = {"serverType": "OCI", "username": "ann", "repoURL": f"{registry.url}/acme/web"}
        about["realm"] = service.config["token"]["realm"]
        runs.endpoint("tokens", "docker", {"password": "s3cret-password"}, **about)
        granted = service.grant("Basic " + base64.b64encode(b"ann:s3cret-password").decode(), ["repository:acme/web:pull,push"])  # fmt: skip  # noqa: E501
        assert granted is not None
        registry.bearer = str(granted["token"])
        digest = registry.index("acme/web", "1.0", "one")
        done = runs.run({"source": "acme/web:1.0", "target": "acme/prod:1.0"}, {"target": "tokens"})
        assert done.state.status is Status.COMPLETED, message(done)
        assert output(done)["blobs"] == {"present": 0, "mounted": 7, "copied": 0, "bytes": 0}
        assert output(done)["digest"] == digest
        assert ["repository:acme/web:pull", "repository:acme/prod:pull,push"] in service.asked
        refused = runs.run({"source": "acme/web:1.0", "target": "acme/locked:1.0"}, {"target": "tokens"})
        assert "does not let ann push to acme/locked" in message(refused)
    finally:
        registry.close()
        service.close()


def test_the_example_of_the_documentation_runs(runs: OneTask, registry: RealRegistry) -> None:
    page = Path("docs/reference/tasks/image.md").read_text(encoding="utf-8")
    tree = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    digest = registry.index("acme/web", "latest", "documented")
    given = {**tree["stages"]["Ship"]["tasks"]["Promote"]["input"]}
    given = {key: _filled(value, tree["input"]) for key, value in given.items()}
    done = runs.run(given, tree["stages"]["Ship"]["tasks"]["Promote"]["endpoints"])
    assert done.state.status is Status.COMPLETED, message(done)
    assert [registry.digest("acme/web-prod", tag) for tag in ("latest", "stable")] == [digest] * 2


def _filled(value: Any, inputs: dict[str, str]) -> Any:
    return resolve(value, Scope(inputs))


def test_a_copy_that_is_cancelled_leaves_the_tag_alone(
    runs: OneTask, registry: RealRegistry, other: RealRegistry
) -> None:
    config = {**registry.blob("acme/big", b"{}"), "mediaType": "application/vnd.oci.image.config.v1+json"}
    layer = {**registry.blob("acme/big", os.urandom(48_000_000)), "mediaType": "application/vnd.oci.image.layer.v1.tar"}
    body = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
    registry.manifest("acme/big", "1", body)
    ledger, holder = runs.begin(
        {"source": "acme/big:1", "target": "acme/big:1"}, {"source": "registry", "target": "other"}
    )
    until(lambda: "Copying" in ledger.state.task("S", "T").message)
    runs.cancel(ledger, holder)
    runs.until_over(ledger)
    holder.close(3)
    assert ledger.state.status is Status.CANCELED
    assert other.digest("acme/big", "1") == ""
