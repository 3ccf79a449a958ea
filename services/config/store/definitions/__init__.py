"""Queries and changes of what people define: one module per kind, on the common `rows`.

`endpoints` (with variables), `people`, `pipelines`, `projects`, `schedules`, `settings` and `webhooks`; `uses` finds
who refers to an object.
"""
