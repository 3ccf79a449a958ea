"""The example that follows status events, as its readers would run it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from shared.bus import Bus
from shared.contracts import topics
from shared.contracts.runs import ExecutionOver, StageOver
from tests.support.patience import PATIENCE_S

EXAMPLE = Path(__file__).parents[4] / "examples" / "status-events" / "follow.py"


def test_the_example_prints_each_end_once_and_keeps_what_came_while_it_was_away(config: Bus, vhost_url: str) -> None:
    about = {"execution_id": "e1", "project": "default", "pipeline": "Deploy web", "index": 7}
    stage = StageOver(**about, revision=3, stage="Build", status="COMPLETED")
    over = ExecutionOver(
        **about, revision=4, status="FAILED", status_message="Deploy.Apply: no disk", duration_us=12_300_000
    )
    other = over.model_copy(update={"project": "elsewhere"})

    def follow(count: int) -> subprocess.Popen[str]:
        command = [sys.executable, str(EXAMPLE), vhost_url, "--project", "default", "--count", str(count)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with follow(2) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "following\n"
        config.publish(topics.EXECUTION_STAGE_OVER, stage, subject="e1", message_id="m1")
        config.publish(topics.EXECUTION_STAGE_OVER, stage, subject="e1", message_id="m1")
        config.publish(topics.EXECUTION_OVER, other, subject="e2", message_id="m2")
        config.publish(topics.EXECUTION_OVER, over, subject="e1", message_id="m3")
        lines = first.communicate(timeout=PATIENCE_S)[0].splitlines()
    ended = "Deploy web #7: FAILED after 12.3 s: Deploy.Apply: no disk"
    assert lines == ["Deploy web #7: stage Build COMPLETED", ended]
    assert first.returncode == 0

    config.publish(topics.EXECUTION_OVER, over, subject="e1", message_id="m4")
    with follow(1) as second:
        lines = second.communicate(timeout=PATIENCE_S)[0].splitlines()
    assert lines[1:] == [ended]
