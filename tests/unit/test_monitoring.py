"""The delivered dashboard and rules ask for metrics that exist, with labels that they have."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
_METRIC = re.compile(r"\b(?:portside|messaging|http_server|cicd)_[a-z_]+\b")
_FORBIDDEN = {"execution", "execution_id", "tag", "image", "digest", "token", "delivery", "repository"}


def reference() -> dict[str, set[str]]:
    """Metrics of the reference page with their labels."""
    rows = re.findall(r"^\| `(\S+)` \| \w+ \| (.*?) \|", (ROOT / "docs/reference/metrics.md").read_text(), re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}


def expressions() -> list[str]:
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    of_panels = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return of_panels + [rule["expr"] for group in rules["groups"] for rule in group["rules"]]


def test_every_metric_that_is_asked_for_exists() -> None:
    known = reference()
    labels = set().union(*known.values())
    for expression in expressions():
        for name in set(_METRIC.findall(expression)) - labels:
            assert name in known or re.sub(r"_(bucket|sum|count)$", "", name) in known, (name, expression)


def test_no_metric_has_a_label_whose_values_never_end() -> None:
    for name, labels in reference().items():
        assert not labels & _FORBIDDEN, name


def test_every_alert_says_what_to_look_at() -> None:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("warning", "critical")
            assert len(rule["annotations"]["description"]) > 20
