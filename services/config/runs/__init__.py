"""Executions: admitted, dispatched, leased, reported, ended, and everything that follows from it in one transaction.

`admission` starts runs and `scheduled` those of schedules; `concurrency` decides who gets a slot, and `waiting` says
why a run waits for one. `ledger` applies what runners ask and report, `batch` moves the runs of one transaction,
`protocol` decides, `effects` carries out (through `ports`), `heartbeats` tracks signs of life. `commands` are what
people want of a run, with `reruns` and `rollbacks`; `notifications` chooses whom to notify, `figures` counts, `traces`
sends a run's spans. `projection`, `plans`, `states` and `documents` build what the API shows.

Never here: why a push starts a run, or how a task works.
"""
