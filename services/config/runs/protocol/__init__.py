"""Who may do what to a run: take, hold, report, grant, release, park, expire, dispatch (docs/adr/0001).

Pure: the claim on a run and one event go in, a `Transition` comes out: the new claim, the events that the ledger
accepts, and the effects that the shell carries out in the same transaction. No clock, no session; times come in as
arguments.

`dispatch` admits, sends and grants takes; `leases` hold, regain and expire; `reports` accept events; `commands` are
what people and policies want; `transitions` are the steps that these share.
"""

from services.config.model.claims import (
    FENCE_STEP,
    AnnounceRunEnd,
    AttemptCutoff,
    CancelTimer,
    Dispatch,
    Effect,
    Enqueue,
    FreeSlot,
    Intent,
    NotifyRunner,
    Permit,
    RunClaim,
    SetTimer,
    State,
    TakeDecision,
    Transition,
    from_json,
    to_json,
)

from .commands import answer, due, intend, keep, shown
from .dispatch import QUIET_S, admit, dead_lettered, overdue, resend, take
from .leases import DEATHS_ALLOWED, expire, held, regain, release, verdict
from .reports import report, unreadable
from .transitions import CANCELED, LEDGER, end

__all__ = [
    "CANCELED",
    "DEATHS_ALLOWED",
    "FENCE_STEP",
    "LEDGER",
    "QUIET_S",
    "AnnounceRunEnd",
    "AttemptCutoff",
    "CancelTimer",
    "Dispatch",
    "Effect",
    "Enqueue",
    "FreeSlot",
    "Intent",
    "NotifyRunner",
    "Permit",
    "RunClaim",
    "SetTimer",
    "State",
    "TakeDecision",
    "Transition",
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
    "unreadable",
    "verdict",
]
