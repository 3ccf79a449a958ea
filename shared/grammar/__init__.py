"""The pipeline language: document shape, `${…}`, conditions, inputs, plan, and what a history means.

What lives here is pure: values in, values out. No I/O, no clock, no secret key, no database, no broker. It is needed
by config (which checks and folds) and by runner (which resolves and decides), so both read a document the same way.

All YAML and JSON from outside is read by `yaml_parser` and `json_parser`, within `shared.contracts.bounds`; a
scalar's type is a table of `dialects`; `malformed` says what cannot be read, `cutting` shortens what is too large,
`names` finds what was probably meant.

A document is read by `documents` (with the place of everything), typed by `spec`, made from a tree by `pipelines`,
examined by `checks` (with `check_shape`, `check_inputs` beside `task_schemas`, and `check_references`), written by
`export` and compiled by `plan`. `expressions` finds each `${…}`, `resolving` puts in what it stands for,
`manifest_values` into a manifest; `condition_syntax` reads a condition, `conditions` answers it; `inputs` are a
run's. `progress` folds a history into `states`. `patterns` (with `regular` expressions and `versions`) and
`repositories` say which image is meant, `push_facts` what a push may say; `manifests` what of one may be shown.
`integrations` are custom integrations: code with its inputs and outputs.
"""
