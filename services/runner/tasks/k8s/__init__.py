"""The K8S task: applying, watching and putting back objects of a Kubernetes cluster.

Modules that decide (`manifests`, `images`, `rollout`, `pods`, `fence`, `owned`, `diff`, `outputs`, `words`) are pure
and work on plain dicts; only `cluster` talks to an API server.
"""
