"""Every field that crosses a process border, and the one table of topics.

`topics` is the table; `envelope` wraps each message and `base` is what all have in common; `problems` are errors as
values. Messages by subject: `catalog`, `definition_sources`, `pushes`, `tag_polls`, `mirror`, `runs`, `history`,
`notices`, `health`, `sign_on_checks`. `failures` are codes for why a task failed. `public_url` reads our own address,
`endpoint_names` the older names of endpoints, `earlier` what release 0.1 asks in another form; `bounds` has all limits
of size and depth, `texts` and `secrets` say which values may be sent, kept and shown, `times` how times are
written; `schemas` generates the reference.

Messages are frozen pydantic models. Receivers ignore fields that they do not know; adding an optional field keeps a
version, anything else is a new one. Nothing here knows RabbitMQ, the database or HTTP.
"""
