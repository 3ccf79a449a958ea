"""The runner: carries out runs, and touches whatever is outside on behalf of a pipeline, an endpoint or a delivery.

Here live the engine (`decide`, `prepare`, `run`, `holder`), the task types (`tasks`), and short requests to registries
and clusters (`registry`, `validate`, `inspect`). Never here: HTTP in, the database, a definition, or any state that
must survive this process: what a runner knows and has not reported is lost with it.
"""
