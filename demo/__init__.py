"""The demo's outside world, for `make demo`, compose's demo profile and the tests: `hub` is a Docker Hub, `cluster` a
Kubernetes API server. `deploy-web.yaml` beside them is the pipeline that the demo imports, and
`promote-web.yaml` the one that pushes on to it.

Never here: anything of Portside. Both are started as processes, know nothing of who calls them, and would serve any
other client as well.
"""
