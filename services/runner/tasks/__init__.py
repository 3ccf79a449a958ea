"""The task types, one module each: what a pipeline's tasks do outside.

`registry` lists them. Modules: `condition`, `log`, `nested`, `notify`, `poll`, `rest`, `ssh`, `user_operation`;
packages: `ci`, `image`, `k8s`. `references` reads image references, `own_output` the outputs that a task names itself,
`shell_values` puts values into scripts.

Never here: the order of tasks, retries and timeouts (the engine's), or a message of the broker.
"""
