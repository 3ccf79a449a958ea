"""Lint, every object against Kubernetes' own schemas, Pod Security "restricted", and who may see what."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from shared.version import __version__

from .conftest import CHART, NEWEST, VALUES, Json, Render, helm, values_file

pytestmark = pytest.mark.helm
SERVICES = ("gateway", "config", "runner", "hubsync")
OUTSIDE_THE_CORE = {"HTTPRoute", "PodMonitor", "PrometheusRule"}
"""Kinds that Kubernetes' own schemas do not know."""


def pods(objects: list[Json]) -> dict[str, Json]:
    """The pod's specification of everything that makes pods, by component."""
    found = {}
    for thing in objects:
        if thing["kind"] in ("Deployment", "StatefulSet", "Job", "CronJob"):
            template = thing["spec"].get("jobTemplate", thing)["spec"]["template"]
            found[template["metadata"]["labels"]["app.kubernetes.io/component"]] = template["spec"]
    return found


def variables(pod: Json) -> dict[str, Any]:
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in pod["containers"][0].get("env", [])}


def kinds(objects: list[Json], kind: str) -> list[Json]:
    return [thing for thing in objects if thing["kind"] == kind]


@pytest.mark.parametrize("name", VALUES)
def test_it_is_well_formed(name: str) -> None:
    done = helm("lint", "--strict", str(CHART), "--values", values_file(name))
    assert done.returncode == 0, done.stdout


def test_it_is_of_this_release() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    # Helm wants Semantic Versioning, where what is not released yet comes after a hyphen.
    assert (chart["version"], chart["appVersion"]) == (__version__.replace(".dev", "-dev"), __version__)


def test_the_values_of_the_how_to_render(tmp_path: Path) -> None:
    page = (CHART.parents[2] / "docs/how-to/install-on-kubernetes.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "values.yaml").write_text(block)
    done = helm("template", "portside", str(CHART), "--values", str(tmp_path / "values.yaml"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kubernetes", ["1.28.0", "1.32.0", NEWEST])
@pytest.mark.parametrize("name", VALUES)
def test_every_object_is_one_that_kubernetes_accepts(render: Render, name: str, kubernetes: str) -> None:
    objects = [thing for thing in render(name, kubernetes=kubernetes) if thing["kind"] not in OUTSIDE_THE_CORE]
    assert len(objects) > 10
    for thing in objects:
        kubernetes_validate.validate(thing, kubernetes.rpartition(".")[0], strict=True)


@pytest.mark.parametrize("name", VALUES)
def test_every_pod_is_within_pod_security_restricted(render: Render, name: str) -> None:
    by_component = pods(render(name))
    assert set(by_component) >= {*SERVICES, "migrate"}
    for component, pod in by_component.items():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod), component
        context = pod["securityContext"]
        assert context["runAsNonRoot"] is True and context.get("runAsUser", 1) != 0, component
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, component
        for volume in pod["volumes"]:
            assert set(volume) <= {"name", "secret", "emptyDir", "persistentVolumeClaim"}, component
        for container in pod["containers"]:
            own = container["securityContext"]
            assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True, component
            assert own["capabilities"] == {"drop": ["ALL"]}, component
            assert container["resources"]["limits"]["memory"], component


def test_each_process_sees_no_more_than_it_needs(render: Render) -> None:
    by_component = pods(render("minimal"))
    assert {name for name, pod in by_component.items() if "DATABASE_URL" in variables(pod)} == {"config", "migrate"}

    def holds(key: str) -> set[str]:
        return {
            name
            for name, pod in by_component.items()
            for volume in pod["volumes"]
            if any(item["key"] == key for item in volume.get("secret", {}).get("items", []))
        }

    assert holds("seal.key") == {"runner", "hubsync"}
    assert holds("jwt.key") == {"gateway"}
    assert holds("admin-password") == {"config", "migrate"}
    tokens = {name for name, pod in by_component.items() if pod["automountServiceAccountToken"]}
    assert tokens == {"make-keys"}
    (role,) = kinds(render("minimal"), "Role")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}]


def test_no_secret_is_outside_a_secret(render: Render) -> None:
    for thing in render("minimal"):
        assert thing["kind"] == "Secret" or "secret@" not in str(thing), thing["metadata"]["name"]


def test_only_config_reaches_the_database(render: Render) -> None:
    def reaches(policy: Json, port: int) -> bool:
        ports = [
            entry for rule in policy["spec"]["egress"] for entry in rule.get("ports", [{"port": 1, "endPort": 65535}])
        ]
        return any(entry["port"] <= port <= entry.get("endPort", entry["port"]) for entry in ports)

    policies = {
        policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"]: policy
        for policy in kinds(render("minimal"), "NetworkPolicy")
    }
    assert set(policies) == {*SERVICES, "migrate"}
    assert {name for name, policy in policies.items() if reaches(policy, 5432)} == {"config", "migrate"}
    assert {name for name, policy in policies.items() if reaches(policy, 5672)} == set(SERVICES)
    assert {name for name, policy in policies.items() if reaches(policy, 443)} == {"runner", "hubsync"}


