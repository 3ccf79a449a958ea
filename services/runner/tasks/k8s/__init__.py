"""The K8S task: applying, watching and putting back objects of a Kubernetes cluster.

`task` hands each action to its module: `apply`, `changing`, `reading`, `undo`. They know what is `wanted`, write by
`writing` and wait by `watching`. Modules that decide (`manifests`, `images`, `rollout`, `pods`, `fence`, `owned`,
`conflicts`, `defaulted`, `left_behind`, `diff`, `outputs`, `words`) are pure and work on plain dicts; only `cluster`,
connected by `client`, talks to an API server.
"""
