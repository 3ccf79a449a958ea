"""How a process lives: `settings` from its environment, `logging`, `life` (signals and exit codes), `health` with the
cheap command `health_check`, `disk`, `metrics`, `tracing`, `clock`, `backoff`, `ids`, `secrets` (sealing),
`password_policy` and `masking`. `addresses` reads IP addresses, `broker_url` reads `AMQP_URL`, `certificates` when
certificates end, `token_ends` when a token does; `giving_way` lowers a thread's priority, `errors` finds what is behind
an exception, and `own_tasks` task types installed beside Portside.

Nothing here knows the meaning of a topic, RabbitMQ, the database or HTTP, and nothing decides about pushes or runs.
"""
