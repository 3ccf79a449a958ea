"""Metrics of a whole Portside, scraped by a real Prometheus with the rules and the dashboard that are delivered."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cli.ports import free_port
from cli.system import metrics_port
from tests.support.patience import PATIENCE_S
from tests.support.world import World, a_world, wait_for

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
NAMES = ("gateway", "config", "hubsync", "runner-1", "runner-2")
TAG = "1.2.3-metrics"

pytestmark = pytest.mark.prometheus


def five_free_ports() -> int:
    """The first of five ports in a row that nobody listens on."""
    first = free_port()
    while any(free_port(port) != port for port in range(first, first + 5)):
        first += 5
    return first


@pytest.fixture(scope="module")
def first_port() -> int:
    return five_free_ports()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, first_port: int) -> Iterator[World]:
    with a_world(tmp_path_factory.mktemp("world"), more={"METRICS_PORT": str(first_port)}) as running:
        running.push(TAG)
        assert running.ended(TAG)["status"] == "COMPLETED"
        assert requests.get(f"{running.layout.url}/no/such/page/{TAG}", timeout=PATIENCE_S).status_code == 404
        # Gauges are sampled every SAMPLE_EVERY_S: what config read before it led is replaced by the next look.
        wait_for(lambda: all(broker_is_up(first_port, name) for name in NAMES), "portside_broker_up of every process")
        wait_for(lambda: config_leads(first_port), "portside_config_active")
        yield running


def scrape(first_port: int, name: str) -> str:
    answer = requests.get(f"http://127.0.0.1:{metrics_port(name, first_port)}/metrics", timeout=PATIENCE_S)
    answer.raise_for_status()
    return answer.text


def samples(text: str, name: str, **labels: str) -> list[float]:
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]


def broker_is_up(first_port: int, name: str) -> bool:
    return samples(scrape(first_port, name), "portside_broker_up") == [1.0]


def config_leads(first_port: int) -> bool:
    return samples(scrape(first_port, "config"), "portside_config_active") == [1.0]


@pytest.mark.parametrize("name", NAMES)
def test_promtool_finds_nothing_wrong_in_what_a_process_serves(world: World, first_port: int, name: str) -> None:
    text = scrape(first_port, name)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    # Of the library's own: https://github.com/prometheus/client_python names it so for every Python process.
    lines = [line for line in (checked.stdout + checked.stderr).splitlines() if not line.startswith("python_")]
    assert lines == []
    assert samples(text, "portside_broker_up") == [1.0]
    assert samples(text, "portside_build_info") == [1.0]


def test_a_push_is_counted_from_the_webhook_call_to_live(world: World, first_port: int) -> None:
    gateway = scrape(first_port, "gateway")
    assert sum(samples(gateway, "portside_hooks_total", answer="202", provider="dockerhub")) >= 1
    assert sum(samples(gateway, "portside_hook_ack_seconds_count")) >= 1
    config = scrape(first_port, "config")
    assert samples(config, "portside_config_active") == [1.0]
    assert samples(config, "portside_deliveries_total", verdict="started", project="default") == [1.0]
    for name in ("delivery_verdict", "push_first_task", "push_live", "run_queue", "lead_time"):
        (count,) = samples(config, f"portside_{name}_seconds_count")
        (total,) = samples(config, f"portside_{name}_seconds_sum")
        assert count == 1.0, name
        assert 0 < total < 120, name
    assert len(samples(config, "portside_deployments_total", result="completed", project="default")) == 1
    assert samples(config, "cicd_pipeline_run_duration_seconds_count", cicd_pipeline_result="success") == [1.0]
    tasks = sum(
        sum(samples(scrape(first_port, name), "portside_task_duration_seconds_count", result="completed"))
        for name in ("runner-1", "runner-2")
    )
    assert tasks >= 1
    assert sum(samples(scrape(first_port, "hubsync"), "portside_hub_requests_total")) >= 1


def test_no_label_holds_what_only_one_push_or_run_has(world: World, first_port: int) -> None:
    (event,) = world.events(tag=TAG)
    (execution,) = world.executions()
    secrets = [delivery["url"] for delivery in world.hub_state().get("deliveries", [])]
    token = re.search(r"secureToken=([^&]+)", json.dumps([secrets, world.hub_state()]))
    assert token is not None
    for name in NAMES:
        text = scrape(first_port, name)
        for private in (TAG, execution["id"], event["id"], token[1].rstrip('"'), "sha256:", "acme/"):
            assert private not in text, (name, private)


def test_gateway_workers_answer_for_each_other(world: World, first_port: int) -> None:
    """Whichever worker is asked: the sum only grows."""
    seen = 0.0
    for number in range(10):
        requests.get(f"{world.layout.url}/livez", timeout=PATIENCE_S)
        (count,) = samples(
            scrape(first_port, "gateway"), "http_server_request_duration_seconds_count", http_route="/livez"
        )
        assert count >= number + 1
        assert count >= seen
        seen = count


class Prometheus:
    """A real one with the delivered configuration, aimed at a world."""

    def __init__(self, folder: Path, first_port: int) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            service = job["job_name"].removeprefix("portside-")
            ports = [metrics_port(name, first_port) for name in NAMES if name.partition("-")[0] == service]
            job.pop("dns_sd_configs", None)
            job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        (folder / "alerts.yml").write_bytes((MONITORING / "alerts.yml").read_bytes())
        self.process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, path: str, **parameters: str) -> Any:
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=PATIENCE_S)
        body = answer.json()
        assert body["status"] == "success", body
        return body["data"]

    def value(self, query: str) -> float | None:
        results = self.ask("query", query=query)["result"]
        return float(results[0]["value"][1]) if results else None

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def prometheus(world: World, first_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    started = Prometheus(tmp_path_factory.mktemp("prometheus"), first_port)

    def ready() -> bool:
        try:
            return requests.get(f"{started.url}/-/ready", timeout=2).status_code == 200
        except requests.RequestException:
            return False

    try:
        wait_for(ready, "Prometheus")
        yield started
    finally:
        started.stop()


def test_prometheus_scrapes_every_process_and_alerts_when_no_config_works(world: World, prometheus: Prometheus) -> None:
    wait_for(lambda: prometheus.value("sum(up)") == len(NAMES), "five targets that are up")
    assert prometheus.value("sum(portside_config_active)") == 1
    assert prometheus.value('sum(portside_deliveries_total{verdict="started"})') == 1

    def firing(alert: str) -> bool:
        alerts = prometheus.ask("alerts")["alerts"]
        return any(entry["labels"]["alertname"] == alert for entry in alerts)

    # A scrape from before config led may have raised it.
    wait_for(lambda: not firing("PortsideNoActiveConfig"), "no alert while config works")
    with world.frozen("config"):
        wait_for(lambda: firing("PortsideNoActiveConfig"), "the alert that no config works", 90)


def expressions() -> list[str]:
    """Of all panels and rules, with Grafana's own variable filled in."""
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    found += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    return [expression.replace("$__rate_interval", "1m") for expression in found]


def test_every_panel_and_rule_is_a_question_that_prometheus_understands(prometheus: Prometheus) -> None:
    for expression in expressions():
        prometheus.ask("query", query=expression, time=str(time.time()))
