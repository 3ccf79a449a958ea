"""What the gateway asks for, one module per kind that the catalog does not own.

`registry` lists all kinds and their timers; `dispatch` hands a request to its kind. `executions`, `events`,
`user_operations`, `deployments` (with their `dora` figures), `logs`, `dead_letters` and `notices` (what administrators
should do soon) are kinds; `nested_runs` is what runners ask.

Never here: rules of pushes and runs, which have their own packages.
"""
