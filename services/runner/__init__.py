"""The runner: carries out runs, and touches whatever is outside on behalf of a pipeline, an endpoint or a delivery.

Here live the engine, the task types (`tasks`), and short requests to registries, clusters and people (`registry`,
`validate`, `inspection`, `notifying`). The engine, from the outside in: `holder` has many runs, a `run` asks `decide`
and has `work` done on the tasks in `hand`, as far as `leave` was given; what is `known` is said by its `voice` through
`reporting`. Never here: HTTP in, the database, a definition, or any state that must survive this process: what a runner
knows and has not reported is lost with it.
"""
