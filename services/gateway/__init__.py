"""The gateway: the only room that serves HTTP, draws pages and authenticates callers.

Its only durable state is a spool of hooks that the broker has not confirmed yet, and the last allowlist it saw. It
never opens the database, never decides what a push means and never touches anything on behalf of a pipeline: it turns
each call into one message and each answer into one HTTP answer.

`service` builds a worker. Its `door` leads hooks to `receiver`, without Flask, and all else to `web`: `api` and
`pages`, which know their caller by `sessions`, ask the other processes through `desk` (`outside` and `clusters` for
what lies beyond them) and keep pages current by `live`.
"""
