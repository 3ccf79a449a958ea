"""Connections to the outside above TCP: one module per protocol, all with deadlines and bounds.

`http` asks on behalf of task types, `clouds` mints short-lived sign-ins, `registry` speaks the distribution API, `git`
reads files over `git_transport` from packs that `git_packs` measures and trees that `git_trees` counts, `git_folder`
writes those of a whole commit, `git_definitions` reads its YAML and `commit_status` reports at it,
`chart_repositories` fetches Helm charts, `ssh` (within the bounds of `ssh_transport`) and `smtp` their own protocols;
`certificates` reads and explains what a TLS server shows. Connections themselves, TLS and the HTTP client are
`shared.outbound`'s.

Never here: what an answer means for a run; task types and requests decide that.
"""
