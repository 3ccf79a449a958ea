"""The mirror: keeps the hooks at Docker Hub in step with our webhooks.

Here live the management calls of registries (Docker Hub first) and the plan that compares the hooks that should exist
with those that do. hubsync keeps nothing: it asks config what is wanted, looks, acts, and reports each webhook's
state. It has no clock of its own: config says when to look. It never opens the database, serves HTTP or touches a
cluster, and it never deletes a hook of another installation.

`plan`, `retry` and `reports` decide from values alone; `answers`, `signing` and `dockerhub` speak Docker Hub's API,
whose refusals are `problems`; `mirror` joins them. `inspection` answers pages and checks, `tag_polls` lists tags.
`metrics` counts calls. `handlers` and `service` connect all that to the bus, with `settings`.
"""
