"""What the API and the pages both do: each command once, below the two faces that offer it.

Here belongs whatever both need to read or change something: `changes` (a change without its secrets), `sealing`
(which values of a body are secrets), `password_rule` (which passwords are too short), `imports` (the same for YAML),
`kubeconfig` (a pasted one as an endpoint's properties), `exec_plugins` (the sign-in at a cloud that one asks for),
`inspection` (an endpoint tried, and what its registry or cluster shows), `workloads` (a deployment beside its
cluster), `self_check` (a test delivery to a webhook), `git_pushes` (what a Git server announces), `snippets` (how a
build starts a pipeline), `files` (a list as CSV or JSON lines), `texts` (what every database can keep),
`samples` (sample data, which `make up` fills in), `notices` (what
administrators should do soon). Never here: an address, a form, a template, a status code; those belong to `api` and
`pages`, which never import each other.
"""
