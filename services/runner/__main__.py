"""`python -m services.runner`: one runner."""

from __future__ import annotations

from shared.process import life
from shared.process.logging import configure
from shared.process.settings import read

from .service import Runner
from .settings import RunnerSettings


def main() -> int:
    """Run until told to stop."""
    settings = read(RunnerSettings)
    configure("runner", instance=settings.instance, level=settings.log_level)
    return life.run("runner", lambda: Runner(settings).open())


if __name__ == "__main__":
    raise SystemExit(main())
