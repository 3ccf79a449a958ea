"""What `effects` needs of the batch that calls it, so that neither imports the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from services.config.store import UnitOfWork
from services.config.store.executions import Run
from shared.contracts.history import Event

from . import protocol


class BatchPort(Protocol):
    """The runs that one transaction moves, as far as effects of a step touch others."""

    uow: UnitOfWork

    def run(self, execution_id: str) -> Run | None:
        """The run as this transaction sees it."""
        ...

    def apply(self, run: Run, step: protocol.Transition) -> Run:
        """Carry out what the protocol decided about a run."""
        ...

    def at_last(self, key: str, act: Callable[[UnitOfWork], None]) -> None:
        """Do once when the movement finishes, after all that moved is written."""
        ...

    def sent(self, run: Run) -> None:
        """The run's dispatch is sent again: its age counts from now."""
        ...

    def want_place(self, run: Run) -> None:
        """A slot of the run's pipeline may be free, or the run waits for one."""
        ...

    def ended(self, run: Run) -> None:
        """The run has ended: close its open questions when the batch finishes."""
        ...

    def said_of(self, run: Run) -> Sequence[Event]:
        """The run's events that this batch accepted."""
        ...

    def cancel_children(self, parent: str, place: tuple[str, str] | None = None) -> None:
        """Cancel the nested runs that a parent, or one (stage, task) of it, waits for."""
        ...
