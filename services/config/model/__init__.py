"""Values that several layers share: frozen dataclasses and enums, with nothing below them but contracts and grammar.

`definitions` are what people define, `triggers` what matching needs of it; `people` and `rights`; `claims` is what
the run protocol knows about a run; `slots` what admission knows; `histories` makes a run's events smaller;
`deliveries`, `push_events`, `lineage` and `tag_memory` are about pushes.

Never here: a query, a decision that needs one, or an import of another layer of config.
"""
