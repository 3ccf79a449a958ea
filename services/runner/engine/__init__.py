"""Executes runs: takes them from the ledger, decides the next step, calls task types, reports every event.

`executor` drives many runs in one thread; each is a `run` that asks `decide` for `actions` and keeps its `run_state`.
`prepare` resolves a task's input, `permits` reads the ledger's leave to begin, `task_calls` calls task types in the
threads of `workers`, which projects share fairly; `active_tasks` and `active_task` track those under way. `outcomes`
and `outputs` read what a task returned, `secrets` keeps the run's secrets sealed and masked, `logs` collects printed
lines. `events` numbers and masks, `reports` delivers in order. `ports` is what the engine needs of the ledger;
`ledger_client` implements it over the bus, by the time of the `ledger_clock`.

Never here: what a task type does, or a connection to anything but the ledger.
"""
