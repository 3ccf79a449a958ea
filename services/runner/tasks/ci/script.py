"""The script that a CI task's container runs: the steps in one shell, then what is exported and kept.

What is exported comes back in the container's termination message, which needs no right to read logs; files come back
in the log, between marks that only this run knows. So an image needs nothing but a shell (and `base64` where files are
kept), and no way from the pod to Portside. Pure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from services.runner.task_protocol import TaskFailed

MAX_FILE_BYTES = 64 * 1024
"""A larger file is not a report: a step had better push it to where files are kept."""
MESSAGE = "/dev/termination-log"
MAX_EXPORTS_BYTES = 4096
"""What Kubernetes keeps of a termination message."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def variables(names: Sequence[str]) -> dict[str, str]:
    """Environment variables to export, each with the shell's word for its value."""
    for name in names:
        if not _NAME.fullmatch(name):
            raise TaskFailed(f"`export` names environment variables; {name!r} cannot be one.")
    return {name: f'"${name}"' for name in names}


def script(
    steps: Sequence[str], exports: Mapping[str, str], artifacts: Sequence[str], mark: str, message: str = MESSAGE
) -> str:
    """The whole script; the first step that fails ends it with its exit code.

    `exports`: what comes back by which name, as the shell's word for its value.
    """
    lines = [
        "set -e; exec 2>&1",
        "__portside_end() {",
        "  __portside_code=$?",
        "  set +e",
        *(line for path in artifacts for line in _kept(path, mark)),
        '  if [ "$__portside_code" = 0 ]; then',
        "    :",
        *(f"    {_exported(name, value, mark)} >> {message}" for name, value in exports.items()),
        "  else",
        f"    printf '\\n{mark} failed %s\\n' \"$__portside_step\"",
        "  fi",
        "  exit $__portside_code",
        "}",
        "trap __portside_end EXIT",
    ]
    for step_number, step in enumerate(steps, start=1):
        lines += [f"__portside_step={step_number}; printf '%s\\n' {shlex.quote(f'{mark} step {step_number}')}", step]
    return "\n".join(lines) + "\n"


def _exported(name: str, value: str, mark: str) -> str:
    return f"printf '%s\\n' {shlex.quote(f'{mark} export {name}')} {value} {shlex.quote(f'{mark} end')}"


def _kept(path: str, mark: str) -> list[str]:
    """Patterns of the shell are its own to expand; what matches nothing is left out."""
    pattern = re.sub(r"([^\w./*?\[\]-])", r"\\\1", path)
    return [
        f"  for __portside_file in {pattern}; do",
        '    [ -f "$__portside_file" ] || continue',
        '    if [ "$(wc -c < "$__portside_file")" -gt ' + str(MAX_FILE_BYTES) + " ]; then",
        f"      printf '\\n{mark} large %s\\n' \"$__portside_file\"; continue",
        "    fi",
        f"    printf '\\n{mark} file %s\\n' \"$__portside_file\"",
        f"    base64 < \"$__portside_file\"; printf '{mark} end\\n'",
        "  done",
    ]
