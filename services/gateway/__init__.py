"""The gateway: the only room that serves HTTP, draws pages and authenticates callers.

Its only durable state is a spool of hooks that the broker has not confirmed yet, and the last allowlist it saw. It
never opens the database, never decides what a push means and never touches anything on behalf of a pipeline: it turns
each call into one message and each answer into one HTTP answer.

`service` builds a worker (`settings`). Its `server` reads requests without holding a thread (`request_bodies`: how
large one may be), its `dispatcher` leads hooks to `receiver`, without Flask, and all else to `web`: `api` and `pages`,
which share `commands` and never import each other; an error's place in the documentation is known to `chapters`, and
`compression` is for pages and their files. Both get an `app_context`: `config_client` (questions and commands to the
other processes, over what `ports` names of the bus), `origins` (where a request comes from), `sign_ins` within what
`sign_in_refusals` remembers, `sign_on` (by a provider), `public_address` (where the world reaches us), `sessions` and
`roles` (who asks, and what to offer), `event_streams` (news for open pages, bounded by a `concurrency_limit`),
`health_board` (how each process is) and `broker_watch` (which queues need somebody). `readiness` decides what a load
balancer hears; `metrics` counts, in the `metrics_folder` that workers share.
"""