def test_what_a_value_says_is_what_comes_out(render: Render) -> None:
    objects = render("full")
    by_component = pods(objects)
    assert variables(by_component["gateway"])["LOG_LEVEL"] == "INFO"
    assert variables(by_component["runner"])["LOG_LEVEL"] == "DEBUG"
    assert variables(by_component["gateway"])["TRUSTED_PROXIES"] == "10.0.0.0/8,fd00::/8"
    assert variables(by_component["runner"])["OUTGOING_DENY"] == "10.96.0.0/12"
    assert variables(by_component["hubsync"])["OUTGOING_DENY"] == "10.96.0.0/12,fd00:5::/64"
    assert by_component["config"]["containers"][0]["image"].startswith("registry.example.com/acme/portside@sha256:")
    assert not kinds(objects, "Secret") and "make-keys" not in by_component
    (scaler,) = kinds(objects, "HorizontalPodAutoscaler")
    (runner,) = [one for one in kinds(objects, "Deployment") if one["metadata"]["name"] == "delivery-runner"]
    assert "replicas" not in runner["spec"] and scaler["spec"]["scaleTargetRef"]["name"] == "delivery-runner"
    assert [one["metadata"]["name"] for one in kinds(objects, "ConfigMap")] == ["portside-more"]
    for service in SERVICES:
        ports = {port["name"]: port["containerPort"] for port in by_component[service]["containers"][0]["ports"]}
        assert ports["metrics"] == int(variables(by_component[service])["METRICS_PORT"]) == 9464
    assert len(kinds(objects, "PodMonitor")) == 1
    assert len(kinds(objects, "Ingress")) == len(kinds(objects, "HTTPRoute")) == 1


def test_a_backup_is_taken_on_schedule_by_a_pod_that_sees_the_database_and_no_key(render: Render) -> None:
    objects = render("minimal", "backup.enabled=true", "backup.keep=3")
    (job,) = kinds(objects, "CronJob")
    assert job["apiVersion"] == "batch/v1" and job["spec"]["schedule"] == "17 2 * * *"
    pod = pods(objects)["backup"]
    assert pod["containers"][0]["command"] == ["portside", "system", "backup", "/backup", "--keep", "3"]
    assert not any("secret" in volume for volume in pod["volumes"])
    assert set(variables(pod)) == {"DATABASE_URL"}
    (claim,) = kinds(objects, "PersistentVolumeClaim")
    assert {"persistentVolumeClaim": {"claimName": claim["metadata"]["name"]}, "name": "backup"} in pod["volumes"]
    assert claim["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}
    (policy,) = [one for one in kinds(objects, "NetworkPolicy") if one["metadata"]["name"].endswith("-backup")]
    ports = {entry["port"] for rule in policy["spec"]["egress"] for entry in rule["ports"]}
    assert ports == {53, 5432} and policy["spec"]["ingress"] == []
    assert not kinds(render("full"), "PersistentVolumeClaim") and len(kinds(render("full"), "CronJob")) == 1


def test_prometheus_gets_the_alert_rules_and_the_jobs_that_they_name(render: Render) -> None:
    objects = render("full")
    (rule,) = kinds(objects, "PrometheusRule")
    alerts = CHART.parents[1] / "monitoring/alerts.yml"
    assert rule["spec"] == yaml.safe_load(alerts.read_text(encoding="utf-8"))
    (monitor,) = kinds(objects, "PodMonitor")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["relabelings"][0]["replacement"] == "portside-$1"


def test_an_older_cluster_gets_the_versions_that_it_knows(render: Render) -> None:
    objects = render("minimal", "runner.autoscaling.enabled=true", "backup.enabled=true", kubernetes="1.20.0")
    versions = {thing["kind"]: thing["apiVersion"] for thing in objects}
    assert versions["PodDisruptionBudget"] == "policy/v1beta1"
    assert versions["CronJob"] == "batch/v1beta1"
    assert versions["HorizontalPodAutoscaler"] == "autoscaling/v2beta2"
    assert "endPort" not in str(kinds(objects, "NetworkPolicy"))


def test_every_variable_is_a_setting_of_its_process(render: Render) -> None:
    names = {
        "gateway": "GatewaySettings",
        "config": "Settings",
        "runner": "RunnerSettings",
        "hubsync": "HubsyncSettings",
    }
    keys = {"SEAL_PUBLIC_KEY_FILE", "SEAL_PRIVATE_KEY_FILE", "JWT_KEY_FILE"}
    for component, pod in pods(render("minimal")).items():
        if component not in names:
            continue
        module = importlib.import_module(f"services.{component}.settings")
        settings = getattr(module, names[component], None) or module.Settings
        known = {field.upper() for field in settings.model_fields}
        assert {re.sub("_FILE$", "", name) for name in set(variables(pod)) - keys} <= known, component


@pytest.mark.parametrize(
    ("settings", "flaw"),
    [
        (["publicUrl="], "publicUrl"),
        (["publicUrl=https://portside.example.com/below"], "publicUrl"),
        (["broker.url="], "broker"),
        (["broker.existingSecret=x"], "broker"),
        (["database.url=mysql://db.example.com/portside"], "database"),
        (["gateway.replicas=0"], "replicas"),
        (["runner.outgoingDeny[0]=example.com"], "outgoingDeny"),
        (["hubsync.outgoingDeny[0]=example.com"], "outgoingDeny"),
        (["ingress.enabled=true"], "host"),
        (["gateway.spool.size=plenty"], "size"),
        (["backup.size=20 GB"], "size"),
        (["runner.env.RUNNER_SLOTS.most=8"], "RUNNER_SLOTS"),
        (["runner.autoscaling.targetCPUUtilizationPercentage=0"], "targetCPUUtilizationPercentage"),
        (
            ["runner.autoscaling.enabled=true", "runner.autoscaling.minReplicas=11"],
            "minReplicas (11) is greater than maxReplicas (10)",
        ),
        (["runners.replicas=2"], "runners"),
        (["backup.schedule=every night"], "schedule"),
        (["backup.keep=0"], "keep"),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused_by_name(settings: list[str], flaw: str) -> None:
    set_values = [part for setting in settings for part in ("--set", setting)]
    done = helm("template", "portside", str(CHART), "--values", values_file("minimal"), *set_values)
    assert done.returncode != 0 and flaw in done.stderr, done.stderr
