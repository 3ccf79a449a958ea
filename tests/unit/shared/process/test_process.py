from __future__ import annotations

import json
import logging
import os
import socket
import time
from pathlib import Path

import pytest
import structlog

from shared.contracts.times import rfc3339
from shared.process import health_check, ids
from shared.process import logging as ours
from shared.process.health import Health
from shared.process.settings import CommonSettings, read


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [ids.new_id() for _ in range(50)]
    assert len(set(made)) == 50
    time.sleep(0.002)
    assert ids.new_id() > made[0]


def test_times_are_written_in_utc() -> None:
    assert rfc3339(0.1234) == "1970-01-01T00:00:00.123Z"


def test_settings_come_from_the_environment_and_the_database_lives_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORTSIDE_HOME", str(tmp_path))
    monkeypatch.setenv("PUBLIC_URL", "https://ci.example.com/")
    monkeypatch.delenv("DATABASE_URL", raising=False)
    settings = CommonSettings()
    assert settings.home == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path}/portside.db"
    assert settings.public_url == "https://ci.example.com"
    assert str(os.getpid()) in settings.instance


def test_a_setting_is_read_from_the_file_that_its_file_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "url").write_text("amqp://u:p@mq.example.com/\n")
    monkeypatch.delenv("AMQP_URL", raising=False)
    monkeypatch.setenv("AMQP_URL_FILE", str(tmp_path / "url"))
    assert CommonSettings().amqp_url == "amqp://u:p@mq.example.com/"


def test_a_missing_settings_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL_FILE", "/nowhere/url")
    with pytest.raises(Exception, match=r"DATABASE_URL_FILE.*/nowhere/url"):
        CommonSettings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AMQP_URL", "https://u:s3cret@mq.example.com", "AMQP_URL: it must begin with amqp://"),
        ("AMQP_URL_FILE", "/nowhere/url", "AMQP_URL_FILE names /nowhere/url"),
    ],
)
def test_a_setting_that_cannot_be_read_ends_the_process_with_its_name_and_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        read(CommonSettings)
    assert said in str(ended.value) and "settings.md" in str(ended.value) and "s3cret" not in str(ended.value)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("POST /pipelines/api/docker-hub-webhooks?secureToken=abc123 403", "/pipelines/api/docker-hub-webhooks?*****"),
        ("/pipeline/api/registry-webhook-listeners/7?x=abc123", "/registry-webhook-listeners/7?*****"),
        ("connect amqp://user:abc123@mq.example.com:5672/", "amqp://user:*****@mq.example.com"),
        ("Authorization: Bearer abc123abc123", "Bearer *****"),
        ("next=%2Fhook%3FsecureToken%3Dabc123", "secureToken%3D*****"),
    ],
)
def test_a_log_text_loses_its_secrets_and_keeps_the_rest(line: str, kept: str) -> None:
    scrubbed = ours.scrub_text(line)
    assert "abc123" not in scrubbed
    assert kept in scrubbed


def test_every_log_line_of_the_process_is_scrubbed_json(capfd: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        ours.configure("gateway", instance="g1")
        ours.get_logger(part="receiver").info("refused", password="abc123", nested={"secretToken": "abc123", "n": 1})
        logging.getLogger("werkzeug").warning("GET %s", "/pipelines/api/docker-hub-webhooks?secureToken=abc123")
        try:
            raise ValueError("at amqp://u:abc123@host/")
        except ValueError:
            ours.get_logger().exception("failed")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        structlog.reset_defaults()
    text = capfd.readouterr().err
    lines = [json.loads(line) for line in text.splitlines()]
    assert "abc123" not in text
    assert [line["event"][:7] for line in lines] == ["refused", "GET /pi", "failed"]
    assert {(line["service"], line["instance"]) for line in lines} == {("gateway", "g1")}
    assert lines[0]["nested"] == {"secretToken": "*****", "n": 1}
    assert "ValueError" in lines[2]["exception"]


def test_what_is_watched_is_told_as_long_as_it_lasts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.process.health.EVERY_S", 0.05)
    said = ["The broker is away; start it."]
    watched = Health("runner", tmp_path, instance="r1")
    watched.watch("broker", lambda: said[-1])
    watched.start()
    try:
        assert health_check.check("runner", tmp_path, at=time.time(), host=socket.gethostname()) == said
        said.append("")
        deadline = time.monotonic() + 10
        while health_check.check("runner", tmp_path, at=time.time(), host=socket.gethostname()):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        watched.close()


def test_health_is_good_while_the_file_is_fresh_and_without_trouble(tmp_path: Path) -> None:
    host = socket.gethostname()
    watched = Health("runner", tmp_path, instance="r1").start()
    try:
        assert health_check.check("runner", tmp_path, at=time.time(), host=host) == []
        watched.trouble("broker", "The broker is away; start it.")
        watched.note("queue", "long")
        deadline = time.monotonic() + 5
        while not (wrong := health_check.check("runner", tmp_path, at=time.time(), host=host)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert wrong == ["The broker is away; start it."]
        watched.clear("broker")
        assert watched.troubles == ()
        assert watched.notes == ("long",)
        assert "does not report" in health_check.check("runner", tmp_path, at=time.time() + 60, host=host)[0]
        assert "does not report" in health_check.check("config", tmp_path, at=time.time(), host=host)[0]
        assert "does not report" in health_check.check("runner", tmp_path, at=time.time(), host="elsewhere")[0]
    finally:
        watched.close()
    assert list((tmp_path / "run").glob("*.json")) == []
