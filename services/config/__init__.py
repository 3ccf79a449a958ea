"""The Book: the only room that opens the database, decides, authorises and owns timers.

`catalog` holds what is defined, the rest what happened. `service` joins it all to the bus: it works while `active`, by
`handlers`, `timers` and the `outbox`. A push comes by `receiving`: `arriving` makes its rows, `matching` and
`gathering` judge them in the words of `verdicts`, `admission` starts the run, in its lane (`lanes`). `looks` finds what
no hook told. A run goes on by the `ledger`: `protocol` decides, `moving` writes, and what follows is in `consequences`,
`rollbacks` and `notifying`. People ask through `resources`: each kind is a module by its name, and for executions
`acting`, `showing` (with `folding` and `states`) and `rerunning`, for events `why`.

Pure decisions (`protocol`, `matching`, `gathering`, `lanes`, `looking`, `causes`, `folding`, `rights`) take values and
answer with values; `store` is the only door to the tables. It never touches a cluster or a registry, and serves no
HTTP.
"""
