"""Settings that administrators change while Portside runs: kept, in force at once, fixed by the environment."""

from __future__ import annotations

from typing import Any

import pytest

from services.config.catalog.installation import InstallationSettings
from services.config.catalog.options import OPTIONS, Options
from services.config.model.people import SYSTEM
from services.config.runtime.retention import Keeping
from services.config.settings import Settings
from shared.contracts.catalog import Act, Kind
from shared.contracts.problems import Code, Refused
from tests.integration.config.office import Office


def change(office: Office, **body: Any) -> dict[str, Any]:
    return office.act(Kind.SETTINGS, "patch", body)


def in_force(office: Office, environment: Settings | None = None) -> Settings:
    with office.store.read() as uow:
        return Options(environment or Settings()).in_force(uow)


def test_a_change_is_kept_audited_and_in_force_at_once(office: Office) -> None:
    before = office.get(Kind.SETTINGS)
    assert (before["keepDays"], before["keepEventDays"], before["fromEnvironment"], before["hooks"]) == (
        90,
        None,
        {},
        0,
    )
    after = change(
        office, keepDays=30, keepEventDays="7", missedEverySeconds=0, notifyEvent="waiting", minPasswordLength=14
    )
    assert (after["keepDays"], after["keepEventDays"], after["notifyEvent"]) == (30, 7, "WAITING")
    now = in_force(office)
    assert Keeping.of(now) == Keeping(executions=30, events=7, logs=30, dead_letters=30, runs=10)
    assert (now.missed_every_s, now.min_password_length) == (0, 14)
    entry = office.find(Kind.AUDIT).documents[0]
    assert (entry["user"], entry["before"]["keepDays"], entry["after"]["keepDays"]) == ("admin", 90, 30)
    assert change(office, keepEventDays="")["keepEventDays"] is None


def test_what_the_environment_says_is_shown_as_such_and_stays(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    change(office, keepDays=30)
    monkeypatch.setenv("KEEP_DAYS", "60")
    environment = Settings()
    assert in_force(office, environment).keep_days == 60
    settings = InstallationSettings(Options(environment))
    with office.store.write() as uow:
        document = settings.act(uow, SYSTEM, Act(kind=Kind.SETTINGS, verb="patch", body={"keepDays": 60})).document
        assert (document["keepDays"], document["fromEnvironment"]) == (60, {"keepDays": "KEEP_DAYS"})
        with pytest.raises(Refused) as caught:
            settings.act(uow, SYSTEM, Act(kind=Kind.SETTINGS, verb="patch", body={"keepDays": 31}))
    assert "KEEP_DAYS" in caught.value.problem.message + caught.value.problem.next_step


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ("keepDays", "-1"),
        ("keepDays", "nan"),
        ("keepDays", ""),
        ("keepRuns", "1.5"),
        ("lookEverySeconds", "0"),
        ("missedEverySeconds", "3"),
        ("minPasswordLength", "9"),
        ("notifyEvent", "LATER"),
        ("notifyTo", "a\nb"),
    ],
)
def test_what_cannot_be_is_refused_by_name_and_changes_nothing(office: Office, wire: str, value: str) -> None:
    with pytest.raises(Refused) as caught:
        change(office, **{wire: value})
    assert caught.value.problem.code is Code.INVALID
    assert caught.value.problem.subject == wire


def test_every_option_is_a_setting_whose_default_may_be_saved(office: Office) -> None:
    document = office.get(Kind.SETTINGS)
    sent = {option.wire: "" if document[option.wire] is None else document[option.wire] for option in OPTIONS}
    assert change(office, **sent) == document
