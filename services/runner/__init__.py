"""The runner: executes runs, and is the only service that reaches clusters, registries and hosts for a pipeline.

From the top: `__main__` starts the process with its `settings`; `service` wires it and `handlers` maps topics to use
cases. `requests` answers short questions from other services, `tasks` holds the task types, `notifications` sends
notices, `clients` speaks to the outside, `engine` executes runs, and `task_protocol` is what engine and task types
agree on; `metrics` counts. Each layer imports only those below it.

Never here: inbound HTTP, the database, definitions, or state that must survive this process. What a runner has not
reported is lost with it.
"""
