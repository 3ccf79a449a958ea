"""Manifests are read as kubectl reads them: its own table, which scripts/kubectl-scalars writes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared.grammar.dialects import MANIFESTS
from shared.grammar.malformed import Malformed
from shared.grammar.yaml_parser import parse_one_yaml

ROOT = Path(__file__).resolve().parents[4]
TABLE = json.loads((ROOT / "tests/unit/shared/grammar/kubectl_scalars.json").read_text(encoding="utf-8"))
HEAD = "kind: Scalars\nspec:\n"


def read(line: str) -> Any:
    return parse_one_yaml(f"{HEAD}  {line}\n", MANIFESTS)["spec"]


@pytest.mark.parametrize("scalar", TABLE["values"])
def test_a_value_is_what_kubectl_sends(scalar: str) -> None:
    expected = TABLE["values"][scalar]
    if expected.get("refused"):
        with pytest.raises(Malformed):
            read(f"value: {scalar}")
        return
    value, number = read(f"value: {scalar}")["value"], expected["json"]
    if isinstance(number, int) and abs(number) >= 2**63:
        # Past what an int64 holds both sides are the same double, however it is printed.
        assert float(value) == float(number)
    else:
        assert (type(value), value) == (type(number), number)


@pytest.mark.parametrize("scalar", TABLE["keys"])
def test_a_key_is_the_text_that_kubectl_sends(scalar: str) -> None:
    expected = TABLE["keys"][scalar]
    if expected.get("refused"):
        with pytest.raises(Malformed):
            read(f"{scalar}: value")
        return
    assert list(read(f"{scalar}: value")) == [expected["json"]]


@pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="needs kubectl; on Debian: apt-get install kubernetes-client"
)
def test_the_table_is_what_the_installed_kubectl_says() -> None:
    version = subprocess.run(["kubectl", "version", "--client"], capture_output=True, text=True, timeout=60, check=True)
    if TABLE["kubectl"] not in version.stdout:
        pytest.skip(f"the table is of kubectl {TABLE['kubectl']}")
    run = subprocess.run(
        [sys.executable, str(ROOT / "scripts/kubectl-scalars")], capture_output=True, text=True, timeout=250, check=True
    )
    assert json.loads(run.stdout) == TABLE
