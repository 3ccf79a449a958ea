"""A kubeconfig becomes the properties of an endpoint, or says why it cannot travel."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import yaml

from services.gateway.commands.kubeconfig import described, import_kubeconfig
from shared.contracts.problems import Refused


def kubeconfig(**user: Any) -> str:
    return yaml.safe_dump(
        {
            "current-context": "prod",
            "contexts": [
                {"name": "dev", "context": {"cluster": "c", "user": "u"}},
                {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "apps"}},
            ],
            "clusters": [
                {
                    "name": "c",
                    "cluster": {
                        "server": "https://k8s.example.com:6443",
                        "certificate-authority-data": base64.b64encode(b"PEM CA").decode(),
                    },
                }
            ],
            "users": [{"name": "u", "user": user}],
        }
    )


def test_a_kubeconfig_becomes_the_properties_of_its_current_context() -> None:
    imported = import_kubeconfig({"kubeconfig": kubeconfig(token="t"), "fingerprint": "f"})
    assert imported == {
        "fingerprint": "f",
        "kubernetesURL": "https://k8s.example.com:6443",
        "certAuthorityData": "PEM CA",
        "namespace": "apps",
        "authType": "token",
        "token": "t",
    }
    shown = described(kubeconfig(token="t"))["contexts"]
    assert [(one["name"], one["current"], one["namespace"]) for one in shown] == [
        ("prod", True, "apps"),
        ("dev", False, ""),
    ]
    assert {(one["url"], one["authType"], one["problem"]) for one in shown} == {
        ("https://k8s.example.com:6443", "token", "")
    }
    assert "'t'" not in str(shown)


def test_a_context_that_cannot_travel_is_shown_with_the_reason_beside_the_others() -> None:
    config = yaml.safe_load(kubeconfig(token="t"))
    config["contexts"].append({"name": "eks", "context": {"cluster": "c", "user": "aws"}})
    config["users"].append({"name": "aws", "user": {"exec": {"command": "doctl"}}})
    shown = {one["name"]: one for one in described(yaml.safe_dump(config))["contexts"]}
    assert "running doctl" in shown["eks"]["problem"] and "ServiceAccount" in shown["eks"]["nextStep"]
    assert shown["prod"]["problem"] == ""


def test_the_files_that_a_kubeconfig_names_are_taken_along() -> None:
    text = kubeconfig(**{"client-certificate": "/home/ann/c.pem", "client-key": "k.pem"})
    files = {"/home/ann/c.pem": "CERT", "k.pem": "KEY"}
    imported = import_kubeconfig({"kubeconfig": text, "files": files})
    assert (imported["certData"], imported["certKeyData"]) == ("CERT", "KEY")
    assert "files" not in imported
    assert import_kubeconfig({"kubeconfig": kubeconfig(tokenFile="t"), "files": {"t": "abc\n"}})["token"] == "abc"
    assert described(text)["contexts"][0]["problem"].startswith("The kubeconfig refers to the file /home/ann/c.pem")
    assert described(text, files)["contexts"][0]["problem"] == ""


@pytest.mark.parametrize(
    ("url", "warned"),
    [
        ("https://127.0.0.1:6443", True),
        ("https://localhost:6443", True),
        ("https://[::1]:6443", True),
        ("https://10.0.0.1:6443", False),
        ("https://localhost.example.com", False),
    ],
)
def test_an_address_that_only_one_machine_has_is_warned_of(url: str, warned: bool) -> None:
    text = kubeconfig(token="t").replace("https://k8s.example.com:6443", url)
    assert bool(described(text)["contexts"][0]["warnings"]) is warned


def test_a_kubeconfig_with_certificates_and_another_context() -> None:
    data = {
        "client-certificate-data": base64.b64encode(b"C").decode(),
        "client-key-data": base64.b64encode(b"K").decode(),
    }
    imported = import_kubeconfig({"kubeconfig": kubeconfig(**data), "context": "dev"})
    assert (imported["authType"], imported["certData"], imported["certKeyData"]) == ("certificate", "C", "K")
    assert "namespace" not in imported


def test_whom_a_kubeconfig_acts_as_and_the_name_in_the_certificate_are_taken_over() -> None:
    text = kubeconfig(
        token="t", **{"as": "deployer", "as-groups": ["dev", "ops"], "as-user-extra": {"scope": ["view", "edit"]}}
    ).replace("server:", "tls-server-name: k8s.internal\n    server:")
    imported = import_kubeconfig({"kubeconfig": text})
    assert imported["tlsServerName"] == "k8s.internal"
    assert imported["impersonateUser"] == "deployer"
    assert imported["impersonateGroups"].splitlines() == ["dev", "ops"]
    assert imported["impersonateExtra"].splitlines() == ["scope: view", "scope: edit"]


@pytest.mark.parametrize(
    ("url", "properties"),
    [
        ("http://proxy.example.com:3128/", {"proxyURL": "http://proxy.example.com:3128"}),
        (
            "https://ann:p%40ss@[2001:db8::1]:3128",
            {"proxyURL": "https://[2001:db8::1]:3128", "proxyUser": "ann", "proxyPassword": "p@ss"},
        ),
    ],
)
def test_a_kubeconfigs_proxy_is_taken_over_and_its_password_stands_apart(url: str, properties: dict[str, str]) -> None:
    imported = import_kubeconfig(
        {"kubeconfig": kubeconfig(token="t").replace("server:", f"proxy-url: {url}\n    server:")}
    )
    assert {name: text for name, text in imported.items() if name.startswith("proxy")} == properties


def test_a_key_that_is_not_taken_over_is_warned_of() -> None:
    text = kubeconfig(token="t", later="x").replace("server:", "disable-compression: true\n    server:")
    assert described(text)["contexts"][0]["warnings"] == [
        "The cluster's disable-compression is not taken over: Portside does not use it.",
        "The user's later is not taken over: Portside does not use it.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (kubeconfig(token="t", **{"as-uid": "7"}), "as-uid"),
        (kubeconfig(token="t", **{"as-groups": ["dev"]}), "without as"),
        (
            kubeconfig(token="t").replace("server:", "proxy-url: socks5://proxy\n    server:"),
            "speaks to HTTP proxies only",
        ),
        (kubeconfig(token="t").replace("server:", "proxy-url: http://[::1\n    server:"), "proxy-url is not a URL"),
        (kubeconfig(exec={"command": "doctl"}), "running doctl"),
        (kubeconfig(**{"client-certificate": "/home/ann/c.pem"}), "refers to the file /home/ann/c.pem"),
        (kubeconfig(), "no token, certificate or password"),
        ("a: [", "cannot be read at line 2, column 1: not valid YAML"),
        ("[]", "not a YAML object"),
        ("{}", "has no context"),
    ],
)
def test_a_kubeconfig_that_cannot_travel_says_why(text: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        import_kubeconfig({"kubeconfig": text})
    assert said in caught.value.problem.message
