"""What a CI task's container prints: lines for people, and between the marks its results. Pure.

The script with its marks is a file that its steps can read: what is between them may be anybody's, and is bounded.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.contracts.base import Json
from shared.contracts.texts import whole_number

MAX_SECTION_CHARS = 128 * 1024
"""Of one export or file: one of 64 KiB in base64, and some more."""
MAX_RESULTS = 500
MAX_KEPT_CHARS = 4 * 1024 * 1024
"""Of all exports and files together, with their names."""


@dataclass
class LogReader:
    """Reads a container's log line by line, in order."""

    mark: str
    steps: tuple[str, ...]
    step: int = 0
    """The step that began last, or that failed, from 1."""
    exports: dict[str, str] = field(default_factory=dict)
    artifacts: list[Json] = field(default_factory=list)
    last: str = ""
    """The last line that says something."""
    _open: tuple[str, str] | None = None
    _blank: bool = False
    """An empty line that is shown once it is known not to belong to a mark."""
    _lines: list[str] = field(default_factory=list)
    _section: int = 0
    """Characters of what is open."""
    _kept: int = 0
    """Characters of all that was kept."""

    def read(self, lines: Iterable[str]) -> list[str]:
        """Take in lines; answers those for people."""
        visible: list[str] = []
        for line in lines:
            if line.startswith(self.mark):
                # The script ends what is printed before a mark, whether or not it had ended itself.
                self._blank = False
                visible += self._marked(line[len(self.mark) :].strip())
            elif self._open is not None:
                self._section += len(line) + 1
                if self._section <= MAX_SECTION_CHARS:
                    self._lines.append(line)
            else:
                visible += [""] if self._blank else []
                visible += [line] if line else []
                self._blank = not line
                self.last = line.strip() or self.last
        return visible

    def _marked(self, text: str) -> list[str]:
        word, _, rest = text.partition(" ")
        if word == "step":
            self._begin(rest)
            return [f"$ {self.steps[self.step - 1].splitlines()[0]}"] if self.step else []
        if word == "failed":
            self._begin(rest)
            return []
        if word == "large":
            return self._left_out(rest)
        if word == "end" and self._open is not None:
            opened, self._open = self._open, None
            return self._close(*opened)
        if word in ("export", "file"):
            self._open, self._lines, self._section = (word, rest), [], len(rest)
        return []

    def _begin(self, text: str) -> None:
        step = whole_number(text) or 0
        self.step = step if step <= len(self.steps) else 0

    def _has_room(self, chars: int) -> bool:
        return len(self.exports) + len(self.artifacts) < MAX_RESULTS and self._kept + chars <= MAX_KEPT_CHARS

    def _left_out(self, path: str) -> list[str]:
        if self._has_room(len(path)):
            self._kept += len(path)
            self.artifacts.append({"path": path, "kept": False})
        return [f"{path} is too large to be kept here; let a step push it to where files are kept."]

    def _close(self, word: str, name: str) -> list[str]:
        if self._section > MAX_SECTION_CHARS or not self._has_room(self._section):
            return self._left_out(name)
        self._kept += self._section
        if word == "export":
            self.exports[name] = "\n".join(self._lines)
            return []
        try:
            content = base64.b64decode("".join(self._lines), validate=True)
        except binascii.Error:
            self.artifacts.append({"path": name, "kept": False})
            return []
        kept: Json = {"path": name, "kept": True, "size": len(content)}
        try:
            kept["text"] = content.decode()
        except UnicodeDecodeError:
            kept["base64"] = base64.b64encode(content).decode()
        self.artifacts.append(kept)
        return []
