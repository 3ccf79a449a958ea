"""The client's commands, one module for what belongs together; each is imported when it is used.

`session` signs in and out; `executions` and `logs` show and steer runs, `run` starts one, `approvals` answers what
they ask; `pushes` says what became of pushed images. `pipelines`, `endpoints`, `variables`, `webhooks`, `projects`,
`users` and `tokens` show and change definitions, one by one through `listing`; `transfer` moves them as files. `live`,
`queues` and `doctor` look at the system, `completion` is for shells.
"""
