"""What a CI task's container prints: lines for people, and between the marks its results. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.contracts.base import Json
from shared.contracts.texts import whole_number


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

    def read(self, lines: Iterable[str]) -> list[str]:
        """Take in lines; answers those for people."""
        visible: list[str] = []
        for line in lines:
            if line.startswith(self.mark):
                # The script ends what is printed before a mark, whether or not it had ended itself.
                self._blank = False
                visible += self._marked(line[len(self.mark) :].strip())
            elif self._open is not None:
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
            self.step = whole_number(rest) or 0
            return [f"$ {self.steps[self.step - 1].splitlines()[0]}"] if self.step <= len(self.steps) else []
        if word == "failed":
            self.step = whole_number(rest) or 0
            return []
        if word == "large":
            self.artifacts.append({"path": rest, "kept": False})
            return [f"{rest} is too large to be kept here; let a step push it to where files are kept."]
        if word == "end" and self._open is not None:
            self._close(*self._open)
            self._open = None
        elif word in ("export", "file"):
            self._open, self._lines = (word, rest), []
        return []

    def _close(self, word: str, name: str) -> None:
        if word == "export":
            self.exports[name] = "\n".join(self._lines)
            return
        try:
            content = base64.b64decode("".join(self._lines), validate=True)
        except binascii.Error:
            self.artifacts.append({"path": name, "kept": False})
            return
        kept: Json = {"path": name, "kept": True, "size": len(content)}
        try:
            kept["text"] = content.decode()
        except UnicodeDecodeError:
            kept["base64"] = base64.b64encode(content).decode()
        self.artifacts.append(kept)
