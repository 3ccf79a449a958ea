"""What the runner reads from its environment."""

from __future__ import annotations

from shared.process.settings import OutgoingSettings


class RunnerSettings(OutgoingSettings):
    """Sizes of the runner's pools."""

    runner_slots: int = 32
    """Runs held at a time; a run needs no thread of its own."""
    runner_threads: int = 128
    """Threads that call tasks, started as they are needed: servers that do not answer occupy one each until their
    time-out."""
    runner_request_threads: int = 4
    """Threads for short requests: resolving tags, validating endpoints, looking at something for a page."""
    runner_notice_threads: int = 2
    """Threads that send notifications; more where many go to a server that is slow."""
