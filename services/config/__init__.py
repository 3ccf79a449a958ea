"""Config: the only service that opens the database, decides, authorises and owns timers.

From the top: `__main__` starts the process with its `settings`; `service` wires it; `handlers` maps topics to use
cases and `inbox` the ledger's ordered queue. `resources` answers the gateway; `pushes` judges pushes; `runs` keeps
executions; `accounts` knows people; `catalog` keeps what is defined. `resource` is the port of every kind; `runtime`
holds the leader's lock, timers, outbox and retention. `store` is the only way to the `tables`, which `migrations`
make and `backup` carries away; `model` has values alone; `metrics` counts. Each layer imports only those below it.

Never here: a connection to a cluster or a registry, or HTTP.
"""
