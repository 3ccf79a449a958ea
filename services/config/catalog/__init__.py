"""The catalog: what people define (projects, endpoints, variables, pipelines, webhooks, schedules) and who may change
it.

`base` is what all kinds share, `documents` their wire form, `context` their surroundings. `projects`, `variables`,
`audit` and `installation` (whose `options` may be changed while running) are kinds; `endpoints`, `pipelines`,
`schedules` and `webhooks` are packages of one kind each; `integrations` is code of a team's own, `sources` what is
kept for Git and Gerrit. `following` takes definitions that are kept in Git, and `read_only` refuses other writers;
`look_timer` says when to look there. `endings` reads when certificates, tokens and secrets end. `hooks` says which
webhooks should exist at registries, `references` resolves what a plan names, `transfer` imports and exports.

Never here: what happened (pushes, runs), SQL (the store's), HTTP (the gateway's), or anything that opens a secret:
the catalog passes sealed boxes on and shows a mask.
"""
