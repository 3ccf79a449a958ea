"""The folder in which workers share their metrics. It must be there before prometheus_client is imported."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from shared.contracts.texts import whole_number

from .settings import GatewaySettings

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PREFIX = "metrics-"


def forget_master() -> None:
    """Before workers are forked: drop the zeros that importing metrics wrote for this process, which would count as
    those of a worker that is alive."""
    for path in Path(os.environ.get(VARIABLE) or os.devnull).glob(f"*_{os.getpid()}.db"):
        path.unlink(missing_ok=True)


class MetricsFolder:
    """A context: a new folder of this gateway, named by an environment variable; no folder where no port is set."""

    def __init__(self, settings: GatewaySettings) -> None:
        self._parent = settings.folder
        self._own = settings.folder / f"{_PREFIX}{os.getpid()}"
        self._wanted = bool(settings.metrics_port)
        self._pid = os.getpid()

    def __enter__(self) -> MetricsFolder:
        os.environ.pop(VARIABLE, None)
        if self._wanted:
            self._remove_orphans()
            shutil.rmtree(self._own, ignore_errors=True)
            self._own.mkdir(mode=0o700, parents=True)
            os.environ[VARIABLE] = str(self._own)
        return self

    def __exit__(self, *_: object) -> None:
        # A worker leaves by here too, and is not the owner.
        if self._wanted and os.getpid() == self._pid:
            shutil.rmtree(self._own, ignore_errors=True)

    def _remove_orphans(self) -> None:
        """Folders of gateways that were killed."""
        for folder in self._parent.glob(f"{_PREFIX}*"):
            pid = whole_number(folder.name.removeprefix(_PREFIX))
            if pid is None:
                continue
            with suppress(PermissionError):
                try:
                    os.kill(pid, 0)
                except ProcessLookupError:
                    shutil.rmtree(folder, ignore_errors=True)
