"""The mirror: keeps the hooks at Docker Hub in step with our webhooks.

Here live the management calls of registries (Docker Hub first) and the plan that compares what should stand there with
what does. hubsync keeps nothing: it asks config what is wanted, looks, acts, and reports each webhook's state in words.
It has no clock of its own: config says when to look. It never opens the database, serves HTTP or touches a cluster, and
it never deletes a hook that is not this installation's.

`plan`, `retry`, `words` decide from values alone; `answers`, `signing` and `dockerhub` speak the Hub's language;
`mirror` joins them; `handlers` and `service` connect that to the bus.
"""
