"""Runs helm and kubectl as renderers: no network, no cluster, no home, bounded in time and output.

The kernel refuses them a socket where it can (`without_network`), the proxies of the environment lead nowhere, and PATH
is empty, so that neither program fetches or starts anything.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from services.runner.task_protocol import TaskFailed

from . import without_network

MAX_RENDERED_BYTES = 4 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_SECONDS = 60.0
_AT_A_TIME = threading.BoundedSemaphore(4)
_NOWHERE = "http://127.0.0.1:1"
_PIECE = 64 * 1024

_INSTALL = {
    "helm": "https://helm.sh/docs/intro/install",
    "kubectl": "https://kubernetes.io/docs/tasks/tools",
}


@dataclass(frozen=True, slots=True)
class Rendering:
    """What a program made, and what it said about it."""

    text: str
    notes: str


def render(program: str, arguments: Sequence[str], work: Path) -> Rendering:
    """What the program prints. Raises `ProgramFailed` with what it complains of, TaskFailed where it is missing."""
    # Beside the interpreter is where `make programs` puts it.
    place = shutil.which(program) or shutil.which(program, path=str(Path(sys.executable).parent))
    if place is None:
        raise TaskFailed(
            f"The program {program} is not on the runner's PATH: `make programs` brings it, or install it there "
            f"({_INSTALL[program]}). The image of Portside has it."
        )
    with _AT_A_TIME, tempfile.TemporaryDirectory(prefix="portside-home-") as home:
        launcher = (sys.executable, "-IS", without_network.__file__)
        return _run(program, [*launcher, place, *arguments], work, _environment(home))


class ProgramFailed(Exception):
    """The program ended in error; the text is what it printed."""


def _environment(home: str) -> dict[str, str]:
    return {
        "HOME": home,
        "TMPDIR": home,
        "PATH": os.path.join(home, "empty"),
        "LANG": "C.UTF-8",
        "GOMEMLIMIT": "512MiB",
        "KUBECONFIG": os.path.join(home, "no-kubeconfig"),
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
        "NO_PROXY": "",
        **{f"HELM_{kind}_HOME": os.path.join(home, kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")},
    }


def _run(program: str, command: list[str], work: Path, environment: dict[str, str]) -> Rendering:
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            command, cwd=work, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
            start_new_session=True,
        ) as process,
    ):  # fmt: skip
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(process)

        clock = threading.Timer(_SECONDS, end)
        clock.start()
        try:
            output = _bounded(process, program)
            process.wait()
        finally:
            clock.cancel()
            _kill(process)
        if late.is_set():
            raise TaskFailed(f"{program} did not finish within {_SECONDS:g} s.")
        errors.seek(0)
        complaint = errors.read(_MAX_ERROR_BYTES).decode("utf-8", "replace").strip()
        if process.returncode:
            raise ProgramFailed(complaint or f"it ended with {process.returncode}")
        return Rendering(output.decode("utf-8", "replace"), complaint)


def _bounded(process: subprocess.Popen[bytes], program: str) -> bytes:
    assert process.stdout is not None
    output = bytearray()
    while piece := process.stdout.read1(_PIECE):  # type: ignore[attr-defined]
        output += piece
        if len(output) > MAX_RENDERED_BYTES:
            raise TaskFailed(f"{program} renders more than {MAX_RENDERED_BYTES // 2**20} MiB: deploy it in parts.")
    return bytes(output)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
