"""The K8S task: applies, watches and rolls back objects of a Kubernetes cluster.

`task` hands each action to its module: `apply`, `mutations`, `queries`, `rollback`; `release` is the apply of a chart
or an overlay, with its `hook_runs` and the `inventory` of what it made, and `release_lifecycle` its CREATE and
DELETE. `rollout_trace` has the spans of workloads. `source` reads manifests, also those that are `rendered` by
`programs`, which run `without_network`: `kustomize`, and `charts`, after a `chart_source` is laid out with its
`chart_files` and `chart_dependencies`; `chart_images` finds the values that hold images. They compute the `desired`
objects with their `pull_secrets`, `write` them and `watch` the roll-out, with `explanations` of what does not become
ready. Modules that decide (`manifests`, `images`, `rollout`, `pods`, `unready`, `fence`, `hooks`, `managed_fields`,
`scaling`, `conflicts`, `server_defaults`, `stuck_pods`, `diff`, `outputs`, `errors`, `other_formats`,
`removed_versions`, and `answer_shapes` that an API server's answers may have) are pure and work on plain dicts; only
`cluster`, connected by `client`, with the `discovery` of what is served, talks to one.
"""
