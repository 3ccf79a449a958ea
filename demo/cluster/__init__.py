"""A Kubernetes API server made of values and threads: what a deployment tool meets, without a cluster.

Here live discovery, the verbs with server-side apply and field ownership, watches, validation by the schema of the
official client's models, and controllers that roll Deployments, StatefulSets, DaemonSets and Jobs out within about a
second. No container ever runs: an image whose tag contains "broken" cannot be pulled, one that contains "crash"
crashes for ever, one that contains "slow" takes ten times as long, and a Job whose image tag contains "fail" fails.

kmock was considered: it serves within a test's event loop and simulates neither apply nor roll-outs.

From the top: `__main__` starts `server`, which serves HTTP; `routes` turn a request into one of the `verbs`, `access`
says who may, `discovery` what is served. Verbs use `defaults`, `validate`, `patches`, `managers` over `fields`
(server-side apply) and `selectors`, on the objects of `store` by the rows of `kinds`; `errors` are their refusals.
`controllers` is the thread that moves things: `workloads` and `pods`, in their common `world`.
"""
