"""Queries and changes of what people define: one module per kind, on the common `rows`.

`definition_sources`, `endpoints` (with variables), `integrations`, `people`, `pipelines`, `projects`, `schedules`,
`settings`, `sources` and `webhooks`; `uses` finds who refers to an object.
"""
