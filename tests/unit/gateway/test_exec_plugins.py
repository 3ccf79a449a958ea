"""The exec plugins of kubeconfigs, as the vendors' own programs write them, become endpoints of their clouds."""

from __future__ import annotations

from typing import Any

import pytest

from services.gateway.commands.exec_plugins import lacking_keys
from services.gateway.commands.kubeconfig import described, import_kubeconfig
from shared.contracts.problems import Refused

from .test_kubeconfig import kubeconfig

AKS_SERVER = "6dae42f8-4368-4678-94ff-3960e28e3630"
KUBELOGIN = ["get-token", "--server-id", AKS_SERVER, "--tenant-id", "t-1", "--client-id", "c-1"]


def plugin(command: str, *args: str, **env: str) -> str:
    entries = [{"name": name, "value": value} for name, value in env.items()]
    return kubeconfig(exec={"apiVersion": "client.authentication.k8s.io/v1beta1", "command": command,
                            "args": list(args), "env": entries or None, "provideClusterInfo": False})  # fmt: skip


def signed_in(text: str, **given: Any) -> dict[str, Any]:
    """What an endpoint has beside the cluster's own properties."""
    imported = import_kubeconfig({"kubeconfig": text, **given})
    assert imported["kubernetesURL"] == "https://k8s.example.com:6443" and imported["certAuthorityData"] == "PEM CA"
    return {key: imported[key] for key in imported.keys() - {"kubernetesURL", "certAuthorityData", "namespace"}}


@pytest.mark.parametrize(
    ("text", "properties"),
    [
        (
            plugin("aws", "--region", "eu-west-1", "eks", "get-token", "--cluster-name", "prod", "--output", "json"),
            {"authType": "EKS", "awsRegion": "eu-west-1", "eksCluster": "prod"},
        ),
        (
            plugin("aws", "eks", "get-token", "--cluster-name=prod", "--role", "arn:aws:iam::1:role/d",
                   AWS_REGION="eu-x"),
            {"authType": "EKS", "awsRegion": "eu-x", "eksCluster": "prod", "awsRoleArn": "arn:aws:iam::1:role/d"},
        ),
        (
            plugin("/usr/local/bin/aws-iam-authenticator", "token", "-i", "prod", "-r", "arn:aws:iam::1:role/d"),
            {"authType": "EKS", "eksCluster": "prod", "awsRoleArn": "arn:aws:iam::1:role/d"},
        ),
        (
            plugin(r"C:\bin\aws.exe", "eks", "get-token", "--cluster-name", "a", AWS_ACCESS_KEY_ID="AK",
                   AWS_SECRET_ACCESS_KEY="s"),
            {"authType": "EKS", "eksCluster": "a", "awsAccessKeyId": "AK", "awsSecretAccessKey": "s"},
        ),
        (plugin("gke-gcloud-auth-plugin"), {"authType": "GKE"}),
        (plugin("gke-gcloud-auth-plugin", "--use_application_default_credentials"), {"authType": "GKE"}),
        (
            plugin("kubelogin", *KUBELOGIN, "--login", "devicecode"),
            {"authType": "AKS", "azureServerId": AKS_SERVER, "azureTenantId": "t-1"},
        ),
        (
            plugin("kubelogin", *KUBELOGIN, "-l", "spn", "--client-secret", "s", "--environment", "AzureChinaCloud"),
            {"authType": "AKS", "azureServerId": AKS_SERVER, "azureTenantId": "t-1", "azureClientId": "c-1",
             "azureClientSecret": "s", "cloudURL": "https://login.chinacloudapi.cn"},
        ),
        (
            plugin("kubelogin", *KUBELOGIN, "--login", "workloadidentity", "--federated-token-file", "/var/run/t"),
            {"authType": "AKS", "azureServerId": AKS_SERVER, "azureTenantId": "t-1", "azureClientId": "c-1",
             "cloudIdentity": "pod"},
        ),
    ],
)  # fmt: skip
def test_a_known_plugin_becomes_a_sign_in_at_its_cloud(text: str, properties: dict[str, str]) -> None:
    assert signed_in(text) == properties


def test_what_is_given_beside_the_kubeconfig_counts_before_what_it_says() -> None:
    keys = {"awsAccessKeyId": "AK", "awsSecretAccessKey": "s", "awsRegion": "eu-west-2", "authType": "kubeconfig"}
    text = plugin("aws", "--region", "eu-west-1", "eks", "get-token", "--cluster-name", "prod")
    assert signed_in(text, **keys) == {**keys, "authType": "EKS", "eksCluster": "prod"}
    assert signed_in(plugin("gke-gcloud-auth-plugin"), cloudIdentity="pod")["cloudIdentity"] == "pod"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (plugin("doctl", "kubernetes", "cluster"), "running doctl, which exists only on"),
        (plugin("sh", "-c", "aws eks get-token"), "running sh, which exists only on"),
        (plugin("aws", "eks", "get-token", "--endpoint-url", "https://x"), "aws with --endpoint-url"),
        (plugin("aws", "eks", "describe-cluster"), "by `aws eks describe-cluster`, which Portside cannot stand in for"),
        (plugin("aws", "eks", "get-token"), "aws, whose call does not name eksCluster"),
        (plugin("aws", "eks", "get-token", "--cluster-name", "a", AWS_SESSION_TOKEN="t"), "temporary keys"),
        (plugin("kubelogin", "get-token", "--oidc-issuer-url=https://x"), "kubelogin with --oidc-issuer-url"),
        (plugin("kubelogin", *KUBELOGIN, "--legacy"), "kubelogin with --legacy"),
        (plugin("kubelogin", *KUBELOGIN, "-e", "AzureStackCloud"), "the Azure environment azurestackcloud"),
        (plugin("gke-gcloud-auth-plugin", "--use_edge_cloud"), "gke-gcloud-auth-plugin with --use_edge_cloud"),
        (kubeconfig(**{"auth-provider": {"name": "gcp"}}), "former plugin gcp"),
        (kubeconfig(exec="aws"), "running a program"),
    ],
)  # fmt: skip
def test_any_other_plugin_is_refused_with_the_reason(text: str, words: str) -> None:
    with pytest.raises(Refused) as caught:
        import_kubeconfig({"kubeconfig": text})
    assert words in caught.value.problem.message and caught.value.problem.next_step


def test_what_stays_on_the_authors_machine_is_warned_of() -> None:
    text = plugin("aws", "eks", "get-token", "--cluster-name", "a", AWS_PROFILE="prod", LATER="x")
    context = described(text)["contexts"][0]
    assert (context["authType"], context["problem"]) == ("EKS", "")
    assert context["warnings"] == [
        "The keys that AWS_PROFILE prod chooses are only on your machine.",
        "The variable LATER of its exec plugin is not taken over.",
        "A kubeconfig holds no keys of a cloud: give the endpoint awsAccessKeyId and awsSecretAccessKey, or let it "
        "sign in as the runner's pod (`cloudIdentity: pod`).",
    ]
    warnings = described(plugin("kubelogin", *KUBELOGIN))["contexts"][0]["warnings"]
    assert "`kubelogin --login devicecode`" in warnings[0] and "azureClientId and azureClientSecret" in warnings[1]


def test_no_secret_of_a_plugin_is_shown() -> None:
    text = plugin("kubelogin", *KUBELOGIN, "--login", "spn", "--client-secret", "s3cret", "--password", "s3cret")
    assert "s3cret" not in str(described(text))
    assert lacking_keys(import_kubeconfig({"kubeconfig": text})) == []
