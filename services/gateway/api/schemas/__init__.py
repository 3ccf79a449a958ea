"""The objects of the API, as JSON Schema.

`table` has all of them by name, and what each must have when it is made. `parts` are the types of fields, `general`
is what every call shares; then by subject: `pipelines`, `executions`, `endpoints`, `triggers`, `projects`, `accounts`,
`installation`. Never here: routes, and how a call is answered.
"""
