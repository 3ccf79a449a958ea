"""Conditions over what the task itself has seen: `response.responseCode == 200`, `object.status.phase == "Ready"`.

The bare word stands for the task's own output, which no `${…}` can name because the task has not ended.
"""

from __future__ import annotations

import re

from services.runner.task_protocol import TaskRequest
from shared.contracts.base import Json

_PART = r"""(?:\.[A-Za-z_][\w-]*|\[\d+\]|\[(?:"[^"]*"|'[^']*')\])"""


def holds(request: TaskRequest, condition: str, word: str, output: Json) -> bool:
    """Evaluate a condition in which `word` stands for `output`."""
    return request.tools.evaluate(with_references(condition, word), output)


def with_references(condition: str, word: str) -> str:
    """The condition with `word.path` written as `${output.path}`, but not within texts and references."""
    token = re.compile(rf"""("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\$\{{[^{{}}]*\}})|(?<![\w.])\b{word}({_PART}+)""")

    def put(match: re.Match[str]) -> str:
        return match[1] if match[1] is not None else f"${{output{match[2]}}}"

    return token.sub(put, condition)
