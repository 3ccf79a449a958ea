"""Why a text cannot be read, whatever language it is in."""

from __future__ import annotations

from collections.abc import Sequence

from shared.contracts.problems import Flaw


class Malformed(ValueError):
    """A text that is not a document, or a document that has not the shape of what it claims to be."""

    def __init__(self, flaws: Sequence[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("; ".join(flaw.message for flaw in self.flaws))

    @property
    def described(self) -> str:
        """The first flaw with its place, to be put behind "cannot be read": " at line 2, column 3: not valid YAML"."""
        flaw = self.flaws[0]
        place = f" at line {flaw.line}, column {flaw.column}" if flaw.line else ""
        return f"{place}: {flaw.message}"

    @property
    def place(self) -> tuple[int, int]:
        """1-based line and column of the first flaw; 1, 1 where it concerns the text as a whole."""
        return self.flaws[0].line or 1, self.flaws[0].column or 1
