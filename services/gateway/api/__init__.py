"""Code Stream's REST API, and our own calls beside it, as one table of routes.

A handler is a plain function from a `Call` to a `Reply`; it turns the call into one message to config (or a runner)
and the answer into the API's shape. Nothing here decides anything: rights, validation and state are config's.

`routes` is the table and `route` one row of it, `openapi` prints it with `schemas`, `blueprint` hands it to Flask,
`encoded_slashes` keeps `%2F` in addresses apart, `call` is a request as a handler sees it, its `parameters` typed,
`wire` has the shapes of lists and errors, `signposts` what to try where nothing was found. Handlers: `generic` (what
most kinds share), `sign_in`, `oauth` (a program signed in by a page), `iaas`, `endpoints`, `templates`, `approvals`,
`sources` (Git and Gerrit), `integrations`, and `handlers` for the rest. What pages do too is in `commands`.
"""
