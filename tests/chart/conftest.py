"""A real helm, and the chart's objects as it renders them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Json = dict[str, Any]
CHART = Path(__file__).resolve().parents[2] / "deploy/charts/portside"
VALUES = sorted(path.stem.removesuffix("-values") for path in (CHART / "ci").glob("*-values.yaml"))
NEWEST = "1.37.0"
Render = Callable[..., list[Json]]


def helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run helm; its output is in the result, whatever came of it."""
    return subprocess.run(["helm", *arguments], capture_output=True, text=True, timeout=60, check=False)


def values_file(name: str) -> str:
    return str(CHART / "ci" / f"{name}-values.yaml")


@pytest.fixture(scope="session")
def render() -> Render:
    """Renders with one of the chart's values files, for a version of Kubernetes, with `name=value` settings."""
    known: dict[tuple[str, ...], list[Json]] = {}

    def rendered(name: str, *settings: str, kubernetes: str = NEWEST) -> list[Json]:
        key = (name, kubernetes, *settings)
        if key not in known:
            set_values = [part for setting in settings for part in ("--set", setting)]
            command = ["template", "portside", str(CHART), "--namespace", "delivery", "--values", values_file(name)]
            done = helm(*command, "--kube-version", kubernetes, *set_values)
            assert done.returncode == 0, done.stderr
            known[key] = [document for document in yaml.safe_load_all(done.stdout) if document]
        return known[key]

    return rendered
