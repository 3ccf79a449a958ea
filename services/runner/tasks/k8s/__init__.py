"""The K8S task: applies, watches and rolls back objects of a Kubernetes cluster.

`task` hands each action to its module: `apply`, `mutations`, `queries`, `rollback`. `source` reads manifests.
They compute the `desired` objects,
`write` them and `watch` the roll-out. Modules that decide (`manifests`, `images`, `rollout`, `pods`, `fence`,
`managed_fields`, `conflicts`, `server_defaults`, `stuck_pods`, `diff`, `outputs`, `errors`) are pure and work on plain
dicts; only `cluster`, connected by `client`, talks to an API server.
"""
