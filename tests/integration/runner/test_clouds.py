"""Every vendor's token is minted, renewed and refused, against servers on loopback that verify each request."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from demo.cluster.server import FakeCluster
from services.runner.clients.chart_repositories import ChartProblem, ChartRepositories
from services.runner.clients.clouds import CloudLogin, CloudLogins, CloudProblem, Minted, sign_in_of
from services.runner.clients.clouds.pod_identity import PodIdentity
from services.runner.clients.clouds.sign_in import CloudSignIn
from services.runner.clients.registry import Registries, Registry, RegistryProblem, account_of
from services.runner.requests.checks import docker, k8s
from services.runner.task_protocol import OpenEndpoint
from services.runner.tasks.k8s import pull_secrets
from services.runner.tasks.k8s.cluster import ClusterConnection
from services.runner.tasks.k8s.errors import ClusterError
from shared.outbound.guard import Guard
from shared.outbound.http import PUBLIC, OutboundError
from tests.support.clouds import (
    ACCOUNT,
    CLIENT,
    CLIENT_SECRET,
    KEYS,
    METADATA_TOKEN,
    POD_TOKEN,
    ROLE,
    TENANT,
    Clouds,
    clouds_on_loopback,
    google_key,
)  # fmt: skip
from tests.support.outbound import GUARDED, LOOPBACK
from tests.support.patience import PATIENCE_S

Json = dict[str, Any]
(KEY_ID, KEY_SECRET), *_ = KEYS.items()
AWS = {"awsAccessKeyId": KEY_ID, "awsSecretAccessKey": KEY_SECRET, "awsRegion": "eu-central-1", "eksCluster": "prod"}
GOOGLE = {"googleKey": google_key()}
AZURE = {"azureTenantId": TENANT, "azureClientId": CLIENT, "azureClientSecret": CLIENT_SECRET}
VENDORS = {"aws": ("ECR", "EKS", AWS), "google": ("GAR", "GKE", GOOGLE), "azure": ("ACR", "AKS", AZURE)}


@pytest.fixture
def clouds() -> Iterator[Clouds]:
    with clouds_on_loopback() as served:
        yield served


@dataclass
class Clock:
    """Our own clock, moved by hand."""

    ahead_s: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


def cloud_url(clouds: Clouds, vendor: str) -> str:
    return f"{clouds.url}/token" if vendor == "google" else clouds.url


def registry_endpoint(clouds: Clouds, vendor: str, **changes: Any) -> OpenEndpoint:
    kind, _, properties = VENDORS[vendor]
    own = {"serverType": kind, "repoURL": f"{clouds.url}/acme/web", "cloudURL": cloud_url(clouds, vendor)}
    return OpenEndpoint("reg", "docker", {"cloudIdentity": "keys", **own, **properties, **changes})


def cluster_endpoint(clouds: Clouds, vendor: str, url: str = "", **changes: Any) -> OpenEndpoint:
    _, kind, properties = VENDORS[vendor]
    own = {
        "authType": kind,
        "kubernetesURL": url or "https://cluster.example.com",
        "cloudURL": cloud_url(clouds, vendor),
    }
    return OpenEndpoint("prod", "k8s", {"cloudIdentity": "keys", **own, **properties, **changes})


Build = Callable[..., OpenEndpoint]
BOTH: list[Build] = [registry_endpoint, cluster_endpoint]


def sign_in(endpoint: OpenEndpoint) -> CloudSignIn:
    read = sign_in_of(endpoint)
    assert read is not None
    return read


def login(endpoint: OpenEndpoint, clock: Clock | None = None, environment: Mapping[str, str] = {}) -> CloudLogin:
    return CloudLogin(sign_in(endpoint), LOOPBACK, PodIdentity(environment), clock or time.time)


def is_good(clouds: Clouds, minted: Minted) -> bool:
    if minted.secret.startswith("k8s-aws-v1."):
        return clouds.eks_user(minted.secret, "prod") is not None
    return clouds.is_good(minted.secret) or minted.secret == METADATA_TOKEN


def refusal(endpoint: OpenEndpoint, environment: Mapping[str, str] = {}) -> CloudProblem:
    with pytest.raises(CloudProblem) as raised:
        login(endpoint, environment=environment).minted()
    return raised.value


# ------------------------------------------------------------------------------------------------------------- minted


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("build", BOTH)
def test_keys_mint_a_token_that_the_vendor_takes(clouds: Clouds, vendor: str, build: Build) -> None:
    minted = login(build(clouds, vendor)).minted()
    assert is_good(clouds, minted)
    assert time.time() < minted.ends_at < time.time() + 3700


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("build", BOTH)
def test_the_identity_of_the_pod_mints_one_too(clouds: Clouds, vendor: str, build: Build, tmp_path: Path) -> None:
    endpoint = build(clouds, vendor, cloudIdentity="pod", awsAccessKeyId="", googleKey="", azureClientSecret="",
                     azureTenantId="", azureClientId="")  # fmt: skip
    assert is_good(clouds, login(endpoint, environment=pod_of(clouds, vendor, tmp_path)).minted())


def test_eks_pod_identity_is_asked_at_its_agent(clouds: Clouds, tmp_path: Path) -> None:
    minted = login(
        cluster_endpoint(clouds, "aws", cloudIdentity="pod"), environment=agent_of(clouds, tmp_path)
    ).minted()
    assert clouds.eks_user(minted.secret, "prod")
    assert clouds.eks_user(minted.secret, "staging") is None, "a token is for one cluster"


def test_a_role_is_assumed_on_top_of_keys(clouds: Clouds) -> None:
    minted = login(cluster_endpoint(clouds, "aws", awsRoleArn=ROLE)).minted()
    assert clouds.eks_user(minted.secret, "prod")
    assert clouds.sessions, "its short-lived key has signed"


def test_the_public_registry_of_ecr_is_asked_as_such(clouds: Clouds) -> None:
    endpoint = registry_endpoint(clouds, "aws", repoURL="public.ecr.aws/acme/web", awsRegion="eu-central-1")
    assert login(endpoint).minted().user == "AWS"
    clouds.denied = "ecr-public:GetAuthorizationToken"
    assert "ecr-public:GetAuthorizationToken" in refusal(endpoint).message


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("123456789012.dkr.ecr.eu-central-1.amazonaws.com/acme/web", "eu-central-1"),
        ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com/acme/web", "us-gov-west-1"),
        ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/acme/web", "cn-north-1"),
    ],
)
def test_an_address_of_ecr_names_its_region(clouds: Clouds, url: str, region: str) -> None:
    login(registry_endpoint(clouds, "aws", repoURL=url, awsRegion="")).minted()
    assert clouds.scopes == [f"{region}/ecr"]


@pytest.mark.parametrize("region", ["Frankfurt", "evil.example/", "eu-central-1.evil.example/#"])
def test_what_is_no_region_makes_no_address(clouds: Clouds, region: str) -> None:
    assert f"awsRegion '{region}' is not a region" in refusal(cluster_endpoint(clouds, "aws", awsRegion=region)).message


# ------------------------------------------------------------------------------------------------------------ renewed


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("build", BOTH)
def test_a_token_is_used_again_and_renewed_before_its_end(clouds: Clouds, vendor: str, build: Build) -> None:
    clock = Clock()
    held = login(build(clouds, vendor), clock)
    first = held.minted()
    clock.ahead_s = (first.ends_at - time.time()) / 2
    assert held.minted() is first
    clouds.ahead_s = clock.ahead_s = first.ends_at - time.time() - 60
    second = held.minted()
    assert second.secret != first.secret
    assert second.ends_at > first.ends_at


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_token_serves_to_its_end_while_the_vendor_is_away(clouds: Clouds, vendor: str) -> None:
    clock = Clock()
    held = login(registry_endpoint(clouds, vendor), clock)
    first = held.minted()
    clouds.down = True
    clock.ahead_s = first.ends_at - time.time() - 60
    assert held.minted() is first
    clock.ahead_s = first.ends_at - time.time() + 1
    with pytest.raises(CloudProblem) as raised:
        held.minted()
    assert raised.value.code == "unavailable"


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("build", BOTH)
@pytest.mark.parametrize("ahead_s", [-3 * 3600.0, 3 * 3600.0])
def test_a_clock_that_is_wrong_is_corrected_by_the_vendors(
    clouds: Clouds, vendor: str, build: Build, ahead_s: float
) -> None:
    clouds.ahead_s = ahead_s
    assert is_good(clouds, login(build(clouds, vendor)).minted())


def test_a_registry_that_is_held_open_gets_a_new_password(clouds: Clouds) -> None:
    clouds.life_s = 1.2
    registry = Registry(account_of(registry_endpoint(clouds, "google")), LOOPBACK)
    until = time.monotonic() + PATIENCE_S
    while len(clouds.handed_out) < 3 and time.monotonic() < until:
        assert registry.tags("acme/web") == ["1.0"]
        time.sleep(0.1)
    assert len(clouds.handed_out) >= 3


def test_one_token_serves_the_registry_its_pull_secret_and_its_charts(clouds: Clouds, tmp_path: Path) -> None:
    logins, endpoint = CloudLogins(LOOPBACK), registry_endpoint(clouds, "aws")
    account = account_of(endpoint)
    registries = Registries(LOOPBACK, logins)
    with registries.use(account) as first, registries.use(account) as second:
        assert first.tags("acme/web") == second.tags("acme/web") == ["1.0"]
    secret = pull_secrets.pull_secret(endpoint, logins)
    with pytest.raises(ChartProblem):
        ChartRepositories(LOOPBACK, endpoint, logins).fetch(f"oci://{clouds.host}/acme", "web", "1.0", tmp_path)
    assert list(clouds.handed_out) == ["ecr-password-0"]
    assert "ecr-password-0" in base64.b64decode(secret["data"][".dockerconfigjson"]).decode()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_cluster_that_is_held_open_gets_a_new_token(clouds: Clouds, vendor: str) -> None:
    clouds.life_s = 1.2
    with cluster_of(clouds) as cluster:
        connection = ClusterConnection(
            cluster_endpoint(clouds, vendor, cluster.url, awsRoleArn=ROLE), Guard(allow_local=True)
        )
        tokens: set[str] = cluster.tokens
        until = time.monotonic() + PATIENCE_S
        while len(tokens) < 3 and time.monotonic() < until:
            assert connection.find("v1", "ConfigMap", "default") == []
            time.sleep(0.1)
        connection.close()
    assert len(tokens) >= 3


@pytest.mark.parametrize("build", BOTH)
def test_a_sign_in_that_renews_nothing_is_reported_until_it_does(clouds: Clouds, build: Build) -> None:
    clouds.life_s = 0.2
    logins, endpoint = CloudLogins(LOOPBACK), build(clouds, "google")
    logins.of(sign_in(endpoint)).minted()
    assert logins.note() == ""
    for clouds.down in (True, False):
        until = time.monotonic() + PATIENCE_S
        while bool(logins.note()) is not clouds.down and time.monotonic() < until:
            with suppress(CloudProblem):
                logins.of(sign_in(endpoint)).minted()
            time.sleep(0.05)
        assert ("503" in logins.note(), endpoint.name in logins.note()) == (clouds.down, clouds.down)


def test_a_sign_in_with_corrected_keys_is_reported_no_longer(clouds: Clouds) -> None:
    logins = CloudLogins(LOOPBACK)
    with pytest.raises(CloudProblem):
        logins.of(sign_in(registry_endpoint(clouds, "aws", awsAccessKeyId="AKIAGONE"))).minted()
    assert "InvalidClientTokenId" in logins.note() and KEY_SECRET not in logins.note()
    logins.of(sign_in(registry_endpoint(clouds, "aws"))).minted()
    assert logins.note() == ""


# ------------------------------------------------------------------------------------------------------------ refused


@dataclass
class Row:
    """What makes a vendor refuse, and how that is reported."""

    vendor: str
    code: str
    words: str
    properties: Json = field(default_factory=dict)
    cloud: Json = field(default_factory=dict)


REFUSALS = [
    Row("aws", "wrong-password", "InvalidClientTokenId", {"awsAccessKeyId": "AKIAGONE"}),
    Row("aws", "wrong-password", "SignatureDoesNotMatch", {"awsSecretAccessKey": "another"}),
    Row("aws", "incomplete", "awsSecretAccessKey", {"awsSecretAccessKey": ""}),
    Row("aws", "no-right", "sts:AssumeRole", {"awsRoleArn": ROLE}, {"denied": "sts:AssumeRole"}),
    Row("google", "wrong-password", "account not found", {"googleKey": google_key(client_email="x@example.com")}),
    Row("google", "incomplete", "'authorized_user'", {"googleKey": google_key(type="authorized_user")}),
    Row("google", "incomplete", "private_key", {"googleKey": google_key(private_key="-----BEGIN nothing")}),
    Row("azure", "wrong-password", "AADSTS7000215", {"azureClientSecret": "another"}),
    Row("azure", "incomplete", "azureTenantId", {"azureTenantId": ""}),
    *(Row(vendor, "unavailable", "503", {}, {"down": True}) for vendor in VENDORS),
]
REGISTRY_REFUSALS = [
    Row("aws", "no-right", "ecr:GetAuthorizationToken", {}, {"denied": "ecr:GetAuthorizationToken"}),
    Row("azure", "wrong-password", "AcrPull", {}, {"denied": "acr"}),
]
POD_REFUSALS = [("aws", "AWS_ROLE_ARN"), ("azure", "AZURE_TENANT_ID")]


def row_name(row: Row) -> str:
    return f"{row.vendor}-{row.words}"


@pytest.mark.parametrize("row", REFUSALS, ids=row_name)
@pytest.mark.parametrize("build", BOTH)
def test_a_refusal_is_reported_in_the_vendors_words(clouds: Clouds, row: Row, build: Build) -> None:
    for name, value in row.cloud.items():
        setattr(clouds, name, value)
    problem = refusal(build(clouds, row.vendor, **row.properties))
    assert (problem.code, row.words in problem.message) == (row.code, True), problem.message
    assert KEY_SECRET not in problem.message
    assert CLIENT_SECRET not in problem.message


@pytest.mark.parametrize("row", REGISTRY_REFUSALS, ids=row_name)
def test_a_registrys_own_refusal_names_the_right(clouds: Clouds, row: Row) -> None:
    test_a_refusal_is_reported_in_the_vendors_words(clouds, row, registry_endpoint)


@pytest.mark.parametrize(("vendor", "variable"), POD_REFUSALS)
def test_a_pod_without_an_identity_is_told_what_it_lacks(clouds: Clouds, vendor: str, variable: str) -> None:
    problem = refusal(cluster_endpoint(clouds, vendor, cloudIdentity="pod"), {"AWS_REGION": "eu-central-1"})
    if vendor == "azure":
        problem = refusal(cluster_endpoint(clouds, vendor, cloudIdentity="pod", azureTenantId=""))
    assert problem.code == "no-pod-identity"
    assert variable in problem.message


def test_validating_says_which_right_is_missing(clouds: Clouds) -> None:
    clouds.denied = "ecr:GetAuthorizationToken"
    answer = docker.check(registry_endpoint(clouds, "aws"), {}, LOOPBACK)
    assert (answer.ok, answer.code) == (False, "no-right")
    assert "is not authorized to perform: ecr:GetAuthorizationToken" in answer.message
    clouds.denied = "sts:AssumeRole"
    answer = k8s.check(cluster_endpoint(clouds, "aws", awsRoleArn=ROLE), {}, LOOPBACK)
    assert (answer.ok, answer.code) == (False, "no-right")
    assert "is not authorized to perform: sts:AssumeRole" in answer.message


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_registry_and_a_cluster_of_each_cloud_can_be_tried(clouds: Clouds, vendor: str) -> None:
    answer = docker.check(registry_endpoint(clouds, vendor), {}, LOOPBACK)
    assert answer.ok, answer.message
    with cluster_of(clouds) as cluster:
        answer = k8s.check(cluster_endpoint(clouds, vendor, cluster.url), {}, LOOPBACK)
    assert answer.ok, answer.message


def test_a_cluster_that_refuses_the_minted_token_says_so(clouds: Clouds) -> None:
    with cluster_of(clouds) as cluster:
        endpoint = cluster_endpoint(clouds, "aws", cluster.url, eksCluster="staging")
        with pytest.raises(ClusterError) as raised:
            ClusterConnection(endpoint, Guard(allow_local=True)).find("v1", "ConfigMap", "default")
    assert raised.value.status == 401


# ------------------------------------------------------------------------------------------------- the metadata service


@pytest.mark.parametrize("address", ["http://169.254.169.254/latest", "http://169.254.170.23/v1/credentials"])
def test_the_client_of_tasks_and_endpoints_reaches_no_metadata_service(address: str) -> None:
    with pytest.raises(OutboundError) as raised:
        GUARDED.request("GET", address, access=PUBLIC)
    assert raised.value.code == "forbidden-address"


def test_an_endpoint_cannot_name_the_metadata_service_as_its_cloud() -> None:
    endpoint = OpenEndpoint(
        "prod",
        "k8s",
        {"authType": "EKS", "kubernetesURL": "https://x.example.com", "cloudURL": "http://169.254.170.23", **AWS},
    )
    sign_in = sign_in_of(endpoint)
    assert sign_in is not None
    with pytest.raises(CloudProblem) as raised:
        CloudLogin(sign_in, GUARDED, PodIdentity({})).minted()
    assert raised.value.code == "forbidden-address"


def test_the_agent_of_a_pod_is_asked_at_known_addresses_only(clouds: Clouds, tmp_path: Path) -> None:
    environment = agent_of(clouds, tmp_path) | {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://agent.example.com/v1"}
    problem = refusal(cluster_endpoint(clouds, "aws", cloudIdentity="pod"), environment)
    assert problem.code == "no-pod-identity"
    assert "not asked" in problem.message


# ------------------------------------------------------------------------------------------------------------- helpers


def pod_of(clouds: Clouds, vendor: str, folder: Path) -> dict[str, str]:
    """The environment of a pod that its cloud has given an identity."""
    token = folder / "token"
    token.write_text(f"{POD_TOKEN}\n")
    return {
        "aws": {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_REGION": "eu-central-1"},
        "google": {"GCE_METADATA_HOST": clouds.host},
        "azure": {
            "AZURE_TENANT_ID": TENANT,
            "AZURE_CLIENT_ID": CLIENT,
            "AZURE_FEDERATED_TOKEN_FILE": str(token),
            "AZURE_AUTHORITY_HOST": f"{clouds.url}/",
        },
    }[vendor]


def agent_of(clouds: Clouds, folder: Path) -> dict[str, str]:
    token = folder / "agent-token"
    token.write_text(POD_TOKEN)
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{clouds.url}/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(token),
        "AWS_REGION": "eu-central-1",
    }


class CloudCluster:
    """A cluster that takes the tokens of the clouds, each verified; `tokens` are those that came."""

    def __init__(self, clouds: Clouds) -> None:
        self.tokens: set[str] = set()
        self._cluster = FakeCluster(pace_s=0.1)
        self.url = self._cluster.url
        cluster = self

        class Verified(dict[str, str]):
            def get(self, token: str, default: Any = None) -> Any:
                cluster.tokens.add(token)
                if token.startswith("k8s-aws-v1."):
                    return clouds.eks_user(token, "prod")
                return ACCOUNT if clouds.is_good(token) and "containerregistry" not in token else default

        self._cluster.access.tokens = Verified()

    def __enter__(self) -> CloudCluster:
        return self

    def __exit__(self, *_: object) -> None:
        self._cluster.close()


def cluster_of(clouds: Clouds) -> CloudCluster:
    return CloudCluster(clouds)


# ------------------------------------------------------------------------------------------------------------ the table


def table(title: str) -> list[list[str]]:
    """The rows of a table of docs/reference/clouds.md, without its head."""
    page = Path(__file__).parents[3] / "docs/reference/clouds.md"
    chapter = page.read_text(encoding="utf-8").partition(f"## {title}")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in chapter.splitlines() if line.startswith("|")]
    return rows[2:]


@pytest.mark.parametrize("row", table("What is asked"), ids=lambda row: row[0])
def test_each_call_of_the_table_of_vendors_is_made_and_no_other(clouds: Clouds, row: list[str]) -> None:
    kind = row[0].strip("`")
    vendor, build = next(
        (vendor, build)
        for vendor, (registry, cluster, _) in VENDORS.items()
        for name, build in ((registry, registry_endpoint), (cluster, cluster_endpoint))
        if name == kind
    )
    minted = login(build(clouds, vendor)).minted()
    assert clouds.calls
    for call in clouds.calls:
        assert call in row[1], f"the table lacks {call}"
    named_calls = {*re.findall(r"`([a-z]+:\w+)`", row[1]), *re.findall(r"POST [\w.]+(/[\w./]+)", row[1])}
    assert named_calls == set(clouds.calls)
    if kind == "EKS":
        assert row[2] == "14 minutes" and minted.ends_at == pytest.approx(time.time() + 14 * 60, abs=30)


def test_the_table_of_refusals_is_what_the_tests_show() -> None:
    documented = {
        (vendor, row[2].strip("`"), row[3].strip("`"))
        for row in table("What refusals say")
        for vendor in row[0].split(", ")
    }
    shown = {(row.vendor, row.code, row.words) for row in (*REFUSALS, *REGISTRY_REFUSALS)}
    assert documented == shown | {(vendor, "no-pod-identity", variable) for vendor, variable in POD_REFUSALS}


def test_a_wrong_password_at_the_registry_stays_one(clouds: Clouds) -> None:
    registry = Registry(account_of(registry_endpoint(clouds, "azure", azureClientSecret="another")), LOOPBACK)
    with pytest.raises(RegistryProblem) as raised:
        registry.tags("acme/web")
    assert raised.value.code == "wrong-password"
