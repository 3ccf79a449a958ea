"""Short requests from other services that need the outside, each answered within seconds.

`validate` tests an endpoint with the type's module in `checks`; `inspect` reads what a page asks for (certificates,
tags, workloads), with `charts` (a chart's values, and which of them hold an image), `sign_on`, `id_tokens` and `grants`
for sign-in providers; `check_sign_on` asks one whether it still vouches for open sessions; `list_tags` and
`resolve_tag` query registries; `follow_source` reads what a project's repository defines, and reports at its commits;
`test_delivery` sends a webhook's test delivery.

Never here: anything that changes a cluster, or outlives its answer.
"""
