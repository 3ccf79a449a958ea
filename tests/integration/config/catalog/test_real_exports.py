"""Files in the shape of Code Stream's exports, with all fields that it writes and task types that do not run here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.contracts.catalog import Kind
from tests import support
from tests.integration.config.catalog.test_files import exported, take
from tests.integration.config.office import Office

FILES = Path(support.__file__).parent / "exported"
DELIVERY = (FILES / "shop-delivery.yaml").read_text()


@pytest.fixture
def report(office: Office) -> dict[str, Any]:
    """What became of all of it, taken at once as one file."""
    office.act(Kind.PROJECTS, "create", {"name": "Shop"})
    return take(office, "".join(file.read_text() for file in sorted(FILES.glob("*.yaml")))).document


def test_everything_is_taken_and_what_will_not_run_is_said_by_task(report: dict[str, Any]) -> None:
    assert [(one["name"], one["status"]) for one in report["objects"]] == [
        ("Shop delivery", "CREATED"),
        ("Shop rollback", "CREATED"),
        ("shop-cluster", "CREATED"),
        ("ci-server", "CREATED"),
        ("windows-password", "CREATED"),
        ("greeting", "CREATED"),
    ]
    wont = {(one["stage"], one["task"]) for one in report["objects"][0]["willNotRun"]}
    assert {("Build", "Unit tests"), ("Deploy", "Tell the host")} <= wont
    assert ("Build", "Scan images") not in wont
    assert ("Deploy", "Manifest") not in wont and ("Approve", "Ask") not in wont
    (undo,) = report["objects"][1]["willNotRun"]
    assert (undo["stage"], undo["task"]) == ("Back", "Undo") and "revision must be a whole number" in undo["reason"]


def test_a_task_type_that_does_not_run_here_is_named_with_what_does_the_same(report: dict[str, Any]) -> None:
    reasons = {one["task"]: one["reason"] for one in report["objects"][0]["willNotRun"]}
    assert reasons["Unit tests"] == (
        "tasks of type Jenkins do not run here; "
        "use REST to start the build and POLL to wait for its result, or CI instead"
    )


def test_what_the_file_itself_brings_is_not_said_to_be_missing(report: dict[str, Any]) -> None:
    said = " ".join(report["objects"][0]["warnings"])
    assert "no endpoint tracker" in said and "no integration scanner" in said
    assert "Shop rollback" not in said and "shop-cluster" not in said


def test_an_imported_pipeline_with_a_foreign_input_can_be_read_at_any_version_enabled_and_disabled(
    office: Office, report: dict[str, Any]
) -> None:
    id = report["objects"][1]["id"]
    for state in ("DISABLED", "ENABLED", "RELEASED"):
        assert office.act(Kind.PIPELINES, "patch", {"state": state}, id=id)["state"] == state
    assert office.get(Kind.PIPELINES, id, options={"version": 1})["state"] == "ENABLED"
    assert office.act(Kind.PIPELINES, "restore", {"version": 1}, id=id)["state"] == "RELEASED"


def test_every_secret_that_did_not_come_is_on_one_list(report: dict[str, Any]) -> None:
    assert report["needsSecrets"] == [
        "endpoint shop-cluster: properties.token",
        "endpoint ci-server: properties.password",
        "variable windows-password: value",
    ]


def test_every_field_comes_out_as_it_went_in(office: Office, report: dict[str, Any]) -> None:
    again = yaml.safe_load(exported(office, "Shop", pipelines=["Shop delivery"]))
    assert {key: again[key] for key in yaml.safe_load(DELIVERY)} == yaml.safe_load(DELIVERY)
    assert set(again) - set(yaml.safe_load(DELIVERY)) <= {"tags"}


def test_every_field_is_in_the_json_too_and_survives_being_put_back(office: Office, report: dict[str, Any]) -> None:
    document = office.get(Kind.PIPELINES, project="Shop", name="Shop delivery")
    written = yaml.safe_load(DELIVERY)
    assert {key: document[key] for key in written} == written
    put = office.act(Kind.PIPELINES, "replace", document, id=document["id"])
    changing = {"version", "updatedAt", "_updateTimeInMicros"}
    assert {k: v for k, v in put.items() if k not in changing} == {
        k: v for k, v in document.items() if k not in changing
    }


def test_an_endpoint_of_a_type_that_we_do_not_know_is_kept_without_its_secret_in_clear(
    office: Office, report: dict[str, Any]
) -> None:
    kept = office.get(Kind.ENDPOINTS, project="Shop", name="ci-server")
    assert kept["type"] == "jenkins" and kept["properties"]["url"] == "https://ci.example.com"


def test_taken_again_it_is_updated_and_the_rollback_keeps_the_delivery_from_losing_it(
    office: Office, report: dict[str, Any]
) -> None:
    again = take(office, DELIVERY).document
    assert [one["status"] for one in again["objects"]] == ["UPDATED"]
    rollback = office.get(Kind.PIPELINES, project="Shop", name="Shop rollback")
    with pytest.raises(Exception, match="Shop delivery"):
        office.act(Kind.PIPELINES, "delete", id=rollback["id"])
