"""Who may do what to a run: take, hold, report, grant, release, park, expire, dispatch (docs/adr/0001).

Pure: a `Holding` and one happening go in, a `Step` comes out: the new holding, the events that the ledger accepts, and
the effects that the shell carries out in the same transaction. No clock, no session; times come in as arguments.
"""

from services.config.model.claims import (
    FENCE_STEP,
    CancelTimer,
    Cut,
    Dispatch,
    Effect,
    Enqueue,
    FreePlace,
    Granted,
    Holding,
    Intent,
    Over,
    SetTimer,
    State,
    Step,
    TakeDecision,
    TellHolder,
    from_json,
    to_json,
)

from .commands import answer, due, intend, keep, shown
from .dispatch import QUIET_S, admit, dead_lettered, overdue, resend, take
from .leases import DEATHS_ALLOWED, expire, held, regain, release, verdict
from .reports import report
from .transitions import CANCELED, LEDGER, end

__all__ = [
    "CANCELED",
    "DEATHS_ALLOWED",
    "FENCE_STEP",
    "LEDGER",
    "QUIET_S",
    "CancelTimer",
    "Cut",
    "Dispatch",
    "Effect",
    "Enqueue",
    "FreePlace",
    "Granted",
    "Holding",
    "Intent",
    "Over",
    "SetTimer",
    "State",
    "Step",
    "TakeDecision",
    "TellHolder",
    "admit",
    "answer",
    "dead_lettered",
    "due",
    "end",
    "expire",
    "from_json",
    "held",
    "intend",
    "keep",
    "overdue",
    "regain",
    "release",
    "report",
    "resend",
    "shown",
    "take",
    "to_json",
    "verdict",
]
